"""All checks on one set of explanations, and what follows for them: trusted, not trusted, or not enough evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_audits.core import UsageError
from rai_audits.explain.checks.agreement import check_agreement
from rai_audits.explain.checks.completeness import check_completeness
from rai_audits.explain.checks.faithfulness import OFF_DISTRIBUTION, check_faithfulness
from rai_audits.explain.checks.quantity import CheckResult
from rai_audits.explain.checks.randomisation import check_randomisation
from rai_audits.explain.checks.stability import check_stability
from rai_audits.explain.checks.thresholds import MIN_DOCUMENTS, Options, Thresholds
from rai_audits.explain.checks.work import NAMES, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.attribution import Settings
    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.engine import Engine

Verdict = Literal["trusted", "not_trusted", "insufficient_evidence"]

_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Work], CheckResult | tuple[CheckResult, ...]]], ...] = (
    (("completeness",), check_completeness),
    (("comprehensiveness", "sufficiency"), check_faithfulness),
    (("randomisation",), check_randomisation),
    (("harmless_edits",), check_stability),
    (("agreement",), check_agreement),
)


@dataclass(frozen=True)
class Checks:
    """The results in the order of ``NAMES``, and the verdict on explanations by ``method``."""

    method: str
    results: tuple[CheckResult, ...]
    outcome: Verdict
    documents: int

    @property
    def sentence(self) -> str:
        """The verdict in words, naming the checks that decided it."""
        failed = [item.name for item in self.results if item.outcome == "failed"]
        unsure = [item.name for item in self.results if item.outcome == "insufficient_evidence"]
        if self.outcome == "trusted":
            return f"Explanations by {self.method} passed every check on {self.documents} documents."
        if self.outcome == "not_trusted":
            return f"Explanations by {self.method} are not to be relied on: they failed {_listed(failed)}."
        return f"Whether explanations by {self.method} can be relied on is not known: too little evidence on {_listed(unsure)}."

    def facts(self) -> dict[str, Any]:
        """Plain values for a report: the verdict, each check with its sentence and threshold, and what masking does."""
        return {
            "outcome": self.outcome,
            "sentence": self.sentence,
            "checks": {
                item.name: {
                    "outcome": item.outcome,
                    "sentence": item.sentence,
                    "threshold": "not_applicable" if item.threshold is None else item.threshold,
                }
                for item in self.results
            },
            "masking": OFF_DISTRIBUTION,
        }


def run_checks(
    engine: Engine,
    cases: Sequence[Case],
    settings: Settings,
    thresholds: Thresholds | None = None,
    options: Options | None = None,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Checks:
    """Put the presented attributions of ``cases`` to every check of the model opened in ``engine``.

    ``settings`` are those that made the attributions. The model is left as it was. A check that cannot be carried out gives
    ``insufficient_evidence`` with the error in its sentence; only ``UsageError`` for a wrong option is raised.
    """
    work = Work(
        engine, tuple(cases), settings, thresholds or Thresholds(), options or Options(), seed, confidence, progress
    )
    if work.options.agreement_with == settings.method:
        raise UsageError(f"the checks' 'agreement_with' is {settings.method!r}, the method itself; name another")
    results: list[CheckResult] = []
    for names, check in _CHECKS:
        try:
            found = check(work)
        except Exception as error:  # A crash must end as missing evidence, never as a lost check.
            told = f"The check could not be carried out: {type(error).__name__}: {error}"
            found = tuple(CheckResult(name, "insufficient_evidence", told) for name in names)
        results.extend(found if isinstance(found, tuple) else (found,))
    return Checks(settings.method, tuple(results), verdict_of(results), len(work.cases))


def verdict_of(results: Sequence[CheckResult]) -> Verdict:
    """``not_trusted`` when any check failed, ``trusted`` when every check of ``NAMES`` is there and passed, else neither.

    Of the checks only completeness may be not applicable: for methods that promise no sum.
    """
    by_name = {item.name: item.outcome for item in results}
    if "failed" in by_name.values():
        return "not_trusted"
    passed = [
        by_name.get(name) == "passed" or (name == "completeness" and by_name.get(name) == "not_applicable")
        for name in NAMES
    ]
    return "trusted" if all(passed) else "insufficient_evidence"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names) or f"fewer than {MIN_DOCUMENTS} documents"

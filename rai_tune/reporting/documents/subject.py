"""What the documents are about: one run with a trained model, as it may be shown, and the digests that it is bound to. Internal.

Numbers and names come from inputs in which small cells are hidden, as in every report; digests are of everything that was measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, sha256_json
from rai_tune.gate.content import why_empty
from rai_tune.reporting.suppression import shown
from rai_tune.reporting.text import clean
from rai_tune.reporting.view import build_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Attestation
    from rai_tune.recipe.schema import Recipe
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ReportView

NOBODY = "empty: nobody has stated this"
EU_PACK = "eu-ai-act-high-risk"
_SHORT = frozenset({"name", "provider", "contact", "version", "intended_users"})
"""Fields of ``system:`` whose content may be a word or two."""

_ALNUM = re.compile(r"\w")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from: what it is and the SHA-256 of its bytes."""

    name: str
    digest: str


@dataclass(frozen=True)
class Subject:
    """One run: ``real`` is what was measured (for digests only), ``told`` what may be shown, ``view`` the same in words."""

    real: ReportInputs
    told: ReportInputs
    view: ReportView

    @property
    def recipe(self) -> Recipe:
        return self.real.recipe

    @property
    def run_id(self) -> str:
        return clean(self.real.run.get("id", "unknown"))

    def digest(self, name: str) -> str:
        """One of the run's digests, such as ``model_digest``; empty where there is none."""
        return clean(self.real.run.get(name) or "", 140)

    def recorded(self, name: str, key: str) -> Source | None:
        """A source that is a digest of the run, or None while the run has none."""
        found = self.digest(key)
        return Source(name, found) if found else None

    def record(self, name: str) -> Source:
        """The stored record ``training``, ``environment`` or ``data`` of the run, canonical JSON."""
        return Source(f"{name} record", sha256_json(dict(getattr(self.real, name))))

    def audit(self, name: str) -> AuditResult | None:
        """An audit's result as it may be shown, or None when it did not run or stopped with an error."""
        return next((each for each in self.told.results if each.audit == name and each.status == "ok"), None)

    def audit_source(self, name: str) -> Source:
        """The stored result of an audit."""
        real = next(each for each in self.real.results if each.audit == name)
        return Source(f"audit {clean(name)}", sha256_json(real.to_json()))

    def decision_sources(self) -> Iterator[Source]:
        """Every decision with the digest under which it is stored."""
        for decision in self.real.decisions:
            yield Source(f"decision under {clean(decision.policy_id)}", sha256_json(decision.to_json()))


def subject_of(inputs: ReportInputs, document: str) -> Subject:
    """The run that a document is about. Raises ``UsageError`` for a table of predictions and for a run without a trained model."""
    if inputs.table is not None:
        raise UsageError(f"{document}: a table of predictions has no model to document; name a run")
    if not inputs.run.get("model_digest"):
        state = clean(inputs.run.get("state", "unknown"))
        raise UsageError(
            f"{document}: run {clean(inputs.run.get('id', 'unknown'))} is {state} and has no trained model"
        )
    return Subject(real=inputs, told=shown(inputs), view=build_view(inputs))


def stated(recipe: Recipe, field: str) -> str | None:
    """A text of the recipe's ``system:`` section, or None when nobody stated it; a placeholder states nothing."""
    text = str(getattr(recipe.system, field, None) or "")
    return text if _is_content(text, short=field in _SHORT) else None


def purpose(recipe: Recipe) -> str | None:
    """What the recipe says the model is for, or None where that is empty or a placeholder."""
    return recipe.purpose if _is_content(recipe.purpose, short=False) else None


def _is_content(text: str, *, short: bool) -> bool:
    why = why_empty(text)
    if why is None:
        return True
    # A name or a version is whole with one word or number; a placeholder is not.
    return short and bool(_ALNUM.search(text)) and "placeholder" not in why


def attestations_for(subject: Subject, controls: tuple[str, ...]) -> tuple[Attestation, ...]:
    """Statements of people about controls of the EU pack that hold for this model and this version of the pack."""
    decided = {each.policy_digest for each in subject.real.decisions if each.policy_id == EU_PACK}
    return tuple(
        each
        for each in subject.real.attestations
        if each.policy_id == EU_PACK
        and each.control in controls
        and each.model_digest == subject.real.run.get("model_digest")
        and (not decided or each.policy_digest in decided)
    )

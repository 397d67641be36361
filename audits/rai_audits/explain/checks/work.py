"""What every check is given: the opened model, the explained texts, the lines to hold them against, and how sure to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.checks.case import numbers_of
from rai_audits.explain.checks.quantity import Outcome, Quantity, judged
from rai_audits.explain.checks.thresholds import Options, Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.attribution import Settings, TokenAttribution
    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.target import Target

NAMES = ("completeness", "comprehensiveness", "sufficiency", "randomisation", "harmless_edits", "agreement")
"""The checks, in the order they are told."""


@dataclass(frozen=True)
class Work:
    """One run of the checks. ``confidence`` is that of each bound: a check passes at error 1 - confidence.

    Failing is shared among all checks (Bonferroni), so that sound explanations are called untrusted with probability at most 1 - confidence.
    Passing is not: trust needs every check, which only makes it rarer.
    """

    engine: Engine
    cases: tuple[Case, ...]
    settings: Settings
    thresholds: Thresholds = field(default_factory=Thresholds)
    options: Options = field(default_factory=Options)
    seed: int = 0
    confidence: float = 0.95
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None

    def judge(self, quantity: Quantity, threshold: float, *, at_least: bool) -> Outcome:
        """The outcome of one number against its line."""
        alpha = 1 - self.confidence
        return judged(quantity, threshold, at_least=at_least, pass_alpha=alpha, fail_alpha=alpha / len(NAMES))

    def attribute(
        self,
        texts: Sequence[EncodedText],
        targets: Sequence[Target],
        what: str,
        *,
        low: bool = False,
        method: str | None = None,
    ) -> list[TokenAttribution | None]:
        """Attributions of other texts, or by another method; None where there is none to compare.

        ``low`` takes few path points and asks for no completeness.
        """
        settings = replace(self.settings, method=method or self.settings.method)
        if low:
            steps = min(settings.steps, self.options.low_steps)
            settings = replace(
                settings,
                steps=steps,
                max_steps=steps,
                samples=min(settings.samples, 16),
                evaluations=min(settings.evaluations, 64),
            )
        found = attribute_opened(
            self.engine, texts, targets, settings, lambda done, total: self.progress(what, done, total)
        )
        kept = []
        for text, result in zip(texts, found, strict=True):
            told = result.status == "ok" or (result.status == "failed" and result.error is not None)
            kept.append(result if told and numbers_of(result, text) else None)
        return kept

"""One text on its way through a method: where it stands in the request, and what the model says at its two ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.explain.attribution import ABSOLUTE_TOLERANCE, TokenAttribution
from rai_audits.explain.baseline import baseline_ids
from rai_audits.explain.engine import Row
from rai_audits.explain.target import Target, class_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.engine import Engine

_FLOAT_NOISE = 1e-6


@dataclass(frozen=True)
class Job:
    """``value`` is the explained number at the text and ``blank_value`` at the baseline ``blank``; both are NaN before ``measured``."""

    place: int
    encoded: EncodedText
    target: Target | None
    blank: tuple[int, ...] = ()
    logits: tuple[float, ...] = ()
    value: float = math.nan
    blank_value: float = math.nan

    @property
    def change(self) -> float:
        """What the attributions of a complete method sum to."""
        return self.value - self.blank_value

    @property
    def weights(self) -> tuple[float, ...]:
        """The explained number as a linear function of the logits. Raises ``ValueError`` before the job was measured."""
        if self.target is None:
            raise ValueError("the job has no target before it is measured")
        return self.target.weights


def measured(engine: Engine, jobs: Sequence[Job]) -> list[Job]:
    """The jobs with their target, the logits at the text, and the explained number at both ends. Texts must have a token."""
    blanks = [baseline_ids(job.encoded, engine.pad) for job in jobs]
    rows = [Row(job.encoded.ids) for job in jobs]
    rows += [Row(job.encoded.ids, blank) for job, blank in zip(jobs, blanks, strict=True)]
    logits = engine.logits(rows)
    found = []
    for place, (job, blank) in enumerate(zip(jobs, blanks, strict=True)):
        at_text, at_blank = logits[place], logits[len(jobs) + place]
        classes = engine.model.classes
        target = job.target or class_target(classes, classes[int(np.argmax(at_text))])
        weights = np.asarray(target.weights)
        found.append(
            replace(
                job,
                target=target,
                blank=blank,
                logits=tuple(at_text.tolist()),
                value=float(at_text @ weights),
                blank_value=float(at_blank @ weights),
            )
        )
    return found


def settled(job: Job) -> TokenAttribution | None:
    """The result of a measured text that has nothing to attribute, else None."""
    if not math.isfinite(job.change):
        return TokenAttribution(
            attributions=(0.0,) * len(job.encoded),
            status="failed",
            reason="the model's output is not a finite number",
            target=job.target,
        )
    if not job.encoded.content_tokens:
        return undefined(job, "the text has no content tokens: it is its own baseline")
    if abs(job.change) <= _FLOAT_NOISE * max(1.0, abs(job.value), abs(job.blank_value)):
        return undefined(job, "the output does not change between baseline and text, so completeness is undefined")
    return None


def undefined(job: Job, reason: str) -> TokenAttribution:
    """The result of a text about which the method can say nothing."""
    return TokenAttribution(
        attributions=(0.0,) * len(job.encoded),
        status="undefined",
        reason=reason,
        target=job.target,
        logits=job.logits,
        change=job.change if math.isfinite(job.change) else None,
    )


def allowed_error(change: float, tolerance: float) -> float:
    """Largest completeness error, in logits: ``tolerance`` of the output change, or 0.01 where that is larger."""
    return max(tolerance * abs(change), ABSOLUTE_TOLERANCE)


def complete(
    job: Job,
    attributions: Sequence[float],
    *,
    tolerance: float,
    steps: int = 0,
    evaluations: int = 0,
    resolved: float | None = None,
) -> TokenAttribution:
    """Judge attributions that promise to sum to the output change: ``ok`` within the tolerance, else ``failed``."""
    total = math.fsum(attributions)
    if not math.isfinite(total):
        return TokenAttribution(
            attributions=(0.0,) * len(job.encoded),
            status="failed",
            reason="a gradient of the model is not a finite number",
            target=job.target,
            logits=job.logits,
            change=job.change,
            steps=steps,
            evaluations=evaluations,
        )
    error, allowed = abs(total - job.change), allowed_error(job.change, tolerance)
    at = f" at {steps} steps" if steps else ""
    return TokenAttribution(
        attributions=tuple(map(float, attributions)),
        status="ok" if error <= allowed else "failed",
        reason="" if error <= allowed else f"completeness error {error:.4f} above {allowed:.4f} logit{at}",
        target=job.target,
        logits=job.logits,
        change=job.change,
        error=error,
        steps=steps,
        evaluations=evaluations,
        resolved=resolved,
    )


def unsummed(job: Job, attributions: Sequence[float], *, evaluations: int = 0) -> TokenAttribution:
    """A result of a method that promises no sum; ``failed`` where a number is not finite."""
    finite = all(map(math.isfinite, attributions))
    return TokenAttribution(
        attributions=tuple(map(float, attributions)) if finite else (0.0,) * len(job.encoded),
        status="ok" if finite else "failed",
        reason="" if finite else "the model's output at a changed text is not a finite number",
        target=job.target,
        logits=job.logits,
        change=job.change,
        evaluations=evaluations,
    )

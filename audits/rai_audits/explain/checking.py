"""Explain texts and put the explanations to their checks, from a notebook. Stable API: ``checked_texts``, ``CheckedTexts``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.checks import Case, run_checks
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import class_target
from rai_audits.explain.texts import checked_settings, chosen_target, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rai_audits.explain.checks import Checks, Options, Thresholds
    from rai_audits.explain.model import TextModel
    from rai_audits.explain.texts import TextAttribution


@dataclass(frozen=True)
class CheckedTexts:
    """One attribution a text, and the checks of all of them together; ``checks.outcome`` says whether to rely on them."""

    attributions: tuple[TextAttribution, ...]
    checks: Checks


def checked_texts(
    model: TextModel,
    texts: Sequence[str],
    *,
    positive: str | None = None,
    target: str | None = None,
    method: str = "integrated_gradients",
    thresholds: Thresholds | None = None,
    work: Options | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    **settings: Any,
) -> CheckedTexts:
    """Attribute each text as ``attribute_texts`` does, and check the attributions as a whole.

    The verdict needs about 20 texts or more; with few it stays ``insufficient_evidence``. Raises ``UsageError`` as ``attribute_texts`` does.
    """
    chosen = chosen_target(model, positive, target)
    made_by = checked_settings({"method": method, "seed": seed, **settings})
    encoded = [encode_text(model, text) for text in texts]
    with opened(model, made_by.tokens_per_pass) as engine:
        tokens = attribute_opened(
            engine,
            encoded,
            [chosen] * len(encoded),
            made_by,
            lambda done, total: progress("explaining", done, total),
        )
        cases = [
            Case(str(place), text, found.target or class_target(model.classes, model.classes[0]), found)
            for place, (text, found) in enumerate(zip(encoded, tokens, strict=True))
        ]
        checks = run_checks(engine, cases, made_by, thresholds, work, seed=seed, progress=progress)
    attributions = tuple(folded(model, text, None, found, method) for text, found in zip(encoded, tokens, strict=True))
    return CheckedTexts(attributions, checks)

"""Which colour goes with which outcome. The word and the icon beside it come from the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rai_tune.review.components.literal import Tone

_TONES: dict[str, Tone] = {
    "pass": "pass",
    "fail": "fail",
    "damaged": "fail",
    "taken_back": "fail",
    "insufficient_evidence": "insufficient",
    "awaiting_signoff": "waiting",
}


def tone_of(outcome: str) -> Tone:
    """The tone of a verdict or of one control; a neutral one for whatever is neither good nor bad."""
    return _TONES.get(outcome, "none")

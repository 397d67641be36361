"""A text whose pieces have a coloured ground by signed weight. The text is set by ``textContent`` and is never markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.review.components.assets import component

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Piece:
    """A stretch of text. ``weight`` is -1 to 1, or None for a plain piece; ``note`` is its title: what it is, in numbers."""

    text: str
    weight: float | None = None
    note: str = ""


def heatmap(key: str, pieces: Sequence[Piece], *, label: str, raises: str = "", lowers: str = "") -> None:
    """Show the pieces in order. ``raises`` and ``lowers`` say what either colour means; without them there is no legend.

    Colour is never alone: what raises has a solid line below, what lowers a dashed one.
    """
    legend = [
        {"sample": "word", "weight": weight, "text": text} for weight, text in ((0.7, raises), (-0.7, lowers)) if text
    ]
    component("heatmap")(key=key, data={"pieces": [vars(piece) for piece in pieces], "label": label, "legend": legend})

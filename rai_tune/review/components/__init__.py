"""What pages show text of data with: every string lands in ``textContent``, so nothing in it is ever markup."""

from rai_tune.review.components.dot_plot import draw_chart, told_apart
from rai_tune.review.components.heatmap import Piece, heatmap
from rai_tune.review.components.literal import (
    Back,
    Banner,
    Bullets,
    Cell,
    Code,
    Facts,
    Heading,
    Links,
    Notice,
    Paragraph,
    Table,
    literal,
)
from rai_tune.review.components.pager import pager

__all__ = [
    "Back",
    "Banner",
    "Bullets",
    "Cell",
    "Code",
    "Facts",
    "Heading",
    "Links",
    "Notice",
    "Paragraph",
    "Piece",
    "Table",
    "draw_chart",
    "heatmap",
    "literal",
    "pager",
    "told_apart",
]

"""What the decisions of one run lean on, and one decision at a time: ``/explanations?run=ID&row=ROWID``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import run_page
from rai_tune.review.sections.explained import show_explained
from rai_tune.review.sections.leaning import show_leaning

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show(page: RunPage, workspace: Workspace) -> None:
    """Whether to believe the explanations first, then what they say over all rows, then one decision."""
    show_leaning(page.view)
    show_explained(page, workspace)


run_page("explanations", show)

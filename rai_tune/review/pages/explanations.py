"""What the decisions of one run lean on: ``/explanations?run=ID``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import run_page
from rai_tune.review.sections.leaning import show_leaning

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show(page: RunPage, _workspace: Workspace) -> None:
    """The checks of the explanations and the global picture."""
    show_leaning(page.view)


run_page("explanations", show)

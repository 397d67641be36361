"""The controls of every policy of one run: ``/policy?run=ID``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import run_page
from rai_tune.review.sections.controls import show_controls

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show(page: RunPage, _workspace: Workspace) -> None:
    """Every control, from the view."""
    show_controls(page.view)


run_page("policy", show)

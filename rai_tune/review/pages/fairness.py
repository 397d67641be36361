"""How the groups of one run are treated: ``/fairness?run=ID``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import run_page
from rai_tune.review.sections.measurements import show_groups

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show(page: RunPage, _workspace: Workspace) -> None:
    """Groups, from the view."""
    show_groups(page.view)


run_page("fairness", show)

"""The overview of one run, top to bottom: why this verdict, what stands in the way, quality, data, environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.sections.background import show_background
from rai_tune.review.sections.chosen import is_unchosen, show_chosen
from rai_tune.review.sections.controls import show_open
from rai_tune.review.sections.measurements import show_quality
from rai_tune.review.sections.predictions import show_predictions
from rai_tune.review.sections.progress import show_progress
from rai_tune.review.sections.verdict import show_next, show_verdict
from rai_tune.workspace.records import UNFINISHED, WORKING

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show_run(page: RunPage, workspace: Workspace) -> None:
    """Draw the overview. The frame has shown the verdict already."""
    run = workspace.run(page.view.run_id)
    unchosen = is_unchosen(page, workspace)
    # A trial that is done waits for nothing; going on with the search is not a matter of this one run.
    if run.state != "completed" and (run.state in UNFINISHED or not unchosen):
        show_progress(workspace, run)
    show_verdict(page)
    show_open(page.view)
    show_quality(page.view)
    show_chosen(page, workspace)
    if run.state not in WORKING and not unchosen:
        show_next(page.view)
    show_background(page.view)
    show_predictions(page, workspace)

"""A new run, from a table to a verdict in five steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.components import Banner, literal
from rai_tune.review.identity import only_reads
from rai_tune.review.navigation import parameter
from rai_tune.review.sections.new_check import START, show_check
from rai_tune.review.sections.new_columns import show_columns
from rai_tune.review.sections.new_data import show_data
from rai_tune.review.sections.new_form import form
from rai_tune.review.sections.new_model import show_model
from rai_tune.review.sections.new_start import show_failed, show_start

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace


def show_new(workspace: Workspace) -> None:
    """Draw the step that this session has come to, or the start that the address names."""
    why_not = only_reads(workspace)
    if why_not is not None:
        literal("new-reads", Banner("none", "–", "Not offered to you", why_not))
        return
    token = parameter(START)
    if token is not None:
        show_start(workspace, token)
        return
    answers = form()
    if answers.step == 1 or (answers.table is None and answers.demo is None):
        show_data(workspace, answers)
        show_failed(workspace)
    elif answers.step == 2:
        show_columns(answers)
    elif answers.step == 3:
        show_model(answers)
    else:
        show_check(workspace, answers)

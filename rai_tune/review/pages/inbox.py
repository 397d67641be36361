"""Candidates, what stands in their way and what waits for me. ``/?run=ID`` opens that run instead."""

from __future__ import annotations

from rai_tune.review.frame import run_page, workspace_page
from rai_tune.review.navigation import chosen_run
from rai_tune.review.sections.inbox import show_inbox
from rai_tune.review.sections.run import show_run

if chosen_run() is None:
    workspace_page("Inbox", show_inbox)
else:
    run_page("run", show_run)

"""A run from a table to a verdict in five steps: ``/new``. ``/new?start=TOKEN`` is one that was started."""

from __future__ import annotations

from rai_tune.review.frame import workspace_page
from rai_tune.review.sections.new_steps import show_new

workspace_page("New run", show_new)

"""Searches for good settings: ``/search``, one of them: ``/search?search=ID``."""

from __future__ import annotations

from rai_tune.review.frame import workspace_page
from rai_tune.review.sections.search import show_searches

workspace_page("Searches", show_searches)

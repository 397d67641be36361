"""Two candidates, or a candidate and what is in use: ``/compare?run=ID&with=ID_OR_ALIAS``."""

from __future__ import annotations

from rai_tune.review.frame import workspace_page
from rai_tune.review.sections.compare import show_compare

workspace_page("Compare", show_compare)

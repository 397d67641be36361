"""How the groups of one run are treated: ``/fairness?run=ID&attribute=NAME&metric=NAME``."""

from __future__ import annotations

from rai_tune.review.frame import run_page
from rai_tune.review.sections.fairness import show_fairness

run_page("fairness", show_fairness)

"""One run: the verdict first, then what it rests on. The address names the run: ``/run?run=ID``."""

from __future__ import annotations

from rai_tune.review.frame import run_page
from rai_tune.review.sections.run import show_run

run_page("run", show_run)

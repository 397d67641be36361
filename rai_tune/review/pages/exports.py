"""Exports of one run: ``/exports?run=ID``."""

from __future__ import annotations

from rai_tune.review.frame import run_page
from rai_tune.review.sections.exports import show_exports

run_page("exports", show_exports)

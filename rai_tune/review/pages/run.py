"""One run: the verdict first, then what it rests on. The address names the run: ``/run?run=ID``."""

from __future__ import annotations

from rai_tune.review.components import Paragraph, literal
from rai_tune.review.guard import guarded
from rai_tune.review.navigation import chosen_run, link_to_inbox
from rai_tune.review.sections.run import show_run


def show() -> None:
    """The run of the address, or a sentence that none is named."""
    link_to_inbox()
    run_id = chosen_run()
    if run_id is None:
        literal("no-run", Paragraph("No run is chosen. Open one from the list of all runs."))
    else:
        show_run(run_id)


guarded(show)

"""One decision explained on request, by the function behind ``raitune explain``. Nothing is stored: the session keeps the answer.

Every error is a sentence for the place where the reader asked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import RaiError
from rai_tune.reporting.decision_form import decision_form
from rai_tune.review.telling import error_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.decision_form import DecisionForm
    from rai_tune.workspace import Workspace

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A decision in words with its text and the columns of its template (JSON), or the problem in a sentence."""

    form: DecisionForm | None = None
    text: str = ""
    segments: str | None = None
    problem: str = ""


def explain_now(workspace: Workspace, run_id: str, row_id: str, progress: Callable[[str, int, int], None]) -> Answer:
    """Explain one decision of a completed run, of whatever split. Takes seconds: the model is loaded and hundreds of texts are scored."""
    import json

    from rai_tune.explaining import explain_row

    try:
        found = explain_row(run_id, workspace, row_id, progress)
    except RaiError as error:
        return Answer(problem=error_sentence(error))
    except Exception as error:
        _LOG.exception("a decision could not be explained")
        told = f"Something unexpected went wrong ({type(error).__name__}). 'raitune explain RUN --row ID' says more in a terminal."
        return Answer(problem=told)
    document = found.one.document
    segments = None
    if document.segments is not None:
        segments = json.dumps([[item.start, item.end, item.column] for item in document.segments])
    form = decision_form(
        found.one, split=found.split, threshold=found.threshold, verdict=found.verdict, told=found.verdict_sentence
    )
    return Answer(form, document.encoded.text, segments)

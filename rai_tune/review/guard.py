"""What a page shows when something goes wrong: a sentence and what to do, never a traceback."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, RaiError, UsageError
from rai_tune.review.components import Banner, Heading, Paragraph, literal
from rai_tune.review.telling import error_sentence

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)


def guarded(page: Callable[[], None]) -> None:
    """Run a page. Every error that it meets becomes a sentence; an unexpected one also goes to the server's log."""
    try:
        page()
    except IntegrityError as error:
        show_damage(error)
    except UsageError as error:
        literal("problem", Heading(1, "Nothing to show"), Paragraph(error_sentence(error)))
    except RaiError as error:
        literal(
            "problem", Heading(1, "Problem"), Banner("fail", "✗", "This page cannot be shown", error_sentence(error))
        )
    except Exception as error:
        _LOG.exception("a page failed")
        literal(
            "problem",
            Heading(1, "Problem"),
            Banner(
                "fail",
                "✗",
                "This page cannot be shown",
                f"Something unexpected went wrong ({type(error).__name__}). Nothing that is stored was changed. Reload the "
                "page; if that does not help, 'raitune report RUN' shows the same evidence in a terminal, and the log of "
                "'raitune ui' says where it failed.",
            ),
        )


def show_damage(error: IntegrityError) -> None:
    """Say that stored evidence is not what it was, and that nothing may be concluded from it."""
    literal(
        "damage",
        Heading(1, "No verdict"),
        Banner(
            "fail",
            "✗",
            "Evidence damaged",
            "Stored evidence of this run is missing or was changed after it was sealed, so no verdict is shown.",
        ),
        Paragraph(error_sentence(error)),
        Paragraph(
            "Restore the file from a backup, or make the run again. Do not rely on earlier copies of its report."
        ),
    )

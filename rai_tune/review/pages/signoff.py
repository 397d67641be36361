"""Sign-off of one run: ``/signoff?run=ID``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import run_page

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def show(_page: RunPage, _workspace: Workspace) -> None:
    """The frame alone."""


run_page("signoff", show)

"""Compare: ``/compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.frame import workspace_page

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace


def show(_workspace: Workspace) -> None:
    """The frame alone."""


workspace_page("Compare", show)

"""Quality of the decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Paragraph, literal
from rai_tune.review.sections.cells import measures

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView


def show_quality(view: ReportView) -> None:
    """How well the model does its task."""
    st.header("Quality", anchor="quality")
    literal(
        "quality",
        measures("Quality of the decisions", view.quality)
        if view.quality
        else Paragraph("The quality of the decisions was not measured."),
    )

"""Sections 5 to 9 of the technical documentation: what only people can state, and what the run adds to it. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.documents.annex_parts import DOCUMENTATION, AnnexSection, Statement, from_recipe, item
from rai_tune.reporting.documents.markdown import code, literal, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.documents.subject import Subject


def risks(subject: Subject) -> AnnexSection:
    """Section 5: the risk management system of Art. 9."""
    return AnnexSection(
        5,
        "Risk management system",
        (
            item(
                subject,
                "",
                "Risks known and foreseeable, and measures against them",
                people=["EUAIA-9-2", (DOCUMENTATION, "Risk management")],
            ),
            item(subject, "", "Residual risk judged acceptable", people=["EUAIA-9-5"]),
            item(subject, "", "Effects on minors and other vulnerable people", people=["EUAIA-9-9"]),
        ),
    )


def changes(subject: Subject) -> AnnexSection:
    """Section 6: changes through the lifecycle."""
    return AnnexSection(
        6,
        "Changes through the lifecycle",
        (item(subject, "", "Relevant changes made by the provider", people=[(DOCUMENTATION, "Changes")]),),
    )


def standards(subject: Subject) -> AnnexSection:
    """Section 7: harmonised standards, or what was done in their place."""
    return AnnexSection(
        7,
        "Standards and other specifications applied",
        (
            item(
                subject,
                "",
                "Harmonised standards applied, or that there are none",
                people=[(DOCUMENTATION, "Standards")],
            ),
            item(subject, "", "Other specifications the model was held against", *_packs(subject)),
        ),
    )


def _packs(subject: Subject) -> Iterator[Statement]:
    for decision, source in zip(subject.view.decisions, subject.decision_sources(), strict=True):
        row = (literal(decision.title), literal(decision.version), literal(decision.word), code(decision.digest))
        yield Statement(table(("Policy pack", "Version", "Decision", "SHA-256 of the pack"), [row]), (source,))


def declaration(subject: Subject) -> AnnexSection:
    """Section 8: the EU declaration of conformity, which this tool never writes."""
    return AnnexSection(
        8,
        "EU declaration of conformity",
        (
            item(
                subject,
                "",
                "Copy of the declaration",
                people=["EUAIA-47", (DOCUMENTATION, "EU declaration of conformity")],
            ),
        ),
    )


def post_market(subject: Subject) -> AnnexSection:
    """Section 9: performance after it is on the market."""
    return AnnexSection(
        9,
        "Monitoring after it is placed on the market",
        (
            item(
                subject,
                "",
                "Post-market monitoring plan",
                people=["EUAIA-72", (DOCUMENTATION, "Post-market monitoring")],
            ),
            item(subject, "", "Upkeep that is planned", from_recipe(subject, "maintenance")),
        ),
    )

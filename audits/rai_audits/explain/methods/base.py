"""The one interface of attribution methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rai_audits.explain.attribution import Settings, TokenAttribution
from rai_audits.explain.engine import Engine
from rai_audits.explain.jobs import Job

Attribute = Callable[[Engine, Sequence[Job], Settings], Iterator[tuple[Job, TokenAttribution]]]
"""Measured jobs, none of them settled, in any order; each comes back once. The result of a job depends on no other job."""


@dataclass(frozen=True)
class Method:
    """A registered method. ``sums``: its attributions promise to sum to the output change between baseline and text.

    ``title`` names it with its parameters' meaning, for a report. ``explains`` is false for the random baseline, which only others are held against.
    """

    name: str
    title: str
    sums: bool
    attribute: Attribute
    explains: bool = True

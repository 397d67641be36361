"""What the run's own evidence says against relying on the model: the same sentences in every document. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.documents.subject import Subject


def limits(subject: Subject) -> tuple[str, ...]:
    """Sentences about cut texts, notes on the data, unbelieved explanations, audits that failed and cells that are not shown."""
    return tuple(dict.fromkeys(_limits(subject)))


def _limits(subject: Subject) -> Iterator[str]:
    view = subject.view
    cut = {row.split: row.truncated for row in view.data.splits if row.truncated not in {"0", "not recorded"}}
    for split, count in cut.items():
        yield f"{count} texts of the split {split} were longer than the model reads and were cut."
    yield from view.data.notes
    if view.explanations.kind != "none" and view.explanations.verdict != "trusted":
        yield f"Explanations: {view.explanations.word.lower()}. {view.explanations.sentence}"
    for result in subject.told.results:
        if result.status != "ok":
            yield f"The audit {result.audit} stopped with an error, so nothing it measures is known."
    if any(item.status == "suppressed" for result in subject.told.results for item in result.measurements):
        k = view.suppress_below
        yield f"Cells about fewer than {k} people, and those that would give them away, are not shown."
    if view.state != "completed":
        yield f"The run is {view.state}: its evidence is not complete."
    yield "Intervals cover rows drawn like these; they say nothing about other populations, other times or wrong labels."

"""The ledger page: whether it holds, its head, every entry, what is served, and who may sign. One entry has an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import IntegrityError, UsageError
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.reporting.text import clean, full_sentence, sentence
from rai_tune.review.components import Banner, Cell, Facts, Heading, Paragraph, Table, literal
from rai_tune.review.ledger_state import checked
from rai_tune.review.listing import minute
from rai_tune.review.navigation import parameter
from rai_tune.review.sections.ledger_entries import show_entries, show_entry
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from rai_tune.promotion.people import RegisteredKey
    from rai_tune.promotion.serving import Promotion
    from rai_tune.promotion.told import LedgerState
    from rai_tune.workspace import Workspace

_EMPTY = (
    "The ledger is empty. It begins with the first key that is registered, the first signature or the first bundle: "
    "'raitune keys new NAME --role author'."
)
_ALONE = (
    "This alone cannot show whether the whole was cut or rewritten with the workspace's own key: for that, compare it with a head "
    "that somebody kept elsewhere."
)
_KEEP = "Keep the head outside the workspace, and bring it here to see that nothing before it was changed or removed."
_DAMAGED = (
    "Nothing can be promoted or served from it, and who may sign is not told from it. Restore the database from a backup; a head "
    "that was kept elsewhere says which backup is whole. Entries below are as stored."
)
_RESULT = "ledger-result"


def show_ledger(workspace: Workspace) -> None:
    """One entry when the address names one, else the whole ledger."""
    state = checked(workspace)
    _state(state)
    wanted = parameter("entry")
    if wanted is not None:
        show_entry(workspace, wanted)
        return
    if state.check is not None:
        _head(state)
    if state.check is None or state.check.entries:
        _verify(workspace)
        show_entries(workspace)
    if state.check is not None and state.check.entries:
        _served(state)
        _people(state)


def _state(state: LedgerState) -> None:
    """Whether the ledger holds, first. What does not hold is named."""
    if state.check is None:
        literal(
            "state", Banner("fail", "✗", "The ledger is damaged", full_sentence(state.problem)), Paragraph(_DAMAGED)
        )
    elif not state.check.entries:
        literal("state", Paragraph(_EMPTY))
    else:
        found = f"{state.check.entries:,} entries and {state.check.signatures:,} signatures hold. {_ALONE}"
        literal("state", Banner("pass", "✓", "Every entry holds", found))


def _head(state: LedgerState) -> None:
    if state.head is None or not state.head.size:
        return
    head = state.head
    literal(
        "head",
        Heading(2, "Head"),
        Facts((("Entries", f"{head.size:,}"), ("Root", head.root), ("Signed at", head.at)), code=True),
        Paragraph(_KEEP),
    )
    # A number and hexadecimal digits that were checked, with a button that copies them.
    st.code(f"{head.size}:{head.root}", language=None)


def _verify(workspace: Workspace) -> None:
    literal("verify", Heading(2, "Verify"))
    with st.form("ledger-verify", border=False):
        known = st.text_input(
            "A head that was kept elsewhere (optional)",
            key="ledger-known",
            max_chars=120,
            placeholder="SIZE:ROOT, or the root alone",
        )
        asked = st.form_submit_button("Verify")
    if asked:
        st.session_state[_RESULT] = _verified(workspace, known.strip())
    found: Banner | None = st.session_state.get(_RESULT)
    if found is not None:
        literal("verified", found)


def _verified(workspace: Workspace, known: str) -> Banner:
    """What ``raitune ledger verify`` says, now and from the stored bytes."""
    try:
        found = check_ledger(Ledger(workspace), known or None)
    except UsageError as error:
        return Banner("insufficient", "?", "Not checked", full_sentence(without_folders(error)))
    except IntegrityError as error:
        return Banner("fail", "✗", "Does not hold", full_sentence(without_folders(error)))
    counted = f"{found.entries:,} entries, {found.signatures:,} signatures, root {found.root}."
    if found.known_size is None:
        return Banner("pass", "✓", "Every entry holds", f"{counted} {_ALONE}")
    kept = (
        f"The given head is that of the first {found.known_size:,} entries: nothing before it was changed or removed."
    )
    return Banner("pass", "✓", "Every entry holds, and so does the given head", f"{counted} {kept}")


def _served(state: LedgerState) -> None:
    literal("served", Heading(2, "What is served"))
    if not state.promotions:
        literal("served-none", Paragraph("Nothing was promoted yet."))
    for place, (alias, history) in enumerate(state.aliases().items()):
        caption = f"{clean(alias)}: the newest promotion is what is served"
        literal(
            f"served-{place}",
            Table(
                caption,
                {"Run": "", "Promoted": "short", "By": "", "Model": "", "Entry": "number"},
                tuple(_promotion(item, served=item is history[0]) for item in history),
            ),
        )


def _promotion(item: Promotion, *, served: bool) -> tuple[Cell, ...]:
    back = f"rolled back to entry {item.rollback_of}" if item.rollback_of is not None else ""
    note = " · ".join(filter(None, ("served now" if served else "", back)))
    return (
        Cell(clean(item.run_id), note, run=item.run_id),
        Cell(minute(item.at)),
        Cell(clean(item.person)),
        Cell(item.model_digest[:16]),
        Cell(str(item.seq), page="ledger", query=(("entry", str(item.seq)),)),
    )


def _people(state: LedgerState) -> None:
    keys = state.registry.keys if state.registry else ()
    literal("people", Heading(2, "Who may sign"))
    if not keys:
        literal("people-none", Paragraph("No key is registered; 'raitune keys new NAME --role author' makes one."))
        return
    literal(
        "people-table",
        Table(
            "Registered people and their keys",
            {"Person": "", "Roles": "", "State": "", "Signs by": "", "Key": "", "Since": "short", "Entry": "number"},
            tuple(map(_key, keys)),
        ),
    )


def _key(key: RegisteredKey) -> tuple[Cell, ...]:
    revoked = key.revoked is not None
    because = f"in entry {key.revoked}: {sentence(key.revoked_because or '')}" if revoked else ""
    return (
        Cell(clean(key.person)),
        Cell(", ".join(sorted(key.roles))),
        Cell("✗ revoked", because, tone="fail") if revoked else Cell("✓ may sign", tone="pass"),
        Cell("single sign-on" if key.vouched else "own key"),
        Cell(key.key_id[:16]),
        Cell(minute(key.at)),
        Cell(str(key.seq), page="ledger", query=(("entry", str(key.seq)),)),
    )

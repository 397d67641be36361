"""What every signed deed on a page has around it: the state that the person saw, the deed itself, and what became of it.

The state is kept in the session from when it was first shown until the person takes a newer one or acts. A deed carries it, and the
function below the page refuses when it is no longer so; the page only says what changed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import RaiError, UsageError
from rai_tune.promoting import seen_now
from rai_tune.promotion.door import RefusedError
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.seen import Change, ChangedError, Seen, changes_since
from rai_tune.reporting.text import sentence
from rai_tune.review.components import Banner, Bullets, literal
from rai_tune.review.identity import identity
from rai_tune.review.listing import minute
from rai_tune.review.reading import open_workspace
from rai_tune.review.telling import error_sentence
from rai_tune.signing import BY_CONTROLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.review.components.literal import Tone
    from rai_tune.workspace import Workspace

    Deed = Callable[[Workspace, Signer], LedgerEntry]

_LOG = logging.getLogger(__name__)
_TOLD, _DONE = "signoff-told", "signoff-done"
NOBODY = "Nobody signs here: unlock your key or sign in first. Nothing was entered."


@dataclass(frozen=True)
class Told:
    """What became of a deed, to be said where the person acted."""

    place: str
    run_id: str
    tone: Tone
    icon: str
    word: str
    sentence: str
    changes: tuple[str, ...] = ()


def held_state(workspace: Workspace, now: Seen) -> Seen:
    """The state that this session saw first, and a notice where it is no longer so. What happened to other runs is taken silently."""
    place = f"signoff-seen-{now.run_id}"
    held = st.session_state.get(place)
    changes = changes_since(Ledger(workspace), held, now) if isinstance(held, Seen) else ()
    if not isinstance(held, Seen) or not changes:
        st.session_state[place] = now
        return now
    literal(
        "changed",
        Banner(
            "waiting",
            "!",
            "This run changed since you looked",
            "The page below shows the new state. What you sign rests on what you have seen: look at what changed, then go on.",
        ),
        Bullets(tuple(sentence(change.sentence) for change in changes)),
    )
    st.button("I have seen what changed", key="signoff-seen-it", on_click=_take, args=(place, now))
    return held


def act(place: str, run_id: str, seen: Seen, done: str, deed: Deed, clear: tuple[str, ...] = ()) -> None:
    """Do a deed as whoever signs in this session now, and note what became of it. ``done`` begins the sentence after success.

    ``clear`` are the fields that are emptied then; after a refusal everything typed stays. A second click on the same button does
    nothing: what it was drawn with is done, and the page that says so is only on its way.
    """
    if st.session_state.get(_DONE) == (place, done, seen):
        return
    try:
        with open_workspace() as workspace:
            person = identity(workspace)
            if person is None:
                raise UsageError(NOBODY)
            entry = deed(workspace, person.signer)
            after = seen_now(workspace, seen.run_id, entry.seq + 1)
    except ChangedError as error:
        _tell(_changed(place, run_id, error.changes))
    except RaiError as error:
        _tell(Told(place, run_id, "fail", "✗", "Refused", _why(error)))
    except Exception as error:
        _LOG.exception("a deed on a page failed")
        words = f"Something unexpected went wrong ({type(error).__name__}). Look at the ledger before you try again."
        _tell(Told(place, run_id, "fail", "✗", "Not known to be done", words))
    else:
        st.session_state[_DONE] = (place, done, seen)
        # The size is that of this entry: what others enter from now on is news to this person.
        st.session_state[f"signoff-seen-{run_id}"] = replace(after, statement=seen.statement)
        for name in clear:
            st.session_state[name] = "" if isinstance(st.session_state.get(name), str) else None
        words = f"{entry.predicate.get('person')} {done}: ledger entry {entry.seq}, {minute(entry.at)}."
        _tell(Told(place, run_id, "pass", "✓", "Entered", words))


def show_told(place: str, run_id: str) -> None:
    """What became of the last deed, where it was done."""
    told = st.session_state.get(_TOLD)
    if isinstance(told, Told) and (told.place, told.run_id) == (place, run_id):
        literal(f"told-{place}", Banner(told.tone, told.icon, told.word, told.sentence), Bullets(told.changes))


def _changed(place: str, run_id: str, changes: tuple[Change, ...]) -> Told:
    return Told(
        place,
        run_id,
        "waiting",
        "!",
        "Not entered: this run changed since you looked",
        "Nothing was signed, and what you typed is still there. Look at the new state above, say that you have seen it, and act again.",
        tuple(sentence(change.sentence) for change in changes),
    )


def _why(error: RaiError) -> str:
    """The words of whoever refused; what a control read is left to the tables of the page, which hide small cells."""
    if isinstance(error, RefusedError) and error.exit_code in BY_CONTROLS:
        return "The door stays shut, and nothing was entered: the blocking controls that are open are listed on this page, with what would settle them."
    return error_sentence(error)


def _tell(told: Told) -> None:
    st.session_state[_TOLD] = told


def _take(place: str, now: Seen) -> None:
    st.session_state[place] = now
    st.session_state.pop(_TOLD, None)

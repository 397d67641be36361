"""Who acts in this session, in words: a line on every page, the form that unlocks a key, and the screen before sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import RaiError, UsageError
from rai_tune.promotion.identity import key_files
from rai_tune.reporting.text import clean, full_sentence
from rai_tune.review import identity as session
from rai_tune.review import single_sign_on
from rai_tune.review.components import Banner, Heading, Notice, Paragraph, literal
from rai_tune.review.telling import error_sentence

if TYPE_CHECKING:
    from rai_tune.review.identity import Standing

_PASSPHRASE, _FILE, _REFUSED = "identity-passphrase", "identity-file", "identity-refused"
ROLES_OF_NOBODY = "no role"


def admit() -> None:
    """Where single sign-on is configured, nothing is shown before somebody is signed in. Ends the page then."""
    if not single_sign_on.configured():
        return
    wrong = single_sign_on.problem()
    if wrong:
        literal("sign-in", Heading(1, "Sign in"), Banner("fail", "✗", "Nobody can sign in", full_sentence(wrong)))
        st.stop()
    if not single_sign_on.signed_in():
        literal("sign-in", Heading(1, "Sign in"), Paragraph("Sign in to see the runs of this workspace."))
        st.button("Sign in", key="identity-sign-in", on_click=st.login, type="primary")
        st.stop()
    try:
        single_sign_on.person()
    except UsageError as error:
        literal("sign-in", Heading(1, "Sign in"), Banner("fail", "✗", "Not admitted", error_sentence(error)))
        st.button("Sign out", key="identity-sign-out", on_click=st.logout)
        st.stop()


def show_banner(found: Standing) -> None:
    """One line: who acts here, by what means, with which roles; and the way to change that."""
    with st.container(horizontal=True, vertical_alignment="center", key="signer"):
        literal("signer", _notice(found))
        if found.signed_in:
            st.button("Sign out", key="identity-sign-out", on_click=st.logout)
        elif found.identity is not None:
            st.button("Lock", key="identity-lock", on_click=session.lock)
    if not found.signed_in and found.identity is None:
        # Not a popover: that lies at the end of the page for a keyboard, and closes when a list inside it does.
        with st.expander("Unlock a key", key="identity-unlock"):
            _form()
    # Outside the expander, where it is seen whether that is open or not.
    refused = st.session_state.pop(_REFUSED, None)
    if refused:
        literal("identity-refused", Notice("fail", "✗", refused))


def show_missing(found: Standing) -> None:
    """What to do before acting, in the place where somebody wants to act."""
    if found.signed_in:
        words = f"{full_sentence(found.problem)} Ask whoever runs this workspace: 'raitune keys vouch PERSON --role reviewer' gives a role."
    else:
        words = "To act here, unlock your key at the top of the page ('Unlock a key'). It stays in this browser session only."
    literal("identity-missing", Banner("waiting", "?", "Nobody signs here yet", words))


def _notice(found: Standing) -> Notice:
    who = found.identity
    if who is not None:
        roles = ", ".join(sorted(who.roles)) or ROLES_OF_NOBODY
        means = (
            "with a key unlocked in this browser session"
            if who.how == "key"
            else "by single sign-on; the workspace's key signs and names them"
        )
        return Notice("pass", "✓", f"{clean(who.person, 120)} ({roles}) signs here, {means}.")
    if found.signed_in:
        return Notice(
            "waiting", "?", f"{clean(found.signed_in, 120)} is signed in and may read. {full_sentence(found.problem)}"
        )
    because = f" {full_sentence(found.problem)}" if found.problem else ""
    return Notice("none", "–", f"Nobody signs in this session: pages are for reading.{because}")


def _form() -> None:
    files = key_files()
    if not files:
        literal(
            "identity-no-keys", Paragraph("There is no key file in the keys folder; 'raitune keys new NAME' makes one.")
        )
        return
    with st.form("identity-form", border=False):
        st.selectbox("Key file", list(files), key=_FILE)
        st.text_input("Passphrase", type="password", key=_PASSPHRASE, autocomplete="off", max_chars=1024)
        st.form_submit_button("Unlock", on_click=_unlock)


def _unlock() -> None:
    """Take the passphrase out of the session first, whatever becomes of it."""
    from rai_tune.review.reading import open_workspace

    passphrase = str(st.session_state.get(_PASSPHRASE) or "")
    st.session_state[_PASSPHRASE] = ""
    name = str(st.session_state.get(_FILE) or "")
    try:
        with open_workspace() as workspace:
            session.unlock_here(workspace, name, passphrase)
    except RaiError as error:
        st.session_state[_REFUSED] = error_sentence(error)

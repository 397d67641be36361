"""The form with which a person signs the evidence of a run in a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.promotion.people import ROLES
from rai_tune.reporting.text import sentence
from rai_tune.review.components import Bullets, Paragraph, literal
from rai_tune.review.sections.acting import act
from rai_tune.signing import RETYPED, sign_statement

if TYPE_CHECKING:
    from rai_tune.gate.decision import Role
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.promotion.seen import Seen
    from rai_tune.signing import Offers
    from rai_tune.workspace import Workspace

PLACE = "signature"
_REASON, _DIGITS, _ROLE = "signoff-reason", "signoff-digits", "signoff-role"


def show_signature(seen: Seen, found: Offers) -> None:
    """The roles in which whoever is here may sign, a reason, and the beginning of the digest; or why not."""
    offered = [role for role in ROLES if found.sign[role] is None]
    refused = tuple(f"As {role}: {sentence(why)}." for role in ROLES if (why := found.sign[role]) is not None)
    if not offered:
        literal("sign-not", Paragraph("There is nothing here that you may sign now:"), Bullets(refused))
        return
    with st.form("signoff-sign", enter_to_submit=False):
        st.radio("Sign as", offered, key=_ROLE, horizontal=True)
        st.text_input("Why you sign, in a few words (they go on record)", key=_REASON, max_chars=1000)
        st.text_input(
            f"First {RETYPED} characters of the statement's digest",
            key=_DIGITS,
            max_chars=RETYPED,
            autocomplete="off",
        )
        st.form_submit_button("Sign", key="signoff-sign-it", on_click=_sign, args=(seen,))
    if refused:
        literal("sign-not", Paragraph("Not offered to you:", muted=True), Bullets(refused))


def _sign(seen: Seen) -> None:
    role: Role = st.session_state[_ROLE]
    reason, digits = str(st.session_state[_REASON]), str(st.session_state[_DIGITS])

    def deed(workspace: Workspace, signer: Signer) -> LedgerEntry:
        return sign_statement(workspace, seen, signer, role, reason, digits)

    act(PLACE, seen.run_id, seen, f"signed as {role}", deed, clear=(_REASON, _DIGITS))

"""A choice that is kept in the address, so that what is looked at can be sent to somebody. Reached by keyboard like any select box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.navigation import parameter, set_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping


def choose(label: str, name: str, options: Mapping[str, str], default: str | None = None) -> str | None:
    """One of ``options`` (value of the address -> what is shown); ``default``, else the first, where the address names none of them.

    ``label`` is one of our own words; what is shown may be text of data, for options of a select box are read as no markup.
    """
    key = f"choice-{name}"
    asked = parameter(name)
    # The address decides: a link, the back button and the box then always agree.
    st.session_state[key] = asked if asked in options else default or next(iter(options))

    def keep() -> None:
        set_parameter(name, st.session_state[key])

    return st.selectbox(label, list(options), format_func=options.__getitem__, key=key, on_change=keep)

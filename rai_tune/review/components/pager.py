"""Pages of a long list: which rows to show, and buttons to go on. Only the rows of one page are ever fetched and sent."""

from __future__ import annotations

from rai_tune.review.components.literal import Paragraph, literal


def pager(key: str, total: int, size: int = 50) -> range:
    """The rows to show now, as places from 0; draws nothing when all fit on one page.

    The page is kept in the session under ``key``, and is put back in its bounds when the list became shorter.
    """
    import streamlit as st

    last = max(0, (total - 1) // size)
    if last == 0:
        return range(total)
    place = f"{key}-page"
    now = min(max(int(st.session_state.get(place, 0)), 0), last)

    def turn(to: int) -> None:
        st.session_state[place] = to

    shown = range(now * size, min((now + 1) * size, total))
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-pager"):
        for word, to, off in (
            ("First", 0, now == 0),
            ("Previous", now - 1, now == 0),
            ("Next", now + 1, now == last),
            ("Last", last, now == last),
        ):
            st.button(word, key=f"{key}-{word}", on_click=turn, args=(to,), disabled=off)
        literal(f"{key}-where", Paragraph(f"{shown.start + 1:,} to {shown.stop:,} of {total:,}", muted=True))
    return shown

"""What a signature looks like in its field: name, role, key and date as text, with the font embedded. Stable API: ``signature_page``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.pdf.compiling import compile_typst
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from datetime import datetime

SHOWN_DIGITS = 16
"""Characters of the key id that are printed: as many as the command line shows."""


def signature_page(person: str, role: str, key_id: str, at: datetime) -> bytes:
    """A page as large as a signature field. ``at`` is in UTC."""
    data = {
        "person": clean(person),
        "line": f"signed as {role} on {at:%Y-%m-%d} at {at:%H:%M:%S} UTC by the clock of the signer's machine",
        "key": f"Ed25519 key {key_id[:SHOWN_DIGITS]}",
    }
    return compile_typst(("signature.typ",), data, {}, int(at.timestamp()), tags=False)

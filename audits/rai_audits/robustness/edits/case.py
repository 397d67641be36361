"""Letter case: all small letters, or all capitals where there are no capitals to lose.

An uncased tokenizer reads both the same, so a flip rate of exactly 0 is what such a model must show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


def change_case(text: str, _protected: frozenset[str], _draw: random.Random) -> str:
    """Lower case, or upper case when the text is in lower case already."""
    lower = text.lower()
    return lower if lower != text else text.upper()

"""Random draws that belong to one text: the same seed and tokens give the same numbers, whatever other texts are explained beside it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def text_seed(seed: int, ids: Sequence[int]) -> int:
    """A seed below 2^32 from the run's seed and the tokens of a text."""
    told = f"{seed}:{','.join(map(str, ids))}".encode()
    return int.from_bytes(sha256(told).digest()[:4], "big")


def generator(seed: int, ids: Sequence[int]) -> np.random.Generator:
    """A generator of its own for one text."""
    return np.random.default_rng(text_seed(seed, ids))

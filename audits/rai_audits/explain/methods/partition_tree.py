"""The order in which partition SHAP divides a text: halves of neighbouring words, then words, then the tokens of a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def partition_tree(words: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """Rows (left, right, distance, leaves) as SciPy's linkage has them, for the tokens of ``words`` counted from 0 in that order.

    The tree is balanced: full division of n tokens costs about n * n evaluations, where that of a chain doubles with every token.
    """
    leaves = sum(map(len, words))
    merges: list[tuple[int, int, float, float]] = []
    sizes = dict.fromkeys(range(leaves), 1)

    def joined(nodes: Sequence[int]) -> int:
        if len(nodes) == 1:
            return nodes[0]
        middle = (len(nodes) + 1) // 2
        left, right = joined(nodes[:middle]), joined(nodes[middle:])
        node = leaves + len(merges)
        sizes[node] = sizes[left] + sizes[right]
        merges.append((left, right, float(sizes[node]), float(sizes[node])))
        return node

    tops, reached = [], 0
    for word in words:
        tops.append(joined(range(reached, reached + len(word))))
        reached += len(word)
    if tops:
        joined(tops)
    return np.array(merges, dtype=np.float64).reshape(-1, 4)

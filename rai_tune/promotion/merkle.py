"""Merkle trees as in RFC 6962 and RFC 9162, section 2.1. Stable API: every public name here.

A leaf is the SHA-256 of a zero byte and the entry; a node is the SHA-256 of a one byte and its two children; a tree of n
leaves splits at the largest power of two smaller than n. All functions are pure, take leaf hashes (not entries) except
``leaf_hash``, and raise ``ValueError`` only when the caller asks for a proof that cannot exist. The ``verify_`` functions
answer False for anything that does not hold, a proof of the wrong length included, and never raise.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry as a leaf: SHA-256(0x00 || data), 32 bytes."""
    return sha256(b"\x00" + data).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes in this order; SHA-256 of nothing when there are none."""
    peaks: list[tuple[int, bytes]] = []  # complete subtrees from the left, each with its number of leaves
    for leaf in leaves:
        _add(peaks, leaf)
    return _fold(node for _, node in reversed(peaks)) if peaks else EMPTY_ROOT


def prefix_roots(leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """The root at every size from 0 to all leaves, in one walk: O(n log n) hashes instead of a tree for each size."""
    roots = [EMPTY_ROOT]
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        _add(peaks, leaf)
        roots.append(_fold(node for _, node in reversed(peaks)))
    return tuple(roots)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Siblings from the leaf up to the root (PATH of RFC 9162, 2.1.3.1); ``index`` counts from 0.

    Raises ``ValueError`` when there is no leaf at ``index``.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {len(leaves)}")
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the tree of ``size`` leaves with this root holds ``leaf`` at ``index`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position % 2 or position == last:
            node = _node(sibling, node)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            node = _node(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """Nodes which show that the tree of all leaves began with its first ``first`` leaves (PROOF of RFC 9162, 2.1.4.1).

    Empty when ``first`` is 0 or the number of leaves. Raises ``ValueError`` when ``first`` is outside the tree.
    """
    if not 0 <= first <= len(leaves):
        raise ValueError(f"no tree of {first} leaves at the beginning of one of {len(leaves)}")
    if first == 0:
        return ()
    path: list[bytes] = []
    start, end, whole = 0, len(leaves), True
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(root(leaves[middle:end]))
            end = middle
        else:
            path.append(root(leaves[start:middle]))
            start, whole = middle, False
    if not whole:
        path.append(root(leaves[start:end]))
    return tuple(reversed(path))


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the tree of ``second`` leaves began with the tree of ``first`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second or not _hashes(first_root, second_root, *proof):
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)  # the first tree is itself a node of the second
    if not path:
        return False
    position, last = first - 1, second - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            new = _node(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _add(peaks: list[tuple[int, bytes]], leaf: bytes) -> None:
    """Put one more leaf under the peaks, joining those of like width."""
    width, node = 1, leaf
    while peaks and peaks[-1][0] == width:
        node = _node(peaks.pop()[1], node)
        width *= 2
    peaks.append((width, node))


def _fold(nodes_from_the_right: Iterable[bytes]) -> bytes:
    nodes = iter(nodes_from_the_right)
    node = next(nodes)
    for left in nodes:
        node = _node(left, node)
    return node


def _split(size: int) -> int:
    """Largest power of two smaller than ``size`` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def _hashes(*values: bytes) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_BYTES for value in values)

"""The Merkle tree against the reference values of Certificate Transparency, and its proofs for every small tree."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_tune.promotion import merkle

# The eight entries and the roots of the first n of them are the published test data of Certificate Transparency's tree.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 writes it, by recursion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def some_leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(f"entry {number}".encode()) for number in range(count)]


def test_known_roots() -> None:
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES]
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [merkle.root(leaves[:size]).hex() for size in range(1, 9)] == list(ROOTS)


def test_known_proofs() -> None:
    """Values of the published proofs: PATH(0, D[8]), PATH(5, D[8]) and PROOF(6, D[8])."""
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES]
    assert [node.hex() for node in merkle.inclusion_proof(leaves, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [node.hex() for node in merkle.inclusion_proof(leaves, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [node.hex() for node in merkle.consistency_proof(leaves, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(0, 130))
@settings(max_examples=60, deadline=None)
def test_root_is_the_recursion_of_the_rfc(count: int) -> None:
    leaves = some_leaves(count)
    assert merkle.root(leaves) == naive_root(leaves)


def test_a_root_of_ten_thousand_leaves_is_quick() -> None:
    leaves = some_leaves(10_000)
    started = time.perf_counter()
    merkle.root(leaves)
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("size", range(1, 41))
def test_every_leaf_of_every_small_tree_is_proved_and_only_there(size: int) -> None:
    leaves = some_leaves(size)
    top = merkle.root(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(leaves, index)
        assert merkle.verify_inclusion(leaves[index], index, size, proof, top)
        assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, top)
        assert not merkle.verify_inclusion(leaves[index], index, size, proof, merkle.leaf_hash(b"other root"))
        assert not merkle.verify_inclusion(leaves[index], index, size, (*proof, top), top)
        for other in range(size):
            if other != index:
                assert not merkle.verify_inclusion(leaves[index], other, size, proof, top)
        for place in range(len(proof)):
            assert not merkle.verify_inclusion(leaves[index], index, size, flipped(proof, place), top)
            assert not merkle.verify_inclusion(leaves[index], index, size, proof[:place] + proof[place + 1 :], top)


@pytest.mark.parametrize("second", range(41))
def test_every_pair_of_sizes_is_consistent_and_no_other_root_is(second: int) -> None:
    leaves = some_leaves(second)
    new = merkle.root(leaves)
    for first in range(second + 1):
        old = merkle.root(leaves[:first])
        proof = merkle.consistency_proof(leaves, first)
        assert merkle.verify_consistency(first, second, proof, old, new)
        assert not merkle.verify_consistency(first, second, proof, merkle.leaf_hash(b"another past"), new)
        assert not merkle.verify_consistency(first, second, (*proof, new), old, new)
        if first:
            assert not merkle.verify_consistency(first, second, proof, old, merkle.leaf_hash(b"another present"))
        for place in range(len(proof)):
            assert not merkle.verify_consistency(first, second, flipped(proof, place), old, new)
            assert not merkle.verify_consistency(first, second, proof[:place] + proof[place + 1 :], old, new)


def test_a_rewritten_past_has_no_proof() -> None:
    leaves = some_leaves(20)
    rewritten = [merkle.leaf_hash(b"rewritten"), *leaves[1:]]
    proof = merkle.consistency_proof(rewritten, 13)
    assert not merkle.verify_consistency(13, 20, proof, merkle.root(leaves[:13]), merkle.root(rewritten))


@given(size=st.integers(1, 300), data=st.data())
@settings(max_examples=60, deadline=None)
def test_proofs_hold_in_larger_trees(size: int, data: st.DataObject) -> None:
    leaves = some_leaves(size)
    top = merkle.root(leaves)
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, top)
    assert len(proof) <= (size - 1).bit_length()
    consistency = merkle.consistency_proof(leaves, first)
    assert merkle.verify_consistency(first, size, consistency, merkle.root(leaves[:first]), top)


def test_what_cannot_be_proved_is_refused_and_what_is_no_hash_never_verifies() -> None:
    leaves = some_leaves(3)
    top = merkle.root(leaves)
    for index in (-1, 3):
        with pytest.raises(ValueError, match=f"no leaf {index} in a tree of 3"):
            merkle.inclusion_proof(leaves, index)
    for first in (-1, 4):
        with pytest.raises(ValueError, match="at the beginning of one of 3"):
            merkle.consistency_proof(leaves, first)
    assert not merkle.verify_inclusion(b"short", 0, 1, (), b"short")
    assert not merkle.verify_inclusion(leaves[0], -1, 3, (), top)
    assert not merkle.verify_consistency(2, 1, (), top, top)
    assert not merkle.verify_consistency(1, 3, (), leaves[0], top)
    assert not merkle.verify_consistency(0, 3, (), top, top)


def flipped(proof: tuple[bytes, ...], place: int) -> tuple[bytes, ...]:
    bad = bytearray(proof[place])
    bad[place % 32] ^= 1
    return (*proof[:place], bytes(bad), *proof[place + 1 :])

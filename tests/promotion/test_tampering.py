"""Ten thousand seeded changes of bundle and ledger, and every byte of a bundle: all found, given one head kept elsewhere.

Three kinds of hand: one that changes bytes, one that packs a well-formed archive again, and one that also holds the workspace's
key and signs manifest and ledger anew. What is missed without the head is stated at the end.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from rai_tune.core import canonical_json
from rai_tune.promotion import merkle, verify
from rai_tune.promotion.dsse import IN_TOTO, seal
from rai_tune.promotion.keys import key_id_of

BLIND, PACKING, INSIDER = 4000, 3000, 3000
PARTS = 4


def bundle_of(told) -> tuple[bytes, str]:
    """The bundle and the head that was kept elsewhere."""
    return told.bundle(), f"{len(told.chain.entries)}:{told.chain.root()}"


def tampered(data: bytes, chance: random.Random) -> bytes:
    """The data after one edit, deletion, insertion, reordering or truncation; never the same data."""
    while True:
        start = chance.randrange(len(data))
        end = min(len(data), start + chance.choice([1, 1, 2, 8, 64]))
        other = chance.randrange(len(data))
        piece = data[start:end]
        kind = chance.choice(["edit", "delete", "insert", "move", "cut", "double"])
        if kind == "edit":
            changed = data[:start] + chance.randbytes(end - start) + data[end:]
        elif kind == "delete":
            changed = data[:start] + data[end:]
        elif kind == "insert":
            changed = data[:start] + chance.randbytes(end - start) + data[start:]
        elif kind == "move":
            rest = data[:start] + data[end:]
            changed = rest[:other] + piece + rest[other:]
        elif kind == "cut":
            changed = data[:start]
        else:
            changed = data[:end] + piece + data[end:]
        if changed != data:
            return changed


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_changed_bytes_are_found(story, part: int) -> None:
    data, head = bundle_of(story.promoted())
    chance = random.Random(f"bytes {part}")
    for number in range(BLIND // PARTS):
        assert verify.first_problem(tampered(data, chance), head) is not None, number


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_changed_files_in_a_well_formed_archive_are_found(story, part: int) -> None:
    data, head = bundle_of(story.promoted())
    files = verify.read_zip(data)
    chance = random.Random(f"files {part}")
    for number in range(PACKING // PARTS):
        changed = dict(files)
        name = chance.choice(sorted(changed))
        kind = chance.choice(["edit", "edit", "edit", "drop", "swap", "rename", "add"])
        if kind == "edit":
            changed[name] = tampered(changed[name], chance)
        elif kind == "drop":
            del changed[name]
        elif kind == "swap":
            other = chance.choice([each for each in sorted(changed) if changed[each] != changed[name]])
            changed[name], changed[other] = changed[other], changed[name]
        elif kind == "rename":
            changed[f"documents/moved-{number}"] = changed.pop(name)
        else:
            changed[f"documents/new-{number}"] = chance.randbytes(20)
        assert verify.first_problem(verify.write_zip(changed), head) is not None, (number, kind, name)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_ledger_rewritten_with_the_workspace_key_is_found(story, part: int) -> None:
    """Entries edited, dropped, reordered, inserted or cut, then leaves, root, head and manifest made and signed again."""
    told = story.promoted()
    _, head = bundle_of(told)
    entries, decision = list(told.chain.entries), told.decision().to_json()
    chance = random.Random(f"insider {part}")
    for number in range(INSIDER // PARTS):
        told.chain.entries = rewritten(entries, chance, told.chain.own)
        assert verify.first_problem(told.bundle(told.files(decision)), head) is not None, number
    told.chain.entries = entries
    assert verify.first_problem(told.bundle(told.files(decision)), head) is None


def rewritten(entries: list, chance: random.Random, own) -> list:
    """A ledger that differs from the first one in what it says, in its length or in its order."""
    while True:
        changed = list(entries)
        place = chance.randrange(len(changed))
        other = chance.randrange(len(changed))
        kind = chance.choice(["at", "kind", "envelope", "person", "drop", "swap", "cut", "copy"])
        if kind in {"at", "kind", "envelope", "person"}:
            changed[place] = edited(changed[place], kind, chance, own)
        elif kind == "drop":
            del changed[place]
        elif kind == "swap":
            changed[place], changed[other] = changed[other], changed[place]
        elif kind == "cut":
            del changed[max(place, 1) :]
        else:
            changed.insert(place, changed[other])
        changed = [numbered(entry, seq) for seq, entry in enumerate(changed)]
        if [entry.leaf for entry in changed][: len(entries)] != [entry.leaf for entry in entries]:
            return changed


def edited(entry, kind: str, chance: random.Random, own):
    if kind == "at":
        return replace(entry, at=f"2026-11-26T09:{chance.randrange(60):02d}:{chance.randrange(60):02d}.000000Z")
    if kind == "kind":
        return replace(entry, kind=chance.choice([name for name in verify.KINDS if name != entry.kind]))
    body = entry.statement
    if kind == "person":
        body["predicate"]["person"] = chance.choice(["Ann", "Rosa", "Ben", "Eve"])
    else:
        body["predicate"]["comment"] = chance.randbytes(4).hex()
    return replace(entry, envelope=seal(body, IN_TOTO, own))


def numbered(entry, seq: int):
    """The entry made again for its place: text and leaf fit what it says."""
    from hashlib import sha256

    fields = {
        **json.loads(entry.entry),
        "seq": seq,
        "kind": entry.kind,
        "at": entry.at,
        "envelope": sha256(entry.envelope.encode()).hexdigest(),
    }
    text = canonical_json(fields).decode()
    return replace(entry, seq=seq, entry=text, leaf=merkle.leaf_hash(text.encode()).hex())


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_byte_of_a_bundle_matters(story, part: int) -> None:
    """Each byte xored with a seeded value that is not zero."""
    data, head = bundle_of(story.promoted())
    chance = random.Random(f"flip {part}")
    buffer = bytearray(data)
    for place in range(part, len(data), PARTS):
        buffer[place] ^= chance.randrange(1, 256)
        assert verify.first_problem(bytes(buffer), head) is not None, place
        buffer[place] = data[place]
    assert bytes(buffer) == data
    assert verify.first_problem(data, head) is None


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_bytes_matter_without_the_help_of_the_archive(story, part: int) -> None:
    """Bytes of each file changed in an archive that is written anew, so that only digests and signatures can tell.

    Every byte of the manifest and of the ledger's head; of the other files every eighth, since one digest stands for all.
    """
    data, head = bundle_of(story.promoted())
    files = verify.read_zip(data)
    chance = random.Random(f"flip inside {part}")
    for name, content in files.items():
        every = PARTS if name in {"manifest.json", "ledger/head.json"} else 8 * PARTS
        for place in range(part, len(content), every):
            changed = bytearray(content)
            changed[place] ^= chance.randrange(1, 256)
            packed = verify.write_zip({**files, name: bytes(changed)})
            assert verify.first_problem(packed, head) is not None, (name, place)


def test_a_few_of_each_are_found_at_once(story) -> None:
    """The quick sample of the above, for every run of the tests."""
    told = story.promoted()
    data, head = bundle_of(told)
    chance = random.Random("sample")
    assert all(verify.first_problem(tampered(data, chance), head) for _ in range(100))
    files = verify.read_zip(data)
    for name in files:
        packed = verify.write_zip({**files, name: tampered(files[name], chance)})
        assert verify.first_problem(packed, head), name
    entries, decision = list(told.chain.entries), told.decision().to_json()
    for _ in range(20):
        told.chain.entries = rewritten(entries, chance, told.chain.own)
        assert verify.first_problem(told.bundle(told.files(decision)), head)


# What is missed without the head


def test_without_head_and_key_a_whole_rewrite_by_a_new_workspace_passes_and_either_finds_it(story) -> None:
    real = story.promoted()
    forged = story.promoted(own=story.key("a new workspace"))
    data = forged.bundle()
    assert verify.first_problem(data) is None
    assert "rewritten or cut" in str(verify.first_problem(data, head=real.chain.root()))
    key = key_id_of(real.chain.own.public_key())
    assert "not the one given with --key" in str(verify.first_problem(data, key=key))


def test_without_head_a_cut_by_the_holder_of_the_workspace_key_passes(story) -> None:
    """The promotion is taken back as if it had never been; the same key signs the shorter ledger."""
    told = story.promoted()
    _, head = bundle_of(told)
    key = key_id_of(told.chain.own.public_key())
    told.chain.entries.pop()
    assert verify.first_problem(told.bundle(), key=key) is None
    assert "the ledger was rewritten or cut" in str(verify.first_problem(told.bundle(), head, key))


def test_without_head_a_past_told_anew_with_everybodys_keys_passes(story) -> None:
    """Whoever holds every key can tell another story; only a head from before can contradict it."""
    told = story.promoted()
    _, head = bundle_of(told)
    other = story.Story()
    other.sign("Rosa", "reviewer", comment="in other words")
    other.promote()
    assert verify.first_problem(other.bundle()) is None
    assert "the ledger was rewritten or cut" in str(verify.first_problem(other.bundle(), head))

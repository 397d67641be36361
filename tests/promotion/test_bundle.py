"""Bundles: one byte form, readable by any unzip, and every other archive refused by name."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_tune.core import IntegrityError, UsageError
from rai_tune.promotion import verify
from rai_tune.promotion.bundle import ledger_files, pack, unpack

NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,12}){0,2}", fullmatch=True)
FILES = st.dictionaries(NAMES, st.binary(max_size=60), min_size=1, max_size=8)


@given(FILES)
@settings(max_examples=100, deadline=None)
def test_an_archive_comes_back_and_other_tools_can_read_it(files: dict[str, bytes]) -> None:
    data = verify.write_zip(files)
    assert verify.read_zip(data) == files
    assert verify.write_zip(dict(reversed(files.items()))) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {item.filename: archive.read(item) for item in archive.infolist()} == files
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert [item.filename for item in archive.infolist()] == sorted(files)


def test_the_same_story_gives_the_same_bytes(story) -> None:
    assert story.promoted().bundle() == story.promoted().bundle()


def test_a_bundle_unpacks_to_its_files(story) -> None:
    told = story.promoted()
    contents = unpack(told.bundle())
    assert contents.run_id == story.RUN
    assert contents.names("documents/") == ("documents/README.txt",)
    assert contents.json("policies/example.json")["id"] == "example"
    assert {name: content for name, content in contents.files.items() if name != "manifest.json"} == told.files()
    assert contents.manifest["head"] == {"size": 10, "root": told.chain.root()}
    with pytest.raises(IntegrityError, match=r"decisions/other\.json is not in the bundle"):
        contents.json("decisions/other.json")


@pytest.mark.parametrize(
    "name",
    [
        "../manifest.json",
        "documents/../../etc/passwd",
        "/etc/passwd",
        "C:/windows",
        "documents\\report.pdf",
        "documents//report.pdf",
        "./report.pdf",
        "documents/.hidden",
        "documents/ümlaut.txt",
        "documents/a b.txt",
        "documents/",
        "",
        "d/" + "x" * 199,
        "documents/nul\x00.txt",
        "documents/line\n.txt",
    ],
)
def test_names_that_climb_out_or_are_odd_are_refused(name: str) -> None:
    with pytest.raises(verify.Refused, match="is not a file name that a bundle may hold"):
        verify.write_zip({name: b""})
    with pytest.raises(verify.Refused, match="is not a file name that a bundle may hold"):
        verify.read_zip(handmade([entry(name)]))


def test_the_longest_name_is_200_characters() -> None:
    name = "d/" + "x" * 198
    assert verify.read_zip(verify.write_zip({name: b"1"})) == {name: b"1"}


def entry(name: str, content: bytes = b"text", **changes: int | bytes) -> dict[str, object]:
    return {
        "name": name.encode("utf-8"),
        "content": content,
        "flags": 0,
        "method": 0,
        "version": 20,
        "size": len(content),
        "extra": b"",
        "comment": b"",
        **changes,
    }


def handmade(entries: list[dict], comment: bytes = b"", before: bytes = b"", after: bytes = b"") -> bytes:
    """A zip file with any oddity that one asks for."""
    body, central, offset = b"", b"", 0
    for item in entries:
        name, content, extra = item["name"], item["content"], item["extra"]
        crc = zlib.crc32(content)
        common = (item["version"], item["flags"], item["method"], 0, 33, crc, len(content), item["size"], len(name))
        local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", *common, len(extra)) + name + extra + content
        note = item["comment"]
        central += (
            struct.pack(
                "<4sHHHHHHIIIHHHHHII",
                b"PK\x01\x02",
                0x0314,
                *common,
                len(extra),
                len(note),
                0,
                0,
                0o100644 << 16,
                offset + len(before),
            )
            + name
            + extra
            + note
        )
        body += local
        offset += len(local)
    count, start = len(entries), len(before) + len(body)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(central), start, len(comment))
    return before + body + central + end + comment + after


def test_the_handmade_archive_without_oddity_is_the_real_one() -> None:
    assert handmade([entry("a.txt"), entry("b/c.txt")]) == verify.write_zip({"a.txt": b"text", "b/c.txt": b"text"})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (handmade([entry("a.txt"), entry("a.txt")]), r"the name 'a\.txt' is in it twice"),
        (handmade([entry("a.txt", zlib.compress(b"0" * 10**6)[2:-4], method=8, size=10**6)]), r"a\.txt is compressed"),
        (handmade([entry("a.txt", size=10**6)]), r"a\.txt is compressed"),
        (handmade([entry("a.txt", flags=1)]), r"a\.txt is encrypted"),
        (handmade([entry("a.txt", version=45)]), r"a\.txt is in zip64 form"),
        (handmade([entry("a.txt", extra=b"\x01\x00\x00\x00")]), r"a\.txt carries an extra field or a comment"),
        (handmade([entry("a.txt", comment=b"hello")]), r"a\.txt carries an extra field or a comment"),
        (handmade([entry("a.txt")], comment=b"hello"), "it does not end as a bundle does"),
        (handmade([entry("a.txt")], after=b"\x00"), "it does not end as a bundle does"),
        (handmade([entry("a.txt")], before=b"PK\x03\x04"), "something was changed, added or reordered"),
        (handmade([entry("b.txt"), entry("a.txt")]), "something was changed, added or reordered"),
        (handmade([entry("a.txt", flags=0x800)]), "something was changed, added or reordered"),
        (verify.write_zip({"a.txt": b"text"})[:-1], "it does not end as a bundle does"),
        (verify.write_zip({"a.txt": b"text"})[:40], "it does not end as a bundle does"),
    ],
)
def test_an_archive_of_another_form_is_refused_by_name(data: bytes, why: str) -> None:
    with pytest.raises(verify.Refused, match=why):
        verify.read_zip(data)


def test_an_ordinary_zip_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}" * 1000)
    with pytest.raises(IntegrityError, match=r"the bundle is damaged: manifest\.json is compressed"):
        unpack(buffer.getvalue())


def test_files_that_overlap_cannot_grow_an_archive() -> None:
    """Ten thousand names for the same bytes: the classic bomb without compression."""
    content = b"x" * 5000
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(content), 5000, 5000, 5, 0)
    body = local + b"00000" + content
    fixed = (0x0314, 20, 0, 0, 0, 33, zlib.crc32(content), 5000, 5000, 5, 0, 0, 0, 0, 0o100644 << 16, 0)
    central = b"".join(
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", *fixed) + f"{number:05d}".encode() for number in range(10_000)
    )
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 10_000, 10_000, len(central), len(body), 0)
    with pytest.raises(verify.Refused, match="its size does not fit into the archive"):
        verify.read_zip(body + central + end)


def test_too_many_files_and_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(verify.Refused, match=r"it would hold 10,001 files; the limit is 10,000"):
        verify.write_zip({f"f{number}": b"" for number in range(10_001)})
    with pytest.raises(verify.Refused, match=r"it holds 10,001 files; the limit is 10,000"):
        verify.read_zip(handmade([entry(f"f{number:05d}", b"") for number in range(10_001)]))
    data = verify.write_zip({"a.txt": b"x" * 1000})
    monkeypatch.setattr(verify, "MAX_BYTES", 900)
    with pytest.raises(verify.Refused, match="it would be larger than 900 bytes"):
        verify.write_zip({"a.txt": b"x" * 1000})
    with pytest.raises(verify.Refused, match=r"it has 1,\d\d\d bytes; the limit is 900"):
        verify.read_zip(data)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip file", b"PK\x05\x06" + b"\x00" * 18, b"%PDF-1.7"])
def test_what_is_no_bundle_is_a_usage_error(data: bytes) -> None:
    with pytest.raises(UsageError, match="this cannot be opened as a bundle"):
        unpack(data)


def test_a_zip_without_manifest_and_a_newer_format_are_named(story) -> None:
    with pytest.raises(UsageError, match=r"it holds no manifest\.json"):
        unpack(verify.write_zip({"statement.json": b"{}"}))
    told = story.promoted()
    newer = newer_bundle(story, told)
    with pytest.raises(UsageError, match=r"'rai-tune/bundle/v2', and this file checks 'rai-tune/bundle/v1'; a newer"):
        unpack(newer)


def newer_bundle(story, told) -> bytes:
    from rai_tune.promotion.dsse import seal

    files = told.files()
    manifest = {"schema": "rai-tune/bundle/v2", "run": story.RUN, "files": {}, "head": {}, "more": 1}
    return verify.write_zip({**files, "manifest.json": seal(manifest, verify.BUNDLE_TYPE, told.chain.own).encode()})


def test_what_cannot_be_packed_is_refused(story) -> None:
    told = story.promoted()
    with pytest.raises(UsageError, match=r"the bundle cannot be written: '\.\./x' is not a file name"):
        pack(story.RUN, {"../x": b""}, told.chain.head(), told.chain.own)
    with pytest.raises(IntegrityError, match="the ledger has 9 entries and a head of size 10"):
        ledger_files(told.chain.texts[:-1], told.chain.entries, told.chain.head())


def test_entries_after_the_head_stay_out(story) -> None:
    told = story.promoted()
    head = told.chain.head()
    texts = told.chain.texts
    told.sign("Rosa", "reviewer")
    files = ledger_files(texts, told.chain.entries, head)
    assert "ledger/entries/9.json" in files
    assert "ledger/entries/10.json" not in files

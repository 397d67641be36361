"""YAML from outside, read as plain JSON values and nothing more. Stable API: ``load_yaml`` and ``load_yaml_file``.

Use it for every YAML file that a person or a third party wrote. It builds values itself from PyYAML's event stream
rather than from its constructors, so that nothing in a file can name a Python type, share a node, or grow: 258 bytes
of aliases can stand for half a million leaves. It also reads what people mean: ``yes``, ``no``, ``on``, ``off``, dates
and ``1:30`` stay the text that was written (they are label values far more often than booleans or base-60 numbers), and
``1e-3`` is a number.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

MAX_BYTES = 262_144
MAX_DEPTH = 50
MAX_INTEGER = 2**53 - 1
"""Largest integer that JSON carries exactly (RFC 8785); beyond it digests would not be well defined."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")  # integers are tried first
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class WrittenFloat(float):
    """A float that remembers how it was written, so that ``1.10`` can still become the text "1.10"."""

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        value = super().__new__(cls, text)
        value.text = text
        return value


def load_yaml_file(path: Path | str, *, max_bytes: int = MAX_BYTES, written: bool = False) -> Any:
    """Read one YAML document from a file of at most ``max_bytes``; see ``load_yaml``.

    Raises ``UsageError`` when the file is missing, unreadable or too large; a large file is refused by its size, unread.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if file.is_dir():
            raise UsageError(f"{file}: this is a folder, not a YAML file.")
        if size > max_bytes:
            raise _too_large(str(file), f"{size:,}", max_bytes)
        with file.open("rb") as handle:
            data = handle.read(max_bytes + 1)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file.") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}.") from error
    if len(data) > max_bytes:
        raise _too_large(str(file), f"more than {max_bytes:,}", max_bytes)
    return load_yaml(data, str(file), max_bytes, written=written)


def load_yaml(text: str | bytes, source: str, max_bytes: int = MAX_BYTES, *, written: bool = False) -> Any:
    """Read one YAML document as None, bool, int, float, str, list and dict with text keys.

    ``source`` is the name that errors begin with. With ``written``, floats come back as ``WrittenFloat``.
    Raises ``UsageError`` naming source, line and column for anything else: text that is not UTF-8, more than
    ``max_bytes``, anchors, aliases, tags, merge keys, duplicate keys, a key that is not a plain value, more than 50 levels,
    a second document, numbers that are not finite or that JSON cannot hold.
    """
    decoded = _decode(text, source, max_bytes)
    return _Builder(source, written).build(_events(decoded, source))


def _too_large(source: str, size: str, limit: int) -> UsageError:
    return UsageError(f"{source}: {size} bytes of YAML; the limit is {limit:,} bytes.")


def _decode(text: str | bytes, source: str, max_bytes: int) -> str:
    if len(text) > max_bytes:
        raise _too_large(source, f"{len(text):,}" if isinstance(text, bytes) else f"at least {len(text):,}", max_bytes)
    if isinstance(text, bytes):
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{source}: not UTF-8 text: byte 0x{text[error.start]:02x} at offset {error.start}. Save the file as UTF-8."
            ) from None
    else:
        decoded = text
    decoded = decoded.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(decoded):
        before = decoded[: bad.start()]
        line, column = before.count("\n") + 1, bad.start() - (before.rfind("\n") + 1) + 1
        raise UsageError(
            f"{source}: line {line}, column {column}: the character U+{ord(bad.group()):04X} is not allowed in YAML."
        )
    size = len(decoded.encode("utf-8"))
    if size > max_bytes:
        raise _too_large(source, f"{size:,}", max_bytes)
    return decoded


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _events(text: str, source: str) -> Iterator[yaml.Event]:
    import yaml

    try:
        yield from yaml.parse(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        problem = error.problem or error.context or "not valid YAML"
        mark = error.problem_mark or error.context_mark
        raise _at(source, mark, problem + _hint(text, mark)) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The pure Python scanner lets the errors of chr() through, for an escape such as "\UFFFFFFFF".
        raise UsageError(f"{source}: not valid YAML: {error}.") from None


def _hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    rest = lines[mark.line][mark.column :]
    if rest.startswith("\t"):
        return " (indent with spaces, not tabs)"
    if rest[:1] in {"@", "`", "%"}:
        return f" (put text that begins with {rest[0]} in quotes)"
    return ""


def _at(source: str, mark: Any, problem: str) -> UsageError:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return UsageError(f"{source}: {where}{problem.rstrip('.')}.")


class _Builder:
    """Turns events into values; holds what every error needs."""

    def __init__(self, source: str, written: bool) -> None:
        self._source = source
        self._written = written

    def build(self, events: Iterator[yaml.Event]) -> Any:
        import yaml

        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "a second document begins here; one file holds one document")
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, events, 1)
        return value

    def _error(self, event: yaml.Event, problem: str) -> UsageError:
        return _at(self._source, event.start_mark, problem)

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Any:
        import yaml

        self._refuse_sharing(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth > MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self._node(event, events, depth + 1))
            return items
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in mapping:
                raise self._error(event, f"the key {key!r} is here a second time in the same mapping")
            mapping[key] = self._node(next(events), events, depth + 1)
        return mapping

    def _refuse_sharing(self, event: yaml.Event) -> None:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, f"aliases are not allowed (*{event.anchor}); write the value out")
        if anchor := getattr(event, "anchor", None):
            raise self._error(event, f"anchors are not allowed (&{anchor}); write the value out where it is used")
        if tag := getattr(event, "tag", None):
            raise self._error(event, f"tags are not allowed ({tag}); quote the value if it is text")

    def _key(self, event: yaml.Event) -> str:
        import yaml

        self._refuse_sharing(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "a key must be text, not a list or a mapping")
        if event.implicit[0]:
            if event.value == "<<":
                raise self._error(event, "merge keys (<<) are not allowed; write the keys out")
            if event.value == "":
                raise self._error(event, "a key is missing before ':'")
        return self._text(event)

    def _text(self, event: yaml.ScalarEvent) -> str:
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            raise self._error(event, "an escape stands for half a character (a lone surrogate)")
        return str(event.value)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = self._text(event)
        if not event.implicit[0]:  # quoted or block text
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
                raise self._error(
                    event, f"the integer {text[:24]} is larger than JSON can hold; quote it if it is a name"
                )
            return int(text)
        if _NON_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            raise self._error(event, f"{text[:24]} is not a finite number; quote it if it is text")
        if _FLOAT.fullmatch(text):
            return WrittenFloat(text) if self._written else float(text)
        return text

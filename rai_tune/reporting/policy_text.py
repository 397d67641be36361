"""Policy packs and their differences as plain lines for a terminal, and as JSON. Texts of a pack pass through ``clean``. Stable API.

``listing``, ``one_pack`` and ``differences`` give lines of at most 80 characters; the functions that end in ``_json`` give plain
JSON values.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from rai_tune.gate.force import force_of
from rai_tune.gate.shown import check_words, value_words
from rai_tune.reporting.text import MAX_SENTENCE, clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from rai_tune.gate import Control, LoadedPolicy, Policy
    from rai_tune.gate.diffing import Change, PolicyDiff

WIDTH = 80
_MODES = ("automated", "hybrid", "attestation")
_STANDINGS = {
    "in_force": "in force",
    "organisation": "an organisation's own",
    "guidance": "guidance, not law",
}


def listing(packs: Sequence[LoadedPolicy], day: date) -> Iterator[str]:
    """Each pack in two or three lines: id, version and standing; title; controls by mode."""
    for loaded in packs:
        pack = loaded.policy
        yield from _wrapped(f"{pack.id} {pack.version}: {pack_standing(pack, day)}", 0)
        yield from _wrapped(sentence(pack.title), 2)
        yield from _wrapped(_counts(pack, day), 2)


def listing_json(packs: Sequence[LoadedPolicy], day: date) -> dict[str, Any]:
    """The packs as one document."""
    rows = [
        {
            "id": loaded.policy.id,
            "version": loaded.policy.version,
            "title": loaded.policy.title,
            "standing": pack_standing(loaded.policy, day),
            "digest": loaded.digest,
            "controls": len(loaded.policy.controls),
            "modes": _modes(loaded.policy),
            "applying": len(_applying(loaded.policy, day)),
        }
        for loaded in packs
    ]
    return {"schema": "rai-tune/policies/v1", "as_of": day.isoformat(), "policies": rows}


def one_pack(loaded: LoadedPolicy, day: date) -> Iterator[str]:
    """A whole pack: what it is, then every control."""
    pack = loaded.policy
    yield from _wrapped(f"{pack.id} {pack.version}: {sentence(pack.title)}", 0)
    yield from _wrapped(sentence(pack.summary), 2)
    facts = [
        ("issuer", sentence(pack.issuer)),
        ("jurisdiction", sentence(pack.jurisdiction) if pack.jurisdiction else ""),
        ("standing", f"{pack_standing(pack, day)}, on {day.isoformat()}"),
        ("quorum", _quorum(pack)),
        ("alpha", "divided by the runs that opened the test rows" if pack.divide_alpha_by_openings else ""),
        ("texts and tables of a run are kept", _kept(pack)),
        ("verified on", pack.verified_on.isoformat()),
        ("digest", loaded.digest),
    ]
    yield from _facts(facts, 2)
    yield from _sources(pack.sources, 2)
    yield ""
    yield from _wrapped(_counts(pack, day), 0)
    for control in pack.controls:
        yield ""
        yield from _control(control, pack, day)


def one_pack_json(loaded: LoadedPolicy, day: date) -> dict[str, Any]:
    """A whole pack with, for each control, its standing on a day and its check in words."""
    body = loaded.policy.model_dump(mode="json", exclude_none=True)
    for control, written in zip(loaded.policy.controls, body["controls"], strict=True):
        force = force_of(control, loaded.policy, day)
        written["standing"] = force.status
        written["applies"] = force.idle_because is None
        written["check_words"] = check_words(written.get("check"))
    return {"schema": "rai-tune/policy-view/v1", "as_of": day.isoformat(), "digest": loaded.digest, "policy": body}


def differences(diff: PolicyDiff) -> Iterator[str]:
    """What changed, control by control, and whether the version says so."""
    old, new = diff.old, diff.new
    yield f"old: {old.id} {old.version}, digest {old.digest[:16]}"
    yield f"new: {new.id} {new.version}, digest {new.digest[:16]}"
    if diff.same_digest:
        yield "The packs are the same: their digests are equal."
        return
    for control, changes in _by_control(diff.changes):
        yield ""
        yield control or "The pack itself"
        for change in changes:
            yield from _wrapped(clean(change.words, 3 * MAX_SENTENCE), 2)
    yield ""
    verdict = "" if diff.version_fits else " That does not fit."
    yield from _wrapped(f"Version: {diff.version_words}.{verdict}", 0)


def pack_standing(pack: Policy, day: date) -> str:
    """Standing of the instrument behind a pack on a day."""
    if pack.status == "superseded":
        return "superseded"
    if pack.applies_from is not None and pack.applies_from > day:
        return f"future, from {pack.applies_from.isoformat()}"
    return _standing("in_force" if pack.status == "future" else pack.status)


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Lines of at most 80 characters, the later ones two further in."""
    return list(_wrapped(text, indent))


def _control(control: Control, pack: Policy, day: date) -> Iterator[str]:
    force = force_of(control, pack, day)
    body = control.model_dump(mode="json", exclude_none=True)
    threshold = (body.get("check") or {}).get("threshold") or (body.get("check") or {}).get("people")
    verified = control.verified_on or pack.verified_on
    severity = {"block": "blocks", "warn": "warns", "info": "informs"}[control.severity]
    yield from _wrapped(f"{control.id}: {sentence(control.title)}", 0)
    yield from _wrapped(sentence(control.asks), 2)
    facts = [
        ("reference", sentence(control.reference)),
        ("also known as", clean(", ".join(control.also_known_as or ()), MAX_SENTENCE)),
        ("decided by", {"automated": "evidence", "hybrid": "evidence and a person"}.get(control.mode, "a person")),
        ("severity", severity if force.idle_because is None else f"{severity}, when it applies"),
        ("check", clean(check_words(body.get("check")), MAX_SENTENCE)),
        ("threshold", f"{value_words(threshold['value'])}, from {_origin(threshold['origin'])}" if threshold else ""),
        ("source of the threshold", sentence(threshold["source"]) if threshold else ""),
        ("sections", clean(", ".join(control.sections or ()), MAX_SENTENCE)),
        ("when", clean(control.when, MAX_SENTENCE) if control.when else ""),
        ("standing", _dates(force.status, force.applies_from, force.applies_until)),
        ("on that day", "" if force.idle_because is None else force.idle_because.rstrip(".")),
        ("binding", "law that binds" if control.binding else "no"),
        ("verified on", verified.isoformat()),
    ]
    yield from _facts(facts, 2)
    yield from _sources(control.sources, 2)


def _origin(origin: str) -> str:
    return {"law": "law", "guidance": "guidance", "organisation": "the organisation"}[origin]


def _dates(status: str, starts: date | None, ends: date | None) -> str:
    words = [_standing(status)]
    words += [f"applies from {starts.isoformat()}"] if starts else []
    words += [f"until {ends.isoformat()}"] if ends else []
    return ", ".join(words)


def _standing(status: str) -> str:
    return _STANDINGS.get(status, status)


def _quorum(pack: Policy) -> str:
    return f"{pack.quorum} people beside the author" if pack.quorum else ""


def _kept(pack: Policy) -> str:
    if pack.retention is None:
        return ""
    days = pack.retention.texts_days
    return f"{value_words(days.value)} days, from {_origin(days.origin)}: {sentence(days.source)}"


def _counts(pack: Policy, day: date) -> str:
    modes = ", ".join(f"{count} {mode}" for mode, count in _modes(pack).items() if count)
    idle = len(pack.controls) - len(_applying(pack, day))
    later = f"; {idle} shown for information, not in force" if idle else ""
    return f"{len(pack.controls)} control{'s' if len(pack.controls) > 1 else ''}: {modes}{later}"


def _modes(pack: Policy) -> dict[str, int]:
    counted = Counter(control.mode for control in pack.controls)
    return {mode: counted[mode] for mode in _MODES}  # type: ignore[index]


def _applying(pack: Policy, day: date) -> list[str]:
    return [control.id for control in pack.controls if force_of(control, pack, day).idle_because is None]


def _by_control(changes: Iterable[Change]) -> list[tuple[str | None, list[Change]]]:
    found: dict[str | None, list[Change]] = {}
    for change in changes:
        found.setdefault(change.control, []).append(change)
    return list(found.items())


def _facts(facts: Iterable[tuple[str, str]], indent: int) -> Iterator[str]:
    for name, words in facts:
        if words:
            yield from _wrapped(f"{name}: {words}", indent)


def _sources(sources: Iterable[str], indent: int) -> Iterator[str]:
    for source in sources:
        yield from _wrapped(f"source: {sentence(source)}", indent)


def _wrapped(text: str, indent: int) -> Iterator[str]:
    first = " " * indent
    yield from textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=f"{first}  ")

"""What changed between two packs, field by field, in words; and whether the step of the version fits. Pure, stable API.

Use: ``compare_policies(old, new)``. What a pack decides on and what it only says are told apart: a changed title needs another
patch, a changed threshold a minor version, and a control that is gone or asks for less a major one. A field that this module does
not know counts as one that decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from rai_tune.core import Value
from rai_tune.gate.shown import check_words, field_words, value_words
from rai_tune.gate.tightening import tightening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set

    from rai_tune.gate.policy import Control, LoadedPolicy, Policy

DIFF_SCHEMA = "rai-tune/policy-diff/v1"

Effect = Literal["wording", "decides", "stricter", "looser", "added", "removed"]
Step = Literal["none", "patch", "minor", "major"]

_STEPS: tuple[Step, ...] = ("none", "patch", "minor", "major")
_STEP_OF: dict[Effect, Step] = {
    "wording": "patch",
    "decides": "minor",
    "stricter": "minor",
    "added": "minor",
    "looser": "major",
    "removed": "major",
}
_WORDING = frozenset(
    {"reference", "title", "asks", "sources", "verified_on", "also_known_as", "issuer", "summary", "jurisdiction"}
    | {"binding", "check.threshold.source", "check.people.source", "retention.texts_days.source"}
)


class PackName(Value):
    """One of the two packs that are compared."""

    id: str
    version: str
    title: str
    digest: str


class Change(Value):
    """One thing that differs. ``control`` is None for a field of the pack itself; an absent value is None."""

    control: str | None
    field: str
    """Name of the field with its path, such as ``check.threshold.value``; ``control`` when the whole control came or went."""
    old: Any = None
    new: Any = None
    effect: Effect
    words: str


class PolicyDiff(Value):
    """Everything that differs between two packs, and the least step of the version that it asks for."""

    schema_: str = Field(default=DIFF_SCHEMA, alias="schema")
    old: PackName
    new: PackName
    same_digest: bool
    changes: tuple[Change, ...]
    needed: Step
    version_fits: bool
    version_words: str

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


def compare_policies(old: LoadedPolicy, new: LoadedPolicy) -> PolicyDiff:
    """Every field that differs, and whether the new version number says so.

    A digest covers the meaning of a pack and not its layout, so equal digests mean that nothing changed.
    """
    changes = tuple(_changes(old.policy, new.policy)) if old.digest != new.digest else ()
    steps = {_STEP_OF[change.effect] for change in changes}
    needed = next((step for step in reversed(_STEPS) if step in steps), _STEPS[0])
    if old.policy.id != new.policy.id:
        fits, words = True, "the two packs have different ids, so their versions are not compared"
    else:
        fits, words = _version(old, new, needed)
    return PolicyDiff(
        old=_name(old),
        new=_name(new),
        same_digest=old.digest == new.digest,
        changes=changes,
        needed=needed,
        version_fits=fits,
        version_words=words,
    )


def changed_controls(old: Policy, new: Policy) -> frozenset[str]:
    """Ids of the controls, of either pack, that may be decided differently because of what the packs say.

    Those whose conditions read the outcome of such a control are not among them: ``with_readers`` adds them.
    """
    before, after = ({control.id: _deciding(control, pack) for control in pack.controls} for pack in (old, new))
    return frozenset(name for name in {*before, *after} if before.get(name) != after.get(name))


def with_readers(ids: Collection[str], *packs: Policy) -> frozenset[str]:
    """These controls and those whose conditions read the outcome of one of them, at any remove."""
    return _closed(ids, lambda known, control: {control.id} if known & control.reads else set(), packs)


def with_read(ids: Collection[str], *packs: Policy) -> frozenset[str]:
    """These controls and those whose outcomes their conditions read, at any remove."""
    return _closed(ids, lambda known, control: control.reads if control.id in known else set(), packs)


def bound_to_digest(control: Control) -> bool:
    """Whether a control is decided by the digest of the pack too: by what was frozen, or by what a person attested."""
    return control.mode != "automated" or (control.check is not None and control.check.kind == "ordering")


def _name(loaded: LoadedPolicy) -> PackName:
    pack = loaded.policy
    return PackName(id=pack.id, version=pack.version, title=pack.title, digest=loaded.digest)


def _changes(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = _body(old), _body(new)
    yield from (_field(None, *item, {}, {}) for item in _differing(_without(before), _without(after)))
    mine, theirs = ({control["id"]: control for control in body["controls"]} for body in (before, after))
    for name in dict.fromkeys((*mine, *theirs)):
        if name not in theirs:
            yield Change(control=name, field="control", effect="removed", words=f"removed: {mine[name]['title']}")
        elif name not in mine:
            yield Change(control=name, field="control", effect="added", words=f"added: {_summary(theirs[name])}")
        else:
            yield from _control_changes(name, mine[name], theirs[name])
    shared = [name for name in mine if name in theirs]
    if shared != [name for name in theirs if name in mine]:
        yield Change(control=None, field="controls", effect="wording", words="the controls stand in another order")


def _control_changes(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    checks = [body.get("check") for body in (old, new)]
    kinds = [check and check["kind"] for check in checks]
    if kinds[0] != kinds[1]:
        words = f"check: {check_words(checks[0])} -> {check_words(checks[1])}"
        yield Change(control=name, field="check", old=checks[0], new=checks[1], effect="decides", words=words)
        old, new = ({key: value for key, value in body.items() if key != "check"} for body in (old, new))
    for item in _differing(old, new):
        yield _field(name, *item, old, new)


def _field(
    control: str | None, field: str, before: Any, after: Any, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Change:
    effect: Effect = "wording" if field in _WORDING or field in {"id", "version"} else "decides"
    if effect == "decides":
        effect = tightening(field, before, after, old, new) or "decides"
    mark = f" ({effect})" if effect in {"stricter", "looser"} else ""
    words = f"{field_words(field)}: {value_words(before)} -> {value_words(after)}{mark}"
    return Change(control=control, field=field, old=before, new=after, effect=effect, words=words)


def _version(old: LoadedPolicy, new: LoadedPolicy, needed: Step) -> tuple[bool, str]:
    before, after = old.policy.version, new.policy.version
    if needed == "none":
        return True, "nothing changed"
    first, second = _numbers(before), _numbers(after)
    why = {
        "patch": "only words changed, which asks for a patch step",
        "minor": "what is checked changed, which asks for at least a minor step",
        "major": "a control is gone or asks for less, which asks for a major step",
    }[needed]
    if first == second:
        return before != after and "-" in before, f"{why}; the version went from {before} to {after}"
    if second < first:
        return False, f"{why}; the version went back, from {before} to {after}"
    taken: Step = "major" if second[0] > first[0] else "minor" if second[1] > first[1] else "patch"
    # Before 1.0.0 a minor step may take anything away: semver.org, clause 4.
    enough = _STEPS.index(taken) >= _STEPS.index(needed) or (first[0] == 0 and taken == "minor")
    return enough, f"{why}; {before} -> {after} is a {taken} step"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def _deciding(control: Control, pack: Policy) -> dict[str, Any]:
    """What of a control, and of its pack, can change its outcome or whether that counts."""
    whole = _body(pack)
    inherited = {key: whole[key] for key in ("status", "applies_from", "applies_until") if key in whole}
    body: dict[str, Any] = inherited | control.model_dump(mode="json", exclude_none=True)
    check = body.get("check") or {}
    if check.get("kind") == "bound" and whole.get("divide_alpha_by_openings"):
        body["divide_alpha_by_openings"] = True
    return {key: value for key, value in _flat(body).items() if key not in _WORDING}


def _closed(
    ids: Collection[str], more: Callable[[Set[str], Control], Set[str]], packs: Iterable[Policy]
) -> frozenset[str]:
    controls = [control for pack in packs for control in pack.controls]
    known = set(ids)
    while True:
        found = known.union(*(more(known, control) for control in controls))
        if found == known:
            return frozenset(known)
        known = found


def _body(pack: Policy) -> dict[str, Any]:
    body: dict[str, Any] = pack.model_dump(mode="json", exclude_none=True)
    return body


def _without(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in {"controls", "schema"}}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    before, after = _flat(old), _flat(new)
    for field in dict.fromkeys((*before, *after)):
        if before.get(field) != after.get(field):
            yield field, before.get(field), after.get(field)


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names; lists stay whole, since their order and length are one meaning."""
    flat: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _summary(control: Mapping[str, Any]) -> str:
    return f"{control['title']} ({control['mode']}, {control['severity']}): {check_words(control.get('check'))}"

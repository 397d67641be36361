"""A check, a field and a value of a pack as a person reads them. Pure; texts of the pack come back as they are. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Mapping[str, Any]

_DIRECTIONS = {"at_least": "at least", "at_most": "at most"}
_OVER = {
    "overall": "over all rows",
    "attributes": "for each group attribute",
    "groups": "for each group",
    "pairs": "for each ordered pair of groups",
    "columns": "for each column",
}
_RETAINED = {"texts": "texts and tables of a run"}
_MOST = 60


def check_words(check: Check | None) -> str:
    """A check as one sentence without a full stop. ``check`` is its JSON; None for an attestation."""
    if check is None:
        return "a person attests to it"
    words = _KINDS.get(str(check["kind"]))
    return words(check) if words else f"{check['kind']}: {_settings(check)}"


def field_words(field: str) -> str:
    """The dotted name of a field as words: ``check.threshold.value`` -> "threshold"."""
    name = field.removeprefix("check.").removesuffix(".value")
    return name.replace(".", ", ").replace("_", " ")


def value_words(value: Any) -> str:
    """A value as short words: numbers as written, lists with commas, nothing as "not set"."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(value_words(item) for item in value) or "none"
    text = str(value)
    return f'"{text}"' if " " in text else text


def number_words(part: Mapping[str, Any], unit: str = "") -> str:
    """A threshold's number, with its unit in the plural unless it is 1."""
    number = value_words(part["value"])
    return f"{number} {unit}{'' if part['value'] == 1 else 's'}" if unit else number


def _bound(check: Check) -> str:
    where = f" on the {check['split']} split" if check.get("split") else ""
    attributes = check.get("attributes", "all")
    of = "" if attributes == "all" else f", attributes {value_words(attributes)}"
    least = f", from {check['min_n']} rows" if check.get("min_n") else ""
    side = _DIRECTIONS[check["direction"]]
    return (
        f"{check['metric']} of the audit {check['audit']} is {side} {number_words(check['threshold'])}, shown by its bounds"
        f" at alpha {value_words(check.get('alpha', 0.05))}, {_OVER[check['over']]}{of}{where}{least}"
    )


def _coverage(check: Check) -> str:
    where = f" on the {check['split']} split" if check.get("split") else ""
    attributes = check.get("attributes", "all")
    of = "" if attributes == "all" else f", attributes {value_words(attributes)}"
    return (
        f"every declared group has at least {number_words(check['threshold'], 'row')}, by {check['metric']} of the audit"
        f" {check['audit']}{of}{where}"
    )


def _presence(check: Check) -> str:
    parts = [f"the audits {value_words(check['audits'])} ran without error on this run's predictions"]
    parts += [f"{name} {value_words(check[name])} are there" for name in ("metrics", "artifacts") if check.get(name)]
    return "; ".join(parts)


def _ordering(_check: Check) -> str:
    return "the pack was frozen before the evaluation began, and no audit was run again since"


def _signature(check: Check) -> str:
    people = check["people"]
    several = "person has" if people["value"] == 1 else "different people have"
    return f"{number_words(people)} {several} signed the run's evidence as {check['role']}"


def _retention(check: Check) -> str:
    side = _DIRECTIONS[check.get("direction", "at_least")]
    kept = _RETAINED.get(check["of"], check["of"])
    return f"{kept} are kept {side} {number_words(check['threshold'], 'day')}, as the recipe states"


def _freshness(check: Check) -> str:
    return f"the {check['of']} is at most {number_words(check['threshold'], 'day')} old on the day of the decision"


def _information(_check: Check) -> str:
    return "for information; it decides nothing"


def _expression(check: Check) -> str:
    limit = f", where limit is {number_words(check['threshold'])}" if check.get("threshold") else ""
    return f"{check['expression']}{limit}"


def _mitigation(check: Check) -> str:
    parts = []
    names = check.get("forbids") or ()
    if names:
        did = "did not use the mitigation method" if len(names) == 1 else "used none of the mitigation methods"
        parts.append(f"the run {did} {value_words(names)}")
    if check.get("forbids_groups_at_use"):
        parts.append("no mitigation method of the run needs a person's group when a decision is made")
    return "; ".join(parts)


def _settings(check: Check) -> str:
    return ", ".join(f"{field_words(key)} {value_words(value)}" for key, value in check.items() if key != "kind")


_KINDS: dict[str, Callable[[Check], str]] = {
    "bound": _bound,
    "coverage": _coverage,
    "presence": _presence,
    "ordering": _ordering,
    "signature": _signature,
    "retention": _retention,
    "freshness": _freshness,
    "information": _information,
    "mitigation": _mitigation,
    "expression": _expression,
}

"""The sandbox that templates run in: guarded operators and filters, and a missing value that reads as "unknown".

Each operation is checked for the size of its result before it is computed, so no template can exhaust memory. Internal;
the stable entry is ``rai_tune.data.TextTemplate``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Undefined, filters
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rai_tune.data.cells import number_text
from rai_tune.data.template_rules import FILTERS, template_name

MAX_TEXT = 1_000_000
JOIN = "__join"
_MISSING_TEXT = "unknown"
_REQUIRED = object()


class TooLargeError(ValueError):
    """A row would render to more than ``MAX_TEXT`` characters."""

    def __init__(self) -> None:
        super().__init__(f"the text would be longer than {MAX_TEXT:,} characters")


class Missing(Undefined):
    """A cell without a value: prints as "unknown", is neither defined nor true, equals only none, and cannot be computed with."""

    __slots__ = ()

    def __init__(self, column: str) -> None:
        super().__init__(
            hint=f"column {column!r} is missing and the template computes with it; "
            f"say what to do with '{{% if {template_name(column)} is none %}}'"
        )

    def __str__(self) -> str:
        return _MISSING_TEXT

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Missing)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Undefined.__hash__


def to_text(value: Any) -> str:
    """Text of one value: numbers without a needless ``.0``, truth values as true and false, no value as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return str(value)


def _sized(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise TooLargeError
    return text


def _join(*parts: Any) -> str:
    texts = [to_text(part) for part in parts]
    if sum(map(len, texts)) > MAX_TEXT:
        raise TooLargeError
    return "".join(texts)


def _number(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{to_text(value)[:40]!r} is not a number")


def _round(value: Any, precision: int = 0, method: str = "common") -> float:
    import math

    number = _number(value)
    if not isinstance(precision, int) or not 0 <= precision <= 15:
        raise ValueError("round takes 0 to 15 digits")
    if method == "common":
        return float(round(float(number), precision))
    if method not in {"ceil", "floor"}:
        raise ValueError("round takes the methods common, ceil and floor")
    scale = 10**precision
    return float((math.ceil if method == "ceil" else math.floor)(number * scale) / scale)


def _to_number(kind: type[int] | type[float], value: Any, default: Any) -> Any:
    try:
        return kind(float(value)) if isinstance(value, str) else kind(_number(value))
    except (TypeError, ValueError, OverflowError):
        if default is _REQUIRED:
            raise ValueError(f"{to_text(value)[:40]!r} is not a number") from None
        return default


def _int(value: Any, default: Any = _REQUIRED) -> Any:
    return _to_number(int, value, default)


def _float(value: Any, default: Any = _REQUIRED) -> Any:
    return _to_number(float, value, default)


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> str:
    text, before, after = to_text(value), to_text(old), to_text(new)
    if not before:
        raise ValueError("replace needs something to look for")
    found = text.count(before) if count is None else min(text.count(before), count)
    if len(text) + found * (len(after) - len(before)) > MAX_TEXT:
        raise TooLargeError
    return text.replace(before, after, -1 if count is None else count)


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    return default_value if isinstance(value, Undefined) or (boolean and not value) else value


def _format(pattern: str, *values: Any) -> Any:
    if any(isinstance(value, Missing) for value in values):
        return _MISSING_TEXT
    return _sized(pattern % tuple(values))


def _length(value: Any) -> int:
    return len(to_text(value))


def _abs(value: Any) -> int | float:
    return abs(_number(value))


def _passing_missing(function: Any) -> Any:
    """A filter of a missing value is that missing value: 'unknown' stays 'unknown', never 0."""

    def wrapped(value: Any, *args: Any, **kwargs: Any) -> Any:
        return value if isinstance(value, Missing) else function(value, *args, **kwargs)

    return wrapped


_FILTERS: dict[str, Any] = {
    "abs": _passing_missing(_abs),
    "capitalize": _passing_missing(lambda value: filters.do_capitalize(to_text(value))),
    "default": _default,
    "float": _passing_missing(_float),
    "format": _format,
    "int": _passing_missing(_int),
    "length": _passing_missing(_length),
    "lower": _passing_missing(lambda value: _sized(to_text(value).lower())),
    "replace": _passing_missing(_replace),
    "round": _passing_missing(_round),
    "string": to_text,
    "title": _passing_missing(lambda value: filters.do_title(to_text(value))),
    "trim": _passing_missing(lambda value, chars=None: to_text(value).strip(chars)),
    "upper": _passing_missing(lambda value: _sized(to_text(value).upper())),
}


def _is_none(value: Any) -> bool:
    return value is None or isinstance(value, Missing)


def _is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox with every binary operator checked."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(autoescape=False, optimized=False, finalize=to_text, cache_size=0)
        self.globals.clear()
        self.filters = {**{name: _FILTERS[name] for name in FILTERS}, JOIN: _join}
        self.tests = {"defined": _is_defined, "none": _is_none}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute with numbers, or add text to text; nothing else, and never a power."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _join(left, right)
        if isinstance(left, str) or isinstance(right, str) or operator == "**":
            raise TypeError(f"'{operator}' needs two numbers (join text with '~')")
        return super().call_binop(context, operator, left, right)


@cache
def environment() -> TemplateEnvironment:
    """The one environment of this process; it holds no state."""
    return TemplateEnvironment()

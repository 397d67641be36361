"""Types of a parsed condition: which facts and outcomes it reads, and that every part fits the other. Nothing is evaluated.

Only a small part of CEL is let in: logic, comparisons, ``in``, sums and products, ``startsWith``, known names. What could make a
condition true because evidence is absent (``has``, a macro over a list) is not in it, nor is a number without an origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rai_tune.core import did_you_mean
from rai_tune.gate.facts import FACTS, SECTIONS

OUTCOMES = ("pass", "fail", "not_applicable")
_UNSETTLED = ("insufficient_evidence", "awaiting_signoff")
_MOST_PRODUCTS = 3
_THROUGH = frozenset(
    {
        "expr",
        "conditionalor",
        "conditionaland",
        "relation",
        "addition",
        "multiplication",
        "unary",
        "member",
        "primary",
        "paren_expr",
    }
)
_SAYS = {"bool": "true or false", "number": "a number", "text": "a text", "list": "a list of texts"}


class ConditionError(ValueError):
    """A condition that a pack must not hold; the sentence says why."""


@dataclass(frozen=True)
class Reads:
    """Facts (such as ``system.role``) and ids of controls that a condition reads."""

    facts: frozenset[str]
    outcomes: frozenset[str]


@dataclass(frozen=True)
class _Kind:
    """Type of a part. ``known``: the only texts it can be; ``literal``: the texts that it is; ``name``: what it is called."""

    type: str
    known: tuple[str, ...] = ()
    literal: tuple[str, ...] = ()
    name: str = ""


@dataclass
class _Seen:
    limit: bool
    facts: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    products: int = 0


def check_types(tree: Any, *, limit: bool) -> Reads:
    """Check a parsed condition and list what it reads. Raises ``ConditionError``."""
    seen = _Seen(limit)
    found = _kind(tree, seen)
    if found.type != "bool":
        raise ConditionError(f"it gives {_SAYS[found.type]}, not true or false")
    if not seen.facts and not seen.outcomes:
        raise ConditionError("it reads no fact and no outcome, so it says the same of every run")
    return Reads(frozenset(seen.facts), frozenset(seen.outcomes))


def _kind(node: Any, seen: _Seen) -> _Kind:
    while node.data in _THROUGH and len(node.children) == 1:
        node = node.children[0]
    reader = _READERS.get(str(node.data))
    if reader is None:
        raise ConditionError(_refusal(node))
    return reader(node, seen)


def _refusal(node: Any) -> str:
    words = {
        "ident_arg": "a function",
        "dot_ident_arg": "a function",
        "dot_ident": "a name that begins with a dot",
        "map_lit": "a map",
        "member_object": "an object",
    }
    return f"{words.get(str(node.data), str(node.data))} has no place in a condition"


def _logic(node: Any, seen: _Seen) -> _Kind:
    for child in node.children:
        _want(child, "bool", seen, "&& and || stand between conditions")
    return _Kind("bool")


def _choice(node: Any, seen: _Seen) -> _Kind:
    asked, yes, no = node.children
    _want(asked, "bool", seen, "? follows a condition")
    first, second = _kind(yes, seen), _kind(no, seen)
    if first.type != second.type:
        raise ConditionError(f"both answers of ?: must be alike, not {_SAYS[first.type]} and {_SAYS[second.type]}")
    return _Kind(first.type)


def _relation(node: Any, seen: _Seen) -> _Kind:
    operator = str(node.children[0].data)
    left, right = _kind(node.children[0].children[0], seen), _kind(node.children[1], seen)
    if operator == "relation_in":
        if left.type != "text" or right.type != "list":
            raise ConditionError(
                f"'in' asks whether a text is in a list, not {_SAYS[left.type]} in {_SAYS[right.type]}"
            )
    elif operator in {"relation_eq", "relation_ne"}:
        if left.type != right.type or left.type == "list":
            raise ConditionError(f"{_SAYS[left.type]} cannot equal {_SAYS[right.type]}")
    elif (left.type, right.type) != ("number", "number"):
        raise ConditionError(f"numbers are compared by size, not {_SAYS[left.type]} with {_SAYS[right.type]}")
    _known_words(left, right)
    _known_words(right, left)
    return _Kind("bool")


def _known_words(named: _Kind, other: _Kind) -> None:
    """Refuse a text that the named part can never be: a condition with a slip of the pen would never hold."""
    for word in other.literal if named.known else ():
        if word in _UNSETTLED and named.known == OUTCOMES:
            raise ConditionError(f"{named.name} is unknown while it is {word}; compare it with {', '.join(OUTCOMES)}")
        if word not in named.known:
            raise ConditionError(f"{named.name} is never {word!r}.{did_you_mean(word, named.known)}")


def _sum(node: Any, seen: _Seen) -> _Kind:
    _want(node.children[0].children[0], "number", seen, "numbers are added")
    _want(node.children[1], "number", seen, "numbers are added")
    return _Kind("number")


def _product(node: Any, seen: _Seen) -> _Kind:
    operator = str(node.children[0].data)
    _want(node.children[0].children[0], "number", seen, "numbers are multiplied")
    divisor = _want(node.children[1], "number", seen, "numbers are multiplied")
    if operator == "multiplication_mod" or (operator == "multiplication_div" and divisor.name != "limit"):
        raise ConditionError("only 'limit' divides, since a fact may be 0; multiply the other side")
    seen.products += 1
    if seen.products > _MOST_PRODUCTS:
        raise ConditionError(f"it multiplies more than {_MOST_PRODUCTS} times")
    return _Kind("number")


def _unary(node: Any, seen: _Seen) -> _Kind:
    wanted = "bool" if str(node.children[0].data) == "unary_not" else "number"
    return _Kind(_want(node.children[1], wanted, seen, "! turns a condition round, - a number").type)


def _fact(node: Any, seen: _Seen) -> _Kind:
    section, key = _name_of(node.children[0]), str(node.children[1])
    name = f"{section}.{key}"
    if section == "outcomes":
        raise ConditionError(f'an outcome is read as outcomes["{key}"]')
    if section not in SECTIONS:
        raise ConditionError(_unknown_name(section))
    if name not in FACTS:
        raise ConditionError(f"unknown fact {name!r}.{did_you_mean(name, FACTS)}")
    seen.facts.add(name)
    fact = FACTS[name]
    return _Kind(fact.type, known=fact.words, name=name)


def _outcome(node: Any, seen: _Seen) -> _Kind:
    holder, key = _name_of(node.children[0]), _kind(node.children[1], seen)
    if holder != "outcomes" or len(key.literal) != 1 or key.type != "text":
        raise ConditionError('brackets are for outcomes["CONTROL-ID"]')
    seen.outcomes.add(key.literal[0])
    return _Kind("text", known=OUTCOMES, name=f'outcomes["{key.literal[0]}"]')


def _method(node: Any, seen: _Seen) -> _Kind:
    if str(node.children[1]) != "startsWith" or len(node.children) != 3:
        raise ConditionError(f"the function {str(node.children[1])!r} is not allowed; startsWith is the only one")
    _want(node.children[0], "text", seen, "startsWith is for texts")
    arguments = node.children[2].children
    if len(arguments) != 1:
        raise ConditionError("startsWith takes one text")
    _want(arguments[0], "text", seen, "startsWith is for texts")
    return _Kind("bool")


def _list(node: Any, seen: _Seen) -> _Kind:
    items = node.children[0].children if node.children else ()
    kinds = [_want(item, "text", seen, "a list holds texts") for item in items]
    if not kinds:
        raise ConditionError("an empty list holds nothing to compare with")
    return _Kind("list", literal=tuple(word for kind in kinds for word in kind.literal))


def _literal(node: Any, seen: _Seen) -> _Kind:  # noqa: ARG001  (one signature for all readers)
    [token] = node.children
    if token.type == "BOOL_LIT":
        return _Kind("bool")
    if token.type in {"INT_LIT", "UINT_LIT", "FLOAT_LIT"}:
        raise ConditionError(
            f"the number {token} has no origin here; give it as the threshold of a check of kind expression, "
            "where it is read as 'limit'"
        )
    text = str(token)
    if token.type != "STRING_LIT" or text[0] not in "\"'" or "\\" in text:
        raise ConditionError(f"{text} is not a plain text in quotes")
    return _Kind("text", literal=(text[1:-1],))


def _ident(node: Any, seen: _Seen) -> _Kind:
    name = str(node.children[0])
    if name == "limit":
        if not seen.limit:
            raise ConditionError("'limit' is the threshold of a check of kind expression, and there is none here")
        return _Kind("number", name="limit")
    if name in {*SECTIONS, "outcomes"}:
        raise ConditionError(f"{name!r} is a group of names; name one of them")
    raise ConditionError(_unknown_name(name))


def _want(node: Any, wanted: str, seen: _Seen, why: str) -> _Kind:
    found = _kind(node, seen)
    if found.type != wanted:
        raise ConditionError(f"{why}, and here is {_SAYS[found.type]}")
    return found


def _name_of(node: Any) -> str:
    while node.data in _THROUGH and len(node.children) == 1:
        node = node.children[0]
    if node.data != "ident":
        raise ConditionError("a dot or bracket follows a name such as system or outcomes")
    return str(node.children[0])


def _unknown_name(name: str) -> str:
    known = (*SECTIONS, "outcomes", "limit")
    return f"unknown name {name!r}.{did_you_mean(name, known)}"


_READERS = {
    "expr": _choice,
    "conditionalor": _logic,
    "conditionaland": _logic,
    "relation": _relation,
    "addition": _sum,
    "multiplication": _product,
    "unary": _unary,
    "member_dot": _fact,
    "member_index": _outcome,
    "member_dot_arg": _method,
    "list_lit": _list,
    "literal": _literal,
    "ident": _ident,
}

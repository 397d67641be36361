"""What a text template may contain: columns, filters from a short list, if, comparisons and arithmetic. Nothing else.

The list names what is allowed, so a construct that a later Jinja adds is refused until somebody decides otherwise. Internal;
the stable entry is ``rai_tune.data.TextTemplate``.
"""

from __future__ import annotations

import re
from typing import NoReturn

from jinja2 import nodes

from rai_tune.core import UsageError, did_you_mean

MAX_TEMPLATE_BYTES = 10_000
MAX_DEPTH = 60
FILTERS = (
    "abs",
    "capitalize",
    "default",
    "float",
    "format",
    "int",
    "length",
    "lower",
    "replace",
    "round",
    "string",
    "title",
    "trim",
    "upper",
)
TESTS = ("defined", "none")

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.CondExpr,
    nodes.Name,
    nodes.Const,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Neg,
    nodes.Pos,
)
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Pow: "raises to a power ('**')",
    nodes.For: "loops ('for')",
    nodes.Macro: "defines a macro ('macro')",
    nodes.CallBlock: "calls a macro ('call')",
    nodes.FilterBlock: "opens a filter block ('filter')",
    nodes.With: "opens a scope ('with')",
    nodes.Block: "defines a block ('block')",
    nodes.Extends: "extends another template ('extends')",
    nodes.Include: "includes another template ('include')",
    nodes.Import: "imports another template ('import')",
    nodes.FromImport: "imports another template ('from ... import')",
    nodes.Assign: "sets a variable ('set')",
    nodes.AssignBlock: "sets a variable ('set')",
    nodes.List: "builds a list ('[...]')",
    nodes.Tuple: "builds a list ('..., ...')",
    nodes.Dict: "builds a mapping ('{...}')",
    nodes.Scope: "changes escaping ('autoescape')",
}
_KEYWORDS = frozenset(
    {"and", "or", "not", "if", "else", "elif", "in", "is", "true", "false", "none", "True", "False", "None"}
)
_FORMAT = re.compile(r"%[-+ 0]{0,3}\d{0,3}(?:\.\d{1,2})?[dfeEgGs%]")
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")


def template_name(column: str) -> str:
    """The name by which a template calls a column: other characters than letters, digits and ``_`` become ``_``."""
    name = re.sub(r"\W", "_", column)
    if not name or name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if name in _KEYWORDS else name


def check_template(tree: nodes.Template) -> None:
    """Raise ``UsageError`` for the first thing in a parsed template that is not on the list, naming it and its line."""
    _check(tree, 0)


def _check(node: nodes.Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UsageError(f"the template is nested more than {MAX_DEPTH} deep on line {node.lineno}")
    if type(node) not in _ALLOWED:
        _refuse(node)
    if isinstance(node, nodes.Filter):
        _check_filter(node)
    elif isinstance(node, nodes.Test):
        _check_test(node)
    elif isinstance(node, nodes.Const | nodes.TemplateData):
        _check_constant(node)
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Operand) and child.op in {"in", "notin"} and _is_constant_list(child.expr):
            continue
        _check(child, depth + 1)


def _refuse(node: nodes.Node) -> NoReturn:
    if isinstance(node, nodes.Getattr):
        what = f"reaches for an attribute ('.{node.attr}')"
    elif isinstance(node, nodes.Getitem):
        key = node.arg.value if isinstance(node.arg, nodes.Const) else "..."
        what = f"reaches into a value ('[{key!r}]')" if key != "..." else "reaches into a value ('[...]')"
    elif isinstance(node, nodes.Call):
        name = node.node.name if isinstance(node.node, nodes.Name) else "..."
        what = f"calls something ('{name}(...)')"
    else:
        what = _REFUSED.get(type(node), f"uses '{type(node).__name__.lower()}'")
    line = node.lineno or next((child.lineno for child in node.find_all(nodes.Node) if child.lineno), 1)
    raise UsageError(f"the template {what} on line {line}; only columns, filters and if are allowed")


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise UsageError(
            f"the template uses the filter {node.name!r} on line {node.lineno}, which is not allowed."
            f"{did_you_mean(node.name, FILTERS)}"
        )
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise UsageError(f"the template spreads arguments ('*') on line {node.lineno}; give them one by one")
    if node.name == "format":
        pattern = node.node.value if isinstance(node.node, nodes.Const) else None
        if not isinstance(pattern, str) or "%" in _FORMAT.sub("", pattern):
            raise UsageError(
                f"the template uses the filter 'format' on line {node.lineno} in a way that is not allowed; write a fixed "
                "pattern such as '%.2f'|format(column), with widths of at most three digits"
            )


def _check_test(node: nodes.Test) -> None:
    if node.name not in TESTS:
        raise UsageError(
            f"the template uses the test 'is {node.name}' on line {node.lineno}; only 'is defined' and 'is none' are allowed"
        )


def _check_constant(node: nodes.Const | nodes.TemplateData) -> None:
    value = node.data if isinstance(node, nodes.TemplateData) else node.value
    if isinstance(value, str) and _UNCLEAN.search(value):
        raise UsageError(f"the template holds a character that is not text (NUL or half a pair) on line {node.lineno}")


def _is_constant_list(node: nodes.Expr) -> bool:
    """``in ['a', 'b']`` is a comparison with fixed values; a list is of no use anywhere else."""
    if not isinstance(node, nodes.List | nodes.Tuple):
        return False
    if not all(isinstance(item, nodes.Const) for item in node.items):
        return False
    for item in node.items:
        _check(item, 0)
    return True

"""Text from columns: a small, sandboxed Jinja2 template that also says which span came from which column.

Stable API: ``TextTemplate``, ``Rendered``, ``template_name``. A template sees columns by name (``marital-status`` as
``marital_status``), prints numbers without a needless ``.0`` and a missing value as "unknown".
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import Template, TemplateError, nodes
from jinja2.visitor import NodeTransformer

from rai_tune.core import UsageError, did_you_mean
from rai_tune.data.cells import MISSING_WORDS, clean_text, is_missing
from rai_tune.data.template_env import JOIN, MAX_TEXT, Missing, TooLargeError, environment
from rai_tune.data.template_rules import MAX_TEMPLATE_BYTES, check_template, template_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Rendered", "Segment", "TextTemplate", "template_name"]

Segment = tuple[int, int, str | None]
"""Start and end in the text (characters, end excluded), and the column the span came from."""


@dataclass(frozen=True)
class Rendered:
    """Text of one row and where each part of it came from.

    ``segments`` tile the text in order, without gaps or overlaps: a span that depends on one column carries its name, on
    several their names sorted and joined with ``+``, on none None. Neighbours of one origin are one segment.
    """

    text: str
    segments: tuple[Segment, ...]


class TextTemplate:
    """A checked template, ready to render rows. Make one with ``from_string``.

    ``columns`` names the source columns it reads, in order of first use; ``source`` is the template as given.
    """

    __slots__ = ("_origins", "_render", "_room", "_token", "_variables", "columns", "source")

    def __init__(self, source: str, tree: nodes.Template, names: dict[str, str]) -> None:
        self.source = source
        self.columns = tuple(dict.fromkeys(names.values()))
        self._variables = {column: f"c{index}" for index, column in enumerate(self.columns)}
        # Values cannot forge a mark: it holds NUL, which cells lose, and 128 bits drawn anew for each template.
        self._token = f"\x00{secrets.token_hex(16)}:"
        marker = _Marker(self._token, names, self._variables)
        marked: nodes.Template = marker.visit(tree)
        self._origins = {str(number): origin for number, origin in enumerate(marker.origins)}
        # Marks are output too; each piece has one, and none is longer than twice the token.
        self._room = MAX_TEXT + 2 * len(self._token) * len(self._origins)
        env = environment()
        marked.set_environment(env)
        self._render = Template.from_code(env, env.compile(marked), {}).root_render_func

    @classmethod
    def from_string(cls, template: str, columns: Iterable[str]) -> TextTemplate:
        """Check and compile a template over these columns.

        Raises ``UsageError`` naming the line and the thing that is not allowed, or a column that is not there.
        """
        if len(template.encode("utf-8", "surrogatepass")) > MAX_TEMPLATE_BYTES:
            raise UsageError(f"the template is longer than {MAX_TEMPLATE_BYTES:,} bytes")
        try:
            tree = environment().parse(template)
            check_template(tree)
            names = _resolve(tree, tuple(columns))
            return cls(template, tree, names)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise UsageError(
                f"the template cannot be read{f' (line {line})' if line else ''}: {error.message}"
            ) from error
        except RecursionError:
            raise UsageError("the template is nested too deeply") from None
        except (ValueError, SyntaxError, MemoryError) as error:
            raise UsageError(f"the template cannot be read: {error}") from error

    def render(self, row: Mapping[str, Any]) -> Rendered:
        """Render one row: column name to value, numbers as numbers (as in the ``col:`` columns of prepared rows).

        None, NaN and the like print as "unknown". Raises ``UsageError`` when the template fails on this row or its text
        passes 1,000,000 characters.
        """
        values: dict[str, Any] = {}
        for column, variable in self._variables.items():
            if column not in row:
                raise UsageError(f"the row has no column {column!r}.{did_you_mean(column, map(str, row))}")
            values[variable] = _value(row[column], column)
        return self._render_values(values)

    def render_columns(self, columns: Mapping[str, Sequence[Any]]) -> list[Rendered]:
        """Render many rows, given as one sequence of values for each column in ``columns``, None where missing.

        Values are taken as they are: text must be free of NUL. Raises ``UsageError`` naming the row, counted from 1.
        """
        variables = list(self._variables.values())
        sequences = [
            [Missing(column) if value is None else value for value in columns[column]] for column in self.columns
        ]
        rendered = []
        for index, row in enumerate(zip(*sequences, strict=True)):
            try:
                rendered.append(self._render_values(dict(zip(variables, row, strict=True))))
            except UsageError as error:
                raise UsageError(f"row {index + 1}: {error}") from error
        return rendered

    def _render_values(self, values: dict[str, Any]) -> Rendered:
        env = environment()
        pieces: list[str] = []
        room = self._room
        try:
            for piece in self._render(env.context_class(env, values, None, {})):
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    raise TooLargeError
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise UsageError(self._explain(error, values)) from error
        return self._segments("".join(pieces))

    def _explain(self, error: Exception, values: dict[str, Any]) -> str:
        texts = [column for column, variable in self._variables.items() if isinstance(values[variable], str)]
        hint = f" (columns that hold text here: {', '.join(texts)})" if texts and isinstance(error, TypeError) else ""
        return f"the template fails on this row: {error}{hint}"

    def _segments(self, marked: str) -> Rendered:
        texts: list[str] = []
        segments: list[Segment] = []
        start = end = 0
        last: str | None = None
        for piece in marked.split(self._token)[1:]:
            number, _, text = piece.partition(";")
            if not text:
                continue
            origin = self._origins[number]
            if texts and origin == last:
                segments.pop()
            else:
                start, last = end, origin
            end += len(text)
            texts.append(text)
            segments.append((start, end, origin))
        whole = "".join(texts)
        if end > MAX_TEXT:
            raise UsageError(f"the template fails on this row: {TooLargeError()}")
        stripped = whole.strip()
        if len(stripped) != end:
            segments = _trimmed(segments, len(whole) - len(whole.lstrip()), len(stripped))
        return Rendered(stripped, tuple(segments))


def _trimmed(segments: list[Segment], offset: int, length: int) -> list[Segment]:
    """The parts of segments that lie in ``length`` characters from ``offset``, counted from there."""
    moved = [(max(start - offset, 0), min(end - offset, length), origin) for start, end, origin in segments]
    return [segment for segment in moved if segment[0] < segment[1]]


def _value(value: Any, column: str) -> Any:
    if is_missing(value):
        return Missing(column)
    if isinstance(value, str):
        text = clean_text(value).strip()
        return Missing(column) if text in MISSING_WORDS else text
    if isinstance(value, bool | int | float):
        return value
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def _resolve(tree: nodes.Template, columns: tuple[str, ...]) -> dict[str, str]:
    """Map each name in the template to the column it means. An exact name wins over a spelled-out one."""
    spelled: dict[str, list[str]] = {}
    for column in columns:
        spelled.setdefault(template_name(column), []).append(column)
    names: dict[str, str] = {}
    for node in tree.find_all(nodes.Name):
        candidates = [node.name] if node.name in columns else spelled.get(node.name, [])
        if not candidates:
            raise UsageError(
                f"the template names {node.name!r} on line {node.lineno}, which is not a column."
                f"{did_you_mean(node.name, spelled)}"
            )
        if len(candidates) > 1:
            raise UsageError(
                f"the template names {node.name!r} on line {node.lineno}, which could mean any of the columns {candidates}; "
                "rename one of them"
            )
        names[node.name] = candidates[0]
    if not names:
        raise UsageError("the template names no column, so every row would read the same")
    return names


class _Marker(NodeTransformer):
    """Puts a mark with the origin before every piece of output, and makes names and joins safe to run.

    Names become ``c0``, ``c1``, ... because Jinja gives some names, such as ``self``, a meaning of their own.
    """

    def __init__(self, token: str, names: dict[str, str], variables: dict[str, str]) -> None:
        self.origins: list[str | None] = []
        self._token = token
        self._names = names
        self._variables = variables
        self._inside: frozenset[str] = frozenset()

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802  (named by the visitor protocol)
        marked: list[nodes.Expr] = []
        for child in node.nodes:
            columns = self._columns(child) or self._inside
            self.origins.append("+".join(sorted(columns)) or None)
            marked.append(nodes.TemplateData(f"{self._token}{len(self.origins) - 1};", lineno=child.lineno))
            marked.append(self.visit(child))
        node.nodes = marked
        return node

    def visit_If(self, node: nodes.If) -> nodes.If:  # noqa: N802
        outer = self._inside
        for branch in (node, *node.elif_):
            self._inside |= self._columns(branch.test)
            branch.test = self.visit(branch.test)
            branch.body = [self.visit(child) for child in branch.body]
        node.else_ = [self.visit(child) for child in node.else_]
        self._inside = outer
        return node

    def visit_Name(self, node: nodes.Name) -> nodes.Name:  # noqa: N802
        return nodes.Name(self._variables[self._names[node.name]], "load", lineno=node.lineno)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        first, *rest = [self.visit(child) for child in node.nodes]
        return nodes.Filter(first, JOIN, rest, [], None, None, lineno=node.lineno)

    def _columns(self, node: nodes.Node) -> frozenset[str]:
        found = [node] if isinstance(node, nodes.Name) else list(node.find_all(nodes.Name))
        return frozenset(self._names[name.name] for name in found)

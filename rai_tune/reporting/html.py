"""A printed report as one self-contained HTML file: no script, nothing fetched, light and dark, readable in print. Stable API: ``html_report``.

The template escapes every string; the only markup is the template's own and the charts, which are SVG elements that it draws from numbers.
The content security policy allows the one style element by its hash and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rai_tune.core import resource_path
from rai_tune.reporting.html_chart import drawn

if TYPE_CHECKING:
    import jinja2

    from rai_tune.reporting.paper.blocks import Paper


def html_report(paper: Paper) -> bytes:
    """The document in UTF-8; the same paper gives the same bytes."""
    style = resource_path("reports", "templates", "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sections = [*paper.cover, *paper.chapters]
    text = _template().render(
        paper=paper,
        sections=list(enumerate(sections)),
        contents=[(place, each) for place, each in enumerate(sections) if each.level == 1],
        style=_Style(style),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
        drawn=drawn,
    )
    return text.encode()


class _Style(str):
    """Our own style sheet, which the template takes as it is; it holds no data."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    import jinja2

    folder = resource_path("reports", "templates")
    found: Any = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template: jinja2.Template = found.get_template("report.html.j2")
    return template

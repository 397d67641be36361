"""Scripts and style sheets of the components, read from this folder and mounted inline: no file is served, none fetched."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parent


@cache
def component(name: str) -> Any:
    """The component whose script is ``base.js`` and ``<name>.js``, and whose style is ``base.css`` and ``<name>.css``."""
    from streamlit.components.v2 import component as register

    return register(
        f"rai_tune_{name}",
        html=f'<div class="{name}"></div>\n',
        css=_read("base.css") + _read(f"{name}.css"),
        js=_read("base.js") + _read(f"{name}.js"),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")

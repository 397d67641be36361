"""Draws the pictures of the README and of docs/review.md from a stored run: pages of the review app in Chromium, as they are.

python benchmarks/review_pictures.py WORKSPACE [--run RUN] [--with RUN] [--out docs/img]

Pictures are cut at the height that is named for each, and reduced to 128 colours so that they stay small.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from types import ModuleType

TOOLS = Path(__file__).resolve().parents[1] / "tests" / "tools"
WIDTH = 1200


class Picture(NamedTuple):
    """A page, the theme, and the stretch of it that is shown, in pixels from the top."""

    name: str
    address: str
    scheme: str = "light"
    top: int = 0
    height: int = 900


PICTURES = (
    Picture("review-inbox", "/", height=620),
    Picture("review-run", "/run?run={run}", top=100, height=900),
    Picture("review-fairness", "/fairness?run={run}", top=440, height=900),
    Picture("review-explanations", "/explanations?run={run}", "dark", top=440, height=900),
    Picture("review-compare", "/compare?run={run}&with={other}", top=710, height=900),
    Picture("review-policy", "/policy?run={run}", top=440, height=900),
    Picture("review-signoff", "/signoff?run={run}", top=440, height=900),
)


def watched_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("watched", TOOLS / "watched.py")
    assert spec and spec.loader
    sys.modules["watched"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["watched"])
    return sys.modules["watched"]


def take(watched: ModuleType, browser: Any, address: str, picture: Picture, names: dict[str, str]) -> bytes:
    tall = picture.top + picture.height
    page = watched.fresh_page(
        browser, address, color_scheme=picture.scheme, viewport={"width": WIDTH, "height": max(tall, 900)}
    )
    page.open(picture.address.format(**names))
    page.page.wait_for_timeout(1500)
    shot: bytes = page.page.screenshot(clip={"x": 0, "y": picture.top, "width": WIDTH, "height": picture.height})
    page.page.context.close()
    return shot


def reduced(shot: bytes) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("workspace", type=Path)
    ask.add_argument("--run", default="latest")
    ask.add_argument("--with", dest="other", default="production")
    ask.add_argument("--out", type=Path, default=Path("docs/img"))
    ask.add_argument("--only", help="name of one picture")
    given = ask.parse_args()
    watched = watched_pages()
    with Workspace.open(given.workspace, create=False) as workspace:
        names = {"run": workspace.run(given.run).id, "other": given.other}
    given.out.mkdir(parents=True, exist_ok=True)
    with watched.serving(given.workspace) as address, watched.launched() as browser:
        for picture in PICTURES:
            if given.only in {None, picture.name}:
                body = reduced(take(watched, browser, address, picture, names))
                (given.out / f"{picture.name}.png").write_bytes(body)
                print(f"{picture.name}: {len(body) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()

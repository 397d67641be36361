"""Opening a run of a million predictions and 5,000 explained rows in the review app, beside a page that loads the same tables whole.

python benchmarks/review_open.py [--predictions 1000000] [--explained 5000] [--repeats 5] [--from WORKSPACE]

Both are Streamlit servers that have answered once. Each opening is a new load of an address in Chromium, from the request until the script has run
and the page has stopped changing (300 ms of quiet, which are taken off again). The plain page reads the run's tables with pandas and hands them to ``st.dataframe``.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from types import ModuleType

TOOLS = Path(__file__).resolve().parents[1] / "tests" / "tools"
QUIET_MS = 300
PAGES = ("run", "fairness", "explanations", "policy")
PLAIN = """\
import pandas as pd
import streamlit as st

st.title("A run")
for path in {paths!r}:
    st.dataframe(pd.read_parquet(path))
"""


def by_path(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def opened(page: Any, address: str) -> float:
    begun = time.perf_counter()
    page.page.goto(address)
    page.settle(QUIET_MS)
    return time.perf_counter() - begun - QUIET_MS / 1000


def plain_app(workspace: Workspace, run_id: str, folder: Path) -> Path:
    names = ("predictions", "explanations:documents", "explanations:attributions")
    artifacts = workspace.artifacts(run_id)
    paths = [str(workspace.path_of(artifacts[name].digest)) for name in names]
    (folder / "plain.py").write_text(PLAIN.format(paths=paths), encoding="utf-8")
    return folder / "plain.py"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--predictions", type=int, default=1_000_000)
    ask.add_argument("--explained", type=int, default=5_000)
    ask.add_argument("--repeats", type=int, default=5)
    ask.add_argument("--from", dest="source", type=Path, help="a workspace whose newest run is such a run")
    given = ask.parse_args()
    watched = by_path("watched")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace.open(given.source or folder / "w")
        run_id = (
            workspace.runs(1)[0].id
            if given.source
            else by_path("large_run").large_run(workspace, given.predictions, given.explained)
        )
        plain = plain_app(workspace, run_id, folder)
        with (
            watched.serving(workspace.root) as ours,
            watched.serving(workspace.root, app=plain) as theirs,
            watched.launched() as browser,
        ):
            report(watched, browser, ours, theirs, run_id, given.repeats)


def report(watched: ModuleType, browser: Any, ours: str, theirs: str, run_id: str, repeats: int) -> None:
    page = watched.fresh_page(browser, ours)
    page.page.set_default_timeout(120_000)
    warm = {"inbox": opened(page, f"{ours}/"), "plain": opened(page, f"{theirs}/")}
    print(f"run {run_id}; the first answer of each server: ours {warm['inbox']:.2f} s, plain {warm['plain']:.2f} s")
    first = {name: opened(page, f"{ours}/{name}?run={run_id}") for name in PAGES}
    times: dict[str, list[float]] = {name: [] for name in (*PAGES, "plain")}
    for _ in range(repeats):
        for name in PAGES:
            times[name].append(opened(page, f"{ours}/{name}?run={run_id}"))
        times["plain"].append(opened(page, f"{theirs}/"))
    plain = statistics.median(times["plain"])
    print(f"{'page':<14}{'first':>8}{'median':>9}{'plain page':>12}{'ratio':>8}   seconds, {repeats} interleaved loads")
    for name in PAGES:
        mine = statistics.median(times[name])
        print(f"{name:<14}{first[name]:>8.2f}{mine:>9.2f}{plain:>12.2f}{plain / mine:>8.1f}")
    slowest = max(*first.values(), *(statistics.median(times[name]) for name in PAGES))
    print(f"slowest opening of a page, first or median: {slowest:.2f} s (to be under 2 s)")


if __name__ == "__main__":
    main()

"""Pictures of docs/explanations.md from stored runs, readable without colour: hatching for identity, a sign beside every bar.

python benchmarks/explanation_pictures.py WORKSPACE NAME [--kind columns|words] [--out docs/img]
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from PIL import Image

from rai_tune.reporting.stored import report_inputs
from rai_tune.workspace import Workspace

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rai_tune.core import Measurement

BLUE, ORANGE = "#0072B2", "#E69F00"
SHOWN = 12


def measured(workspace: Path, metric: str) -> dict[str, Measurement]:
    """Measurements of the global picture over all explained documents, by word or column."""
    store = Workspace.open(workspace, create=False)
    found = report_inputs(store, store.run("latest").id)
    return {
        item.label: item
        for result in found.results
        if result.audit == "global_attributions"
        for item in result.measurements
        if item.metric == metric and item.group is None and item.label is not None and item.status == "ok"
    }


def draw(workspace: Path, identity: set[str], kind: str) -> Figure:
    signed, sizes = measured(workspace, "mean_attribution"), measured(workspace, "mean_absolute_attribution")
    names = sorted(sizes, key=lambda name: -sizes[name].value)[:SHOWN][::-1]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8.0, 0.34 * len(names) + 1.2), sharey=True, layout="constrained"
    )
    for place, name in enumerate(names):
        size, mean = sizes[name], signed[name]
        marked = name in identity
        left.barh(
            place, size.value, color="white" if marked else "0.75", edgecolor="black", hatch="////" if marked else None
        )
        left.plot([size.low, size.high], [place, place], color="black", lw=1.4)
        raises = mean.value > 0
        right.plot([mean.low, mean.high], [place, place], color="black", lw=1.4)
        right.plot(mean.value, place, "^" if raises else "v", color=ORANGE if raises else BLUE, mec="black", ms=8)
    left.set_yticks(range(len(names)), [f"{name} (identity)" if name in identity else name for name in names])
    left.set(title=f"How much each of the {kind} weighs", xlabel="mean |attribution|, logits, 95 % interval")
    right.axvline(0, color="black", lw=0.8, ls=":")
    right.set(title="▲ raises, ▼ lowers the score", xlabel="mean attribution, logits, 95 % interval")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("name")
    parser.add_argument("--kind", choices=["columns", "words"], default="columns")
    parser.add_argument("--identity", default="", help="comma-separated words or columns that name groups")
    parser.add_argument("--out", type=Path, default=Path("docs/img"))
    given = parser.parse_args()
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10})
    pixels = io.BytesIO()
    draw(given.workspace, set(given.identity.split(",")), given.kind).savefig(pixels, dpi=100)
    Image.open(pixels).convert("RGB").quantize(64).save(given.out / f"{given.name}.png", optimize=True)


if __name__ == "__main__":
    main()

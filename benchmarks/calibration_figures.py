"""Figures of docs/calibration.md. Colours are those of Okabe and Ito (2008), which people with colour blindness can tell apart."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import calibration_groups as groups
import calibration_ratio as ratio
import matplotlib as mpl
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    import calibration_rates as rates
    from calibration import Study
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

mpl.use("Agg")
from matplotlib import pyplot as plt

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PANEL_SIZES = (20, 100, 1000)
WIDTH = 8.0
"""Inches, at 100 dots an inch."""


def draw(study: Study, folder: Path) -> None:
    """Write the three figures as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10})
    for name, figure in {
        "calibration-rates": _rates(study.fine or study.rates),
        "calibration-ratio": _ratio(study.ratio),
        "calibration-groups": _groups(study),
    }.items():
        _save(figure, folder / f"{name}.png")
        plt.close(figure)


def _save(figure: Figure, path: Path) -> None:
    """PNG with a palette: a third of the size of true colour, and these drawings need few colours."""
    pixels = io.BytesIO()
    figure.savefig(pixels, dpi=100)
    Image.open(pixels).convert("RGB").quantize(64).save(path, optimize=True)


def _rates(study: rates.RateStudy) -> Figure:
    sizes = [n for n in PANEL_SIZES if n in study.sizes]
    figure, panels = plt.subplots(1, len(sizes), figsize=(WIDTH, 3.4), sharey=True, squeeze=False, layout="constrained")
    looks = {"percentile bootstrap": ORANGE, "Clopper-Pearson": GREEN, "Wilson": BLUE}
    for axes, n in zip(panels[0], sizes, strict=True):
        for method, colour in looks.items():
            coverage = 100 * study.coverage[method][study.sizes.index(n)]
            axes.plot(study.rates, coverage, color=colour, lw=1.1, label=method)
        axes.axhline(95, color="black", lw=1, ls=":", label="nominal, 95 %")
        axes.set(title=f"n = {n}", xlabel="true rate p", ylim=(70, 100.5), xlim=(0, 0.5))
        axes.set_xticks([0.1, 0.2, 0.3, 0.4, 0.5])
    panels[0][0].set_ylabel("coverage of the 95 % interval (%)")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _ratio(study: ratio.RatioStudy) -> Figure:
    figure, (wrong, power) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), layout="constrained")
    looks = {
        "rule": ("lower bound (rule)", BLUE, "-"),
        "log-ratio": ("log-ratio lower bound", GREEN, "--"),
        "point": ("point estimate", ORANGE, "-."),
    }
    at = int(np.abs(study.rates - 0.5).argmin())
    for gate, (label, colour, style) in looks.items():
        worst = study.at(f"{gate}, fixed", 0.8).max(axis=(0, 1))
        wrong.plot(study.rates, 100 * worst, color=colour, ls=style, label=label)
        equal = [study.at(f"{gate}, fixed", 1.0)[place, place, at] for place in range(len(study.sizes))]
        power.plot(study.sizes, 100 * np.array(equal), color=colour, ls=style, marker="o", ms=4)
    _target(wrong, 100 * ratio.TARGET, "6 % allowed (dotted)")
    wrong.set(title="True ratio 0.8: worst over all sizes", xlabel="rate of the reference group", xlim=(0, 1))
    _log_scale(wrong, (3, 80), (3, 5, 10, 20, 50))
    wrong.set_ylabel("wrong passes (%)")
    power.set(title="Equal rates of 0.5: what that costs", xlabel="rows in each group", xscale="log", ylim=(0, 103))
    power.set_ylabel("right passes (%)")
    power.set_xticks([20, 100, 500, 2000, 5000], ["20", "100", "500", "2000", "5000"])
    power.minorticks_off()
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _groups(study: Study) -> Figure:
    figure, (claims, spread) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained")
    looks = {
        "passed": ("all ordered pairs", BLUE, "o-"),
        "passed_highest": ("against the highest observed", GREEN, "s--"),
        "passed_point": ("point estimates", ORANGE, "^-."),
    }
    _worst_by_groups(claims, [(claim.scenario.groups, claim) for claim in study.claims], looks)
    _target(claims, 100 * (groups.ALPHA + 3 * groups.standard_error(study.samples)), "alpha + 3 SE (dotted)")
    claims.set(title="Claim at its limit: worst scenario", xlabel="groups", ylabel="wrong passes (%)")
    _log_scale(claims, (3, 80), (3, 5, 10, 20, 50))
    looks = {"bootstrap": ("percentile bootstrap", ORANGE, "^-."), "pairs": ("all pairs", BLUE, "o-")}
    _worst_by_groups(spread, [(cell.groups, cell) for cell in study.spreads], looks)
    _target(spread, 2.5, "2.5 % promised (dotted)")
    spread.set(title="All groups equal: worst setting", xlabel="groups", ylabel="spread's interval excludes zero (%)")
    _log_scale(spread, (1, 130), (1, 2, 5, 10, 20, 50, 100))
    return figure


def _worst_by_groups(axes: Axes, cells: list[tuple[int, object]], looks: dict[str, tuple[str, str, str]]) -> None:
    counts = sorted({count for count, _ in cells})
    for field, (label, colour, style) in looks.items():
        worst = [max(getattr(cell, field) for count, cell in cells if count == at) for at in counts]
        axes.plot(range(len(counts)), 100 * np.array(worst), style, color=colour, ms=5, label=label)
    axes.set_xticks(range(len(counts)), [str(count) for count in counts])
    axes.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.6), fontsize=9)


def _target(axes: Axes, percent: float, words: str) -> None:
    """A dotted line and, well below it, what it stands for."""
    axes.axhline(percent, color="black", lw=1, ls=":")
    axes.text(0.5, percent * 0.78, words, transform=axes.get_yaxis_transform(), ha="center", va="top", fontsize=9)


def _log_scale(axes: Axes, limits: tuple[float, float], ticks: tuple[int, ...]) -> None:
    axes.set(yscale="log", ylim=limits)
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()

"""Does a mitigation method cut the gap between groups by half for at most a point of AUC? Ours and Fairlearn's, paired over seeds.

    python benchmarks/mitigation.py --planted [--seeds 10] [--out planted.jsonl] [--table]
    python benchmarks/mitigation.py --real hmda|adult [--seeds 3] [--out hmda.jsonl] [--table]

Every arm has two settings (``mitigation_arms.py``); a seed makes the rows or their split, the initial weights and the order. Of its two settings an arm takes, for
each seed, the one with the smaller equalized-odds gap on validation rows among those whose validation AUC is at most a point below plain training's with its own first setting, and the one of higher AUC where
there is none. All numbers are then those of test rows, on which nothing is chosen. Hypervolume is of both settings' points (AUC, 1 - gap) above (0.5, 0), and again with balanced accuracy in place of AUC,
since post-processing leaves scores, and so the AUC, as they are: its price is in balanced accuracy alone. Results go to ``--out`` as they come: the same command goes on where it was; ``--table`` only prints what is there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from by_recipe import planned, run_plan
from mitigation_arms import (
    THEIRS,
    Judged,
    fairlearn_exponentiated,
    fairlearn_threshold,
    features,
    frozen_logistic,
    judged,
    measured,
    ours,
)
from mitigation_worlds import WORLDS, World
from over_seeds import Lines, by_seed, compared, hypervolume, markdown, paired, spread

POINT = 0.01
ASKED = {
    "halves odds gap within a point of AUC": ("odds", "auc"),
    "the same of balanced accuracy": ("odds", "balanced_accuracy"),
    "halves selection gap within a point of AUC": ("selection", "auc"),
}


@dataclass
class Seed:
    """One seed of a world: its folder, and what several arms read (the frozen features, plain training's predictions)."""

    world: World
    seed: int
    folder: Path
    kept: Path
    recipe: dict[str, Any]
    frozen: Any = None

    def ours(self, arm: str, setting: int) -> tuple[Judged, Judged, float]:
        sets = ours(self.world.rate)[arm][setting]
        plan = planned(self.recipe, self.folder, sets)
        ran = run_plan(plan, self.folder)
        if arm == "plain" and not setting:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            pd.concat([ran.validation, ran.test]).to_parquet(self.kept)
        first, second = (judged(table, ran.positive, self.world.attribute) for table in (ran.validation, ran.test))
        return first, second, ran.cpu_s

    def theirs(self, arm: str, setting: int) -> tuple[Judged, Judged, float]:
        if arm == "fairlearn_threshold":
            table = pd.read_parquet(self.kept)
            positive = self.recipe["data"]["positive"]
            validation, test = (
                judged(table[table["split"] == name], positive, self.world.attribute) for name in ("validation", "test")
            )
            started = time.process_time()
            return *fairlearn_threshold(validation, test, setting, self.seed), time.process_time() - started
        if self.frozen is None:
            self.frozen = features(planned(self.recipe, self.folder), self.world.attribute)
        started = time.process_time()
        if arm == "frozen_logistic":
            return *frozen_logistic(self.frozen, setting), time.process_time() - started
        return *fairlearn_exponentiated(self.frozen, setting, self.seed), time.process_time() - started


def run(world: World, seeds: list[int], arms: list[str], lines: Lines) -> None:
    """Every arm and setting that has no result yet, seed by seed; an arm that fails is recorded and the others go on."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            kept = lines.path.parent / f"{lines.path.stem}-plain" / f"{world.name}-{seed}.parquet"
            one = Seed(world, seed, folder, kept, world.prepare(folder, seed))
            for arm in arms:
                for setting in (0, 1):
                    if not lines.has(world=world.name, seed=seed, arm=arm, setting=setting, failed=None):
                        lines.add(outcome(one, arm, setting))


def outcome(one: Seed, arm: str, setting: int) -> dict[str, Any]:
    """One line of results."""
    row: dict[str, Any] = {"world": one.world.name, "seed": one.seed, "arm": arm, "setting": setting, "failed": None}
    started = time.perf_counter()
    try:
        validation, test, cpu_s = (one.theirs if arm in THEIRS else one.ours)(arm, setting)
    except Exception as error:
        traceback.print_exc()
        return {**row, "failed": f"{type(error).__name__}: {error}"[:300]}
    row |= {f"validation_{name}": value for name, value in measured(validation).items()}
    row |= {**measured(test), "cpu_s": cpu_s, "seconds": time.perf_counter() - started}
    print(
        f"{one.world.name} seed {one.seed} {arm} {setting}: AUC {row['auc']:.4f} balanced accuracy {row['balanced_accuracy']:.4f}"
        f" odds {row['odds']:.3f} selection {row['selection']:.3f} ({row['seconds']:.0f} s)",
        flush=True,
    )
    return row


def chosen(rows: list[dict[str, Any]]) -> dict[str, dict[int, dict[str, Any]]]:
    """For each arm and seed, the line of the setting that its validation rows choose."""
    plain = by_seed(rows, "validation_auc", arm="plain", setting=0)
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        best = found.setdefault(row["arm"], {}).get(row["seed"])
        if row["seed"] in plain and (best is None or _rank(row, plain) < _rank(best, plain)):
            found[row["arm"]][row["seed"]] = row
    return found


def _rank(row: dict[str, Any], plain: dict[int, float]) -> tuple[bool, float]:
    costly = row["validation_auc"] < plain[row["seed"]] - POINT
    return costly, -row["validation_auc"] if costly else row["validation_odds"]


def criterion(
    picked: dict[int, dict[str, Any]], plain: dict[int, dict[str, Any]], gap: str, quality: str = "auc"
) -> str:
    """Whether the gap is at most half of plain training's at no more than a point of quality: by intervals, on the means only, or not."""
    seeds = sorted(set(picked) & set(plain))
    left = paired([picked[seed][gap] for seed in seeds], [plain[seed][gap] / 2 for seed in seeds])
    cost = paired([picked[seed][quality] for seed in seeds], [plain[seed][quality] for seed in seeds])
    if left.high <= 0 and cost.low >= -POINT:
        return "yes"
    return "on the means only" if left.mean <= 0 and cost.mean >= -POINT else "no"


def tables(rows: list[dict[str, Any]]) -> str:
    """The tables of one world, as Markdown."""
    failed = [row for row in rows if row["failed"] is not None]
    done = [row for row in rows if row["failed"] is None]
    failed = [row for row in failed if not any(_same(row, other) for other in done)]
    picked = chosen(done)
    plain = picked["plain"]
    known = [arm for arm in (*ours(1.0), *THEIRS) if picked.get(arm)]
    quality = [_quality_row(arm, picked[arm], plain) for arm in known]
    volume = [_volume_row(arm, done) for arm in known]
    header = ["arm", "seeds", "AUC", "points of AUC against plain", "points of balanced accuracy against plain"]
    header += [
        "equalized-odds gap",
        "against plain",
        "selection gap",
        *ASKED,
        "settings chosen",
    ]
    texts = [
        "Test rows; mean and standard deviation over seeds; differences paired, with 95 % t interval and exact sign-flip p.",
        "",
        markdown(header, quality),
        "",
        "Hypervolume of both settings above (0.5, 0); differences paired.",
        "",
        markdown(["arm", *(f"{what} {name}" for what in ("AUC:", "balanced accuracy:") for name in _VOLUMES)], volume),
    ]
    if failed:
        names = Counter(f"{row['arm']} setting {row['setting']}: {row['failed']}" for row in failed)
        texts += ["", "Failed:", "", *(f"* {name} ({count} seeds)" for name, count in names.items())]
    for name, asked in ASKED.items():
        met = [arm for arm in known if arm != "plain" and criterion(picked[arm], plain, *asked) == "yes"]
        texts += ["", f"By the 95 % intervals of both, {name}: {', '.join(met) or 'no method'}."]
    return "\n".join(texts)


_VOLUMES = ("hypervolume", "against plain", "against Fairlearn thresholds", "against Fairlearn reduction")


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("world", "seed", "arm", "setting"))


def _quality_row(arm: str, picked: dict[int, dict[str, Any]], plain: dict[int, dict[str, Any]]) -> list[str]:
    seeds = sorted(set(picked) & set(plain))

    def values(of: dict[int, dict[str, Any]], name: str) -> list[float]:
        return [of[seed][name] for seed in seeds]

    def against(name: str, scale: float = 1.0, digits: int = 3) -> str:
        return "" if arm == "plain" else paired(values(picked, name), values(plain, name)).shown(digits, scale)

    settings = Counter(picked[seed]["setting"] for seed in seeds)
    return [
        arm,
        str(len(seeds)),
        spread(values(picked, "auc")),
        against("auc", 100, 2),
        against("balanced_accuracy", 100, 2),
        spread(values(picked, "odds")),
        against("odds"),
        spread(values(picked, "selection")),
        *("" if arm == "plain" else criterion(picked, plain, *asked) for asked in ASKED.values()),
        f"{settings[0]} / {settings[1]}",
    ]


def _volume_row(arm: str, rows: list[dict[str, Any]]) -> list[str]:
    cells = [arm]
    for quality in ("auc", "balanced_accuracy"):
        own = volumes(rows, arm, quality)
        cells.append(spread(list(own.values())))
        for other in ("plain", "fairlearn_threshold", "fairlearn_exponentiated"):
            difference = None if other == arm else compared(own, volumes(rows, other, quality))
            cells.append("" if difference is None else difference.shown())
    return cells


def volumes(rows: list[dict[str, Any]], arm: str, quality: str) -> dict[int, float]:
    """Hypervolume of an arm's settings by seed, where all its settings have a result."""
    found: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        if row["arm"] == arm:
            found.setdefault(row["seed"], []).append((row[quality], 1 - row["odds"]))
    return {seed: hypervolume(points, (0.5, 0.0)) for seed, points in sorted(found.items()) if len(points) == 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--planted", action="store_true")
    what.add_argument("--real", choices=("hmda", "adult"))
    parser.add_argument("--seeds", type=int, help="default: 10 planted, 3 real")
    parser.add_argument(
        "--first", type=int, help="first seed; default: 100 planted (the rate was set on others), 0 real"
    )
    parser.add_argument("--arms", nargs="+", choices=(*ours(1.0), *THEIRS), default=[*ours(1.0), *THEIRS])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, and run nothing")
    options = parser.parse_args()
    world = WORLDS["planted" if options.planted else options.real]
    lines = Lines(options.out or Path(f"mitigation-{world.name}.jsonl"))
    count = options.seeds or (10 if options.planted else 3)
    first = (100 if options.planted else 0) if options.first is None else options.first
    seeds = list(range(first, first + count))
    if not options.table:
        run(world, seeds, options.arms, lines)
    print(f"{world.says}; seeds {seeds[0]} to {seeds[-1]}; group {world.attribute}; two settings an arm\n")
    print(tables([row for row in lines.read() if row["world"] == world.name and row["seed"] in seeds]))


if __name__ == "__main__":
    main()

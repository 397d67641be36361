"""Does search pay for itself? Samplers against random trials, and small adapters against uniform rank, on tables of trained models.

    OMP_NUM_THREADS=1 python benchmarks/search.py --methods [--seeds 20] [--trials 40] [--tables search.jsonl]
    OMP_NUM_THREADS=1 python benchmarks/search.py --structure [--seeds 10] [--trials 12] [--tables search.jsonl]

The tables (``search_tables.py``) are filled first and kept: tiny models on planted bias, trained by the product. Every sampler is the one that ``raitune tune`` uses.

``--methods``: learning rate, epochs, mitigation method and strength, rank by layer; objectives AUC, equalized-odds gap and adapter parameters. The hypervolume of what was found after 10, 20 and all trials, on validation
values as the search sees them, and of the same trials' front on test rows. A seed is a seed of the sampler; the table is the same. Above (0.5, 0, 0) in AUC, 1 - gap, 1 - parameters over those of rank 8 in all layers.

``--structure``: rank 0, 2, 4 or 8 in each of three layers, at most half of the parameters of rank 8 in all. Of all trials the one with the best validation AUC is taken, and its test AUC compared with that of rank 8
in all layers, and with what as many random structures of the same budget give. A seed is rows, initial weights and sampler. Wanted: no more than half a point of AUC below, by the 95 % interval.
"""

from __future__ import annotations

import argparse
import math
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from over_seeds import Lines, hypervolume, markdown, paired, spread
from search_tables import (
    EPOCHS,
    METHODS,
    RANKS,
    RATES,
    STRENGTHS,
    STRUCTURE_LAYERS,
    STRUCTURE_RANKS,
    UNIFORM,
    fill,
    settings,
    structures,
)

if TYPE_CHECKING:
    Row = dict[str, Any]

SAMPLERS = ("tpe", "nsga2", "random")
HALF_A_POINT = 0.005


def searched(table: dict[tuple[Any, ...], Row], kind: str, seed: int, trials: int) -> list[Row]:
    """The rows that a sampler of ``raitune tune`` comes to, in order. A value between those of the table becomes the nearest; a failed setting is a failed trial."""
    import optuna

    from rai_tune.search.driver import make_sampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=["maximize", "minimize", "minimize"], sampler=make_sampler(kind, seed, trials)
    )
    found = []
    for _ in range(trials):
        trial = study.ask()
        method = trial.suggest_categorical("method", METHODS)
        strength = None
        if method == "fair_loss":
            strength = _nearest(trial.suggest_float("strength", STRENGTHS[0], STRENGTHS[-1], log=True), STRENGTHS)
        rate = _nearest(trial.suggest_float("rate", RATES[0], RATES[-1], log=True), RATES)
        row = table[
            rate,
            trial.suggest_categorical("epochs", EPOCHS),
            method,
            strength,
            trial.suggest_categorical("ranks", RANKS),
        ]
        found.append(row)
        if row["failed"]:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, [row["validation_auc"], row["validation_odds"], row["share"]])
    return found


def _nearest(value: float, among: tuple[float, ...]) -> float:
    return min(among, key=lambda other: abs(math.log(value / other)))


def volume(rows: list[Row], split: str) -> float:
    """Hypervolume of the front on validation values; for ``test``, of that same front's test values."""
    done = [row for row in rows if not row["failed"]]
    front = [row for row in done if not any(_dominates(other, row) for other in done)]
    points = [(row[f"{split}_auc"], 1 - row[f"{split}_odds"], 1 - row["share"]) for row in front]
    return hypervolume(points, (0.5, 0.0, 0.0))


def _dominates(one: Row, other: Row) -> bool:
    first, second = ((row["validation_auc"], -row["validation_odds"], -row["share"]) for row in (one, other))
    return first != second and all(mine >= theirs for mine, theirs in zip(first, second, strict=True))


def methods_tables(lines: Lines, seeds: int, trials: int) -> str:
    fill(lines, "methods", settings(), seed=0)
    table = {_key(row): row for row in lines.read() if row["table"] == "methods"}
    whole = volume(list(table.values()), "validation")
    runs = {kind: [searched(table, kind, seed, trials) for seed in range(seeds)] for kind in SAMPLERS}
    body = []
    for kind in SAMPLERS:
        for count in sorted({min(10, trials), min(20, trials), trials}):
            cells = [kind, str(count)]
            for split in ("validation", "test"):
                own, other = ([volume(run[:count], split) for run in runs[name]] for name in (kind, "random"))
                cells += [spread(own, 4), "" if kind == "random" else paired(own, other).shown(4)]
            body.append(cells)
    header = [
        "sampler",
        "trials",
        "hypervolume, validation",
        "minus random",
        "hypervolume of that front, test",
        "minus random",
    ]
    said = f"{len(table)} settings, of which {sum(bool(row['failed']) for row in table.values())} diverged; all of them together: {whole:.4f}. {seeds} seeds."
    return f"{said}\n\n{markdown(header, body)}"


def structured(table: dict[tuple[int, ...], Row], kind: str, seed: int, trials: int) -> list[Row]:
    """Structures within the budget that a sampler comes to. One beyond the budget, or of no rank at all, costs no training and no trial: another is asked for."""
    import optuna

    from rai_tune.search.driver import make_sampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=make_sampler(kind, seed, trials))
    found: list[Row] = []
    while len(found) < trials:
        trial = study.ask()
        ranks = tuple(trial.suggest_categorical(f"layer {layer}", STRUCTURE_RANKS) for layer in range(STRUCTURE_LAYERS))
        row = table.get(ranks)
        if row is None or row["share"] > 0.5 or row["failed"]:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        study.tell(trial, row["validation_auc"])
        found.append(row)
    return found


def structure_tables(lines: Lines, seeds: int, trials: int) -> str:
    chosen: dict[str, list[Row]] = {kind: [] for kind in SAMPLERS}
    uniform, single = [], []
    for seed in range(seeds):
        fill(lines, "structure", structures(), seed=seed)
        rows = [row for row in lines.read() if row["table"] == "structure" and row["seed"] == seed]
        table = {tuple(int(rank) for rank in row["ranks"].split(",")): row for row in rows}
        uniform.append(table[(UNIFORM,) * STRUCTURE_LAYERS])
        within = [row["test_auc"] for row in rows if row["share"] <= 0.5 and not row["failed"]]
        single.append(statistics.mean(within))
        for kind in SAMPLERS:
            chosen[kind].append(max(structured(table, kind, seed, trials), key=lambda row: row["validation_auc"]))
    full = [row["test_auc"] for row in uniform]
    random = [row["test_auc"] for row in chosen["random"]]
    body = [["rank 8 in all layers", spread(full, 4), "", "", "1.00", ""]]
    for kind in SAMPLERS:
        own = [row["test_auc"] for row in chosen[kind]]
        below = paired(own, full)
        held = "yes" if below.low >= -HALF_A_POINT else "on the mean only" if below.mean >= -HALF_A_POINT else "no"
        against = "" if kind == "random" else paired(own, random).shown(2, 100)
        body.append(
            [
                f"best of {trials} by {kind}",
                spread(own, 4),
                below.shown(2, 100),
                against,
                spread([row["share"] for row in chosen[kind]], 2),
                held,
            ]
        )
    body.append(["any one structure of the budget", spread(single, 4), paired(single, full).shown(2, 100), "", "", ""])
    header = [
        "adapter",
        "test AUC",
        "points against rank 8",
        "points against random",
        "parameters over rank 8",
        "within half a point",
    ]
    return f"{seeds} seeds.\n\n{markdown(header, body)}"


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("rate", "epochs", "method", "strength", "ranks"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--methods", action="store_true")
    what.add_argument("--structure", action="store_true")
    parser.add_argument("--seeds", type=int, help="default: 20 for --methods, 10 for --structure")
    parser.add_argument("--trials", type=int, help="default: 40 for --methods, 12 for --structure")
    parser.add_argument("--tables", type=Path, default=Path("search.jsonl"))
    options = parser.parse_args()
    lines = Lines(options.tables)
    if options.methods:
        print(methods_tables(lines, options.seeds or 20, options.trials or 40))
    else:
        print(structure_tables(lines, options.seeds or 10, options.trials or 12))


if __name__ == "__main__":
    main()

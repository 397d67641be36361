"""Tables that ``search.py`` searches: every setting of a small space, trained once by the product's own functions on planted bias.

A search over a table costs nothing, so that many seeds of a sampler can be compared on the same ground, as tabular benchmarks do (Klein and Hutter 2019, "Tabular Benchmarks"). The encoder is untrained and tiny:
what is compared is how a space is searched, not how good its models are.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from by_recipe import planned, run_plan, tiny_base
from mitigation_arms import judged, measured
from mitigation_worlds import WORLDS
from planted_bias import WORDS, planted

from rai_tune.recipe import parse_recipe

if TYPE_CHECKING:
    from over_seeds import Lines

SIZES = {"train": 600, "validation": 600, "test": 2_000}
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
EPOCHS = (2, 5)
METHODS = ("none", "reweigh", "group_dro", "fair_loss")
STRENGTHS = (0.5, 2.0, 8.0)
RANKS = ("8,8", "2,2", "8,0", "0,8")
UNIFORM = 8
STRUCTURE_LAYERS, STRUCTURE_RANKS = 3, (0, 2, 4, 8)


def settings() -> list[dict[str, Any]]:
    """The 240 settings of the space with methods; a strength only where the method reads one."""
    methods = [(name, strength) for name in METHODS for strength in (STRENGTHS if name == "fair_loss" else (None,))]
    return [
        {"rate": rate, "epochs": epochs, "method": method, "strength": strength, "ranks": ranks}
        for rate, epochs, (method, strength), ranks in itertools.product(RATES, EPOCHS, methods, RANKS)
    ]


def structures() -> list[dict[str, Any]]:
    """Ranks 0, 2, 4 or 8 in each of three layers, with at most half of the parameters of rank 8 in all, and that one for comparison.

    One rate and five epochs, which were the best of ``settings`` for rank 8 in every layer on a seed that is not compared (900). No method.
    """
    found = [
        ranks
        for ranks in itertools.product(STRUCTURE_RANKS, repeat=STRUCTURE_LAYERS)
        if 0 < sum(ranks) <= UNIFORM * STRUCTURE_LAYERS / 2
    ]
    return [
        {"rate": 1e-2, "epochs": 5, "method": "none", "strength": None, "ranks": ",".join(map(str, ranks))}
        for ranks in [*found, (UNIFORM,) * STRUCTURE_LAYERS]
    ]


def recipe(base: dict[str, Any], setting: dict[str, Any]) -> dict[str, Any]:
    """The recipe of one setting, from that of the planted world."""
    method = {"none": None, "fair_loss": {"method": "fair_loss", "fair_loss": {"strength": setting["strength"]}}}
    mitigation = method.get(setting["method"], {"method": setting["method"]})
    ranks = [int(rank) for rank in setting["ranks"].split(",")]
    return {
        **base,
        "model": {"base": "base", "adapter": {"method": "lora", "layer_ranks": ranks, "alpha": 16.0}},
        "training": {
            **base["training"],
            "learning_rate": setting["rate"],
            "epochs": setting["epochs"],
            "eval_batch_size": 256,
        },
        **({"mitigation": mitigation} if mitigation else {}),
    }


def share(setting: dict[str, Any]) -> float:
    """Adapter parameters over those of rank 8 in every layer: all layers are alike, so ranks say it."""
    ranks = [int(rank) for rank in setting["ranks"].split(",")]
    return sum(ranks) / (UNIFORM * len(ranks))


def fill(lines: Lines, table: str, wanted: list[dict[str, Any]], seed: int) -> None:
    """Train every setting of a table that has no line yet. A setting that diverges has a line that says so."""
    there = {_key(row) for row in lines.read() if row["table"] == table and row["seed"] == seed}
    missing = [setting for setting in wanted if _key(setting) not in there]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tiny_base(folder / "base", WORDS, layers=len(wanted[0]["ranks"].split(",")))
        base = WORLDS["planted"].prepare(folder, seed)
        planted(seed, SIZES).to_csv(folder / "rows.csv", index=False)
        plan = planned(recipe(base, missing[0]), folder)
        started = time.perf_counter()
        for setting in missing:
            loaded = parse_recipe(recipe(base, setting), "table", folder)
            found = _outcome(replace(plan, loaded=loaded), folder)
            lines.add({"table": table, "seed": seed, **setting, "share": share(setting), **found})
        print(f"{table}, seed {seed}: {len(missing)} settings in {time.perf_counter() - started:.0f} s", flush=True)


def _outcome(plan: Any, folder: Path) -> dict[str, Any]:
    from rai_tune.core import DivergedError

    try:
        ran = run_plan(plan, folder)
    except DivergedError as error:
        return {"failed": str(error)[:200]}
    row: dict[str, Any] = {"failed": None, "cpu_s": ran.cpu_s, "trained": ran.facts["parameters"]["trained"]}
    for split, table in (("validation", ran.validation), ("test", ran.test)):
        found = measured(judged(table, ran.positive, "origin"))
        row |= {f"{split}_{name}": found[name] for name in ("auc", "odds")}
    return row


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("rate", "epochs", "method", "strength", "ranks"))

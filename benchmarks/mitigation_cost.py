"""What each mitigation method costs over plain training, in CPU time.

    OMP_NUM_THREADS=1 python benchmarks/mitigation_cost.py [--rows 384] [--repeats 5]

MiniLM with LoRA on HMDA rendered as text, one epoch, one thread. In each round every method trains once, after one round that is thrown away; a method's ratio is the median over rounds of
its CPU seconds over those of plain training in the same round. ``training`` is the training loop alone; ``in all`` is everything from loading the base to the saved model, which the fixed
costs make milder. Bounds: 1.1 times for reweighing, balancing and group DRO; for the methods that read rows about other groups, 1.1 times the tokens they read over those of plain training.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from by_recipe import Ran, planned, run_plan
from mitigation_worlds import WORLDS
from over_seeds import markdown

WORLD, SLACK = WORLDS["hmda"], 1.1
METHODS = {
    "plain": [],
    "reweigh": [],
    "balance": [],
    "group_dro": [],
    "fair_loss": [],
    "counterfactual_augment, share 0.5": ["mitigation.counterfactual_augment.share=0.5"],
    "counterfactual_augment, share 1": ["mitigation.counterfactual_augment.share=1.0"],
    "logit_pairing": [],
    "threshold": [],
    "exponentiated_gradient": ["model.adapter={method: frozen}"],
}
AS_PLAIN = ("reweigh", "balance", "group_dro")
BY_TOKENS = ("counterfactual_augment", "logit_pairing")


def plans(folder: Path, rows: int) -> dict[str, Any]:
    """A plan for each method on the same rows. A method that cannot be planned is left out, with the reason printed."""
    recipe = WORLD.prepare(folder, 0)
    share = rows / 2_380
    recipe["data"]["split"] = {"train": share, "validation": 0.1, "test": 0.9 - share}
    found = {}
    for name, settings in METHODS.items():
        method = name.split(",")[0]
        sets = ["training.epochs=1", *([] if method == "plain" else [f"mitigation.method={method}"]), *settings]
        try:
            found[name] = planned(recipe, folder, sets)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {error}")
    return found


def read_tokens(plan: Any, ran: Ran) -> int:
    """Tokens of the rows that were learned from, and of those written about other groups beside them."""
    pairs = 0
    if plan.recipe.mitigation and "logit_pairing" in plan.recipe.mitigation.methods:
        pairs = counterfactual_tokens(plan)
    return int(ran.facts["tokens"]["train"]) + pairs


def counterfactual_tokens(plan: Any) -> int:
    """Tokens of every training row about every other group."""
    from rai_tune.training.mitigation.composing import apply_mitigation
    from rai_tune.training.tokens import load_tokenizer, tokenize

    applied = apply_mitigation(plan.recipe, plan.data)
    texts = [text for texts in (applied.pairs if applied and applied.pairs else []) for text in texts]
    return tokenize(load_tokenizer(str(plan.base.path)), texts, plan.recipe.model.max_tokens).total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = plans(folder, options.rows)
        training: dict[str, list[float]] = {name: [] for name in made}
        whole: dict[str, list[float]] = {name: [] for name in made}
        tokens: dict[str, int] = {}
        for repeat in range(options.repeats + 1):
            for name, plan in list(made.items()):
                try:
                    ran = run_plan(plan, folder)
                except Exception as error:
                    print(f"{name}: {type(error).__name__}: {error}")
                    made.pop(name)
                    continue
                tokens[name] = read_tokens(plan, ran)
                if repeat:
                    training[name].append(float(ran.facts["cpu_s"]))
                    whole[name].append(ran.cpu_s)
            print(f"round {repeat} of {options.repeats} done", flush=True)
    print(
        f"\n{options.rows} training rows, 1 epoch, one thread, {options.repeats} rounds, {time.strftime('%Y-%m-%d')}\n"
    )
    header = [
        "method",
        "CPU s of training",
        "training over plain",
        "in all over plain",
        "tokens over plain",
        "bound",
        "held",
    ]
    print(markdown(header, [_row(name, training, whole, tokens) for name in made]))


def _row(
    name: str, training: dict[str, list[float]], whole: dict[str, list[float]], tokens: dict[str, int]
) -> list[str]:
    loop, every = (
        statistics.median(own / plain for own, plain in zip(times[name], times["plain"], strict=True))
        for times in (training, whole)
    )
    more = tokens[name] / tokens["plain"]
    method = name.split(",", maxsplit=1)[0]
    bound = SLACK if method in AS_PLAIN else SLACK * more if method in BY_TOKENS else None
    return [
        name,
        f"{statistics.median(training[name]):.1f}",
        f"{loop:.2f}",
        f"{every:.2f}",
        f"{more:.2f}",
        "" if bound is None else f"{bound:.2f}",
        "" if bound is None else "yes" if loop <= bound else "no",
    ]


if __name__ == "__main__":
    main()

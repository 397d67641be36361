"""How often the whole gate lets a model through that it should not, on simulated truth, and what that costs.

Every sample is a table of decisions about people whose true rates are known; the audit ``group_rates`` measures its impact ratios and the
gate decides a pack with the claim "every group at least 0.8 times every other". Printed for each truth: the share of wrong passes (the true
ratio is below 0.8, or exactly at it, where a pass is the error of one-sided level alpha), of right passes, and of insufficient
outcomes, which are the price; beside it a gate on the point estimate. Then the same when a team tries five models on the same test rows,
with and without dividing alpha by the number of openings.

    python benchmarks/gate_honesty.py [--samples 4000] [--seed 1]
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditResult, TaskInfo
from rai_audits.fairness.counts import count_partition
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.pair_measurements import Comparison, impact_ratios
from rai_audits.fairness.tallies import tallies
from rai_tune.gate import Evidence, Policy, evaluate, policy_digest

ALPHA, LIMIT, TRIES = 0.05, 0.8, 5
INPUTS = {"predictions": "p", "model": "m"}


@dataclass(frozen=True)
class Truth:
    """Rows and true favourable rate of each group; ``holds`` says whether the claim is true beyond its limit."""

    name: str
    rows: tuple[int, ...]
    rates: tuple[float, ...]

    @property
    def holds(self) -> bool:
        return min(self.rates) / max(self.rates) > LIMIT + 1e-9


@dataclass(frozen=True)
class Shares:
    """Shares of the samples that ended in each outcome, and that a gate on the point estimate would have passed."""

    passed: float
    failed: float
    insufficient: float
    passed_by_point: float


TRUTHS = (
    Truth("at the limit, two groups of 500", (500, 500), (0.4, 0.5)),
    Truth("at the limit, 135 beside 817", (135, 817), (0.56, 0.70)),
    Truth("at the limit, four groups", (200, 400, 800, 1600), (0.40, 0.5, 0.45, 0.48)),
    Truth("below it (0.75), 300 beside 2000", (300, 2000), (0.375, 0.5)),
    Truth("above it (0.95), two groups of 500", (500, 500), (0.475, 0.5)),
    Truth("above it (1.00), 135 beside 817", (135, 817), (0.70, 0.70)),
    Truth("above it (1.00), four groups", (200, 400, 800, 1600), (0.5, 0.5, 0.5, 0.5)),
)


class _Nowhere:
    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return f"{name}-{len(table)}"


def pack(*, divide: bool) -> Policy:
    """A pack with the one claim, with or without dividing alpha by the openings."""
    return Policy.model_validate(
        {
            "id": "claim",
            "version": "1.0.0",
            "title": "The claim",
            "issuer": "A simulation",
            "summary": "One claim.",
            "status": "organisation",
            "verified_on": "2026-11-26",
            "sources": ["a simulation"],
            "divide_alpha_by_openings": divide or None,
            "controls": [
                {
                    "id": "C-1",
                    "reference": "1",
                    "title": "Alike",
                    "asks": "Every group at least 0.8 times every other.",
                    "mode": "automated",
                    "severity": "block",
                    "check": {
                        "kind": "bound",
                        "audit": "group_rates",
                        "metric": "impact_ratio",
                        "over": "pairs",
                        "direction": "at_least",
                        "threshold": {"value": LIMIT, "origin": "organisation", "source": "a simulation"},
                    },
                }
            ],
        }
    )


def draw(truth: Truth, random: np.random.Generator) -> pd.DataFrame:
    """One table of decisions."""
    chosen = np.concatenate([random.random(n) < rate for n, rate in zip(truth.rows, truth.rates, strict=True)])
    groups = np.repeat([f"g{place}" for place in range(len(truth.rows))], truth.rows)
    word = np.where(chosen, "yes", "no")
    score = np.where(chosen, 0.9, 0.1)
    table = pd.DataFrame({"label": word, "prediction": word, "score": score, "score:yes": score, "score:no": 1 - score})
    return table.assign(row_id=np.arange(len(table)).astype(str), split="test", **{"group:attribute": groups})


def measure(table: pd.DataFrame, truth: Truth, alphas: tuple[float, ...]) -> AuditResult:
    """What the audit's own functions say of a table, for the one metric that the pack reads."""
    names = tuple(f"g{place}" for place in range(len(truth.rows)))
    task = TaskInfo(classes=("no", "yes"), positive="yes", favourable="yes", threshold=0.5, groups={"attribute": names})
    context = AuditContext(predictions=table, task=task, artifacts=_Nowhere(), rows=table, alphas=alphas)
    counts = count_partition(table, ("attribute",), task.classes)
    selection = tallies(counts, "attribute", names, task)["selection_rate"]
    comparison = Comparison("attribute", names, {}, dict(zip(names, truth.rows, strict=True)))
    found = impact_ratios(Describer(audit="group_rates", context=context, weighted=False), comparison, selection)
    return AuditResult(
        audit="group_rates",
        suite="fairness",
        version="1",
        measurements=tuple(found),
        inputs=INPUTS,
        seed=0,
        duration_s=0.0,
    )


def decide(policy: Policy, result: AuditResult, truth: Truth, openings: int = 1) -> str:
    """What the real gate says of it."""
    names = tuple(f"g{place}" for place in range(len(truth.rows)))
    evidence = Evidence(
        run_id="x-00000000",
        state="completed",
        results=(result,),
        groups={"attribute": names},
        model_digest="m",
        predictions_digest="p",
        frozen_policies={},
        test_openings=openings,
    )
    return evaluate((policy, policy_digest(policy)), evidence).outcome


def shares(truth: Truth, samples: int, seed: int) -> Shares:
    """Outcomes over many samples of one truth."""
    random, policy = np.random.default_rng(seed), pack(divide=False)
    outcomes, points = [], 0
    for _ in range(samples):
        table = draw(truth, random)
        rates = table.groupby("group:attribute")["prediction"].apply(lambda word: (word == "yes").mean())
        points += bool(rates.min() >= LIMIT * rates.max())
        outcomes.append(decide(policy, measure(table, truth, (ALPHA,)), truth))
    part = {word: outcomes.count(word) / samples for word in ("pass", "fail", "insufficient_evidence")}
    return Shares(part["pass"], part["fail"], part["insufficient_evidence"], points / samples)


def several_tries(truth: Truth, samples: int, seed: int) -> dict[str, float]:
    """Share of teams that get a model through which is exactly at the limit, when they try several on the same rows.

    Models that err independently are the worst case: each try is a new chance. A team promotes the first that passes at its own turn, or
    waits until all were tried and promotes one that passes then, when every one of them is judged by the final count.
    """
    random, plain, divided = np.random.default_rng(seed), pack(divide=False), pack(divide=True)
    levels = tuple(sorted({ALPHA / openings for openings in range(1, TRIES + 1)}))
    through = dict.fromkeys(("not divided", "divided, the first that passes", "divided, after all were tried"), 0)
    for _ in range(samples):
        results = [measure(draw(truth, random), truth, levels) for _ in range(TRIES)]
        passed = {
            "not divided": (decide(plain, each, truth) for each in results),
            "divided, the first that passes": (
                decide(divided, each, truth, openings) for openings, each in enumerate(results, start=1)
            ),
            "divided, after all were tried": (decide(divided, each, truth, TRIES) for each in results),
        }
        for name, outcomes in passed.items():
            through[name] += "pass" in outcomes
    return {name: count / samples for name, count in through.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    error = 1.96 * math.sqrt(ALPHA * (1 - ALPHA) / given.samples)
    print(f"alpha {ALPHA}, {given.samples} samples a truth, simulation error about {100 * error:.1f} points\n")
    print(f"{'truth':<38} {'pass':>7} {'fail':>7} {'insuff.':>8} {'pass by point':>14}")
    for truth in TRUTHS:
        found = shares(truth, given.samples, given.seed)
        note = "" if truth.holds else "  wrong passes"
        print(
            f"{truth.name:<38} {found.passed:>7.1%} {found.failed:>7.1%} {found.insufficient:>8.1%} "
            f"{found.passed_by_point:>14.1%}{note}"
        )
    tries = max(given.samples // 2, 50)
    harmonic = ALPHA * sum(1 / openings for openings in range(1, TRIES + 1))
    print(f"\n{TRIES} models at the limit tried on the same rows ({tries} teams): share of teams that get one through")
    for name, share in several_tries(TRUTHS[0], tries, given.seed).items():
        print(f"  alpha {name:<32} {share:>6.1%}")
    print(
        f"  bounds: {ALPHA * TRIES:.1%} not divided, {harmonic:.1%} the first that passes, {ALPHA:.1%} after all were tried"
    )


if __name__ == "__main__":
    main()

"""Do the intervals, gates and screens of rai_audits.stats hold what they promise? Tables and figures of docs/calibration.md.

python benchmarks/calibration.py [--reduced] [--seed 2026] [--figures docs/img]

Rates and the two-group ratio gate by exact enumeration; more groups, spreads and slices by simulation. Numbers of samples, replicates and
effects were settled on seed 1; what is reported is seed 2026. No rule was tuned on either.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import calibration_groups as groups
import calibration_rates as rates
import calibration_ratio as ratio
import calibration_screens as screens

TUNING_SEED = 1
REPORT_SEED = 2026
POWER_SIZES = ((100, 100), (300, 300), (135, 817), (2000, 2000))
SCREEN_SAMPLES = 1_000


@dataclass(frozen=True)
class Study:
    """All parts; ``fine`` and the simulated screens are left out (None, empty) of the reduced grid."""

    rates: rates.RateStudy
    fine: rates.RateStudy | None
    ratio: ratio.RatioStudy
    claims: list[groups.Claim]
    samples: int
    bad_case: tuple[float, float]
    spreads: list[screens.SpreadCell]
    slices: list[screens.SliceCell]


def run(seed: int, *, reduced: bool) -> Study:
    samples = groups.REDUCED_SAMPLES if reduced else groups.SAMPLES
    bad = groups.bad_case(samples, seed)
    if reduced:
        return Study(
            rates.study(rates.REDUCED_SIZES), None, ratio.study(ratio.REDUCED_SIZES, ratio.REDUCED_RATES),
            groups.study(groups.REDUCED_GROUPS, samples, seed, tops=(0.5,)), samples, bad,
            screens.spreads(200, seed, groups=(2, 8), sizes=(500,)), screens.slices(150, seed),
        )  # fmt: skip
    return Study(
        rates.study(), rates.study(rates=rates.FINE_RATES), ratio.study(), groups.study(groups.GROUPS, samples, seed),
        samples, bad, screens.spreads(SCREEN_SAMPLES, seed), screens.slices(SCREEN_SAMPLES, seed),
    )  # fmt: skip


def percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def print_rates(study: rates.RateStudy, title: str) -> None:
    print(
        f"\n{title}: {len(study.sizes)} n x {study.rates.size} p, {int(study.enough.sum())} cells with np, n(1-p) >= 5"
    )
    print("| method | mean, all cells | worst, np and n(1-p) >= 5 | below 91.5 % | worst, other cells | below 91.5 % |")
    print("|---|---|---|---|---|---|")
    for method in rates.METHODS:
        columns = [percent(study.mean(method))]
        for enough in (True, False):
            worst, short = study.worst(method, enough=enough), study.short(method, enough=enough)
            columns += [f"{percent(worst.coverage)} (n {worst.n}, p {worst.rate:g})", str(len(short))]
        print(f"| {method} | {' | '.join(columns)} |")


def print_short_cells(study: rates.RateStudy) -> None:
    print("\nCells of the grid below 91.5 %")
    for method in rates.METHODS:
        cells = sorted(
            (cell for enough in (True, False) for cell in study.short(method, enough=enough)), key=lambda c: c.coverage
        )
        listed = "; ".join(f"n {cell.n}, p {cell.rate:g}: {percent(cell.coverage)}" for cell in cells[:6])
        more = f"; and {len(cells) - 6} more" if len(cells) > 6 else ""
        print(f"- {method}: {listed or 'none'}{more}")


def print_ratio(study: ratio.RatioStudy) -> None:
    print(f"\nRatio gate at 0.8, two groups: {study.cells} cells at each true ratio (n {study.sizes})")
    print("| gate | worst wrong pass at 0.8 | cells above 5 % | above 6 % | worst at 0.79 | worst at 0.75 |")
    print("|---|---|---|---|---|---|")
    for gate in ratio.GATES:
        worst = study.worst(gate, 0.8)
        where = f"n {worst.n1} over {worst.n2}, p2 {worst.rate:g}"
        above = f"{study.above(gate, 0.8, ratio.ALPHA)} | {study.above(gate, 0.8)}"
        below = " | ".join(percent(study.worst(gate, true).chance) for true in (0.79, 0.75))
        print(f"| {gate} | {percent(worst.chance)} ({where}) | {above} | {below} |")
    print("\n| wrong fail at 0.8 | worst | cells above 6 % |")
    print("|---|---|---|")
    for gate in ratio.FAILS:
        worst = study.worst(gate, 0.8)
        where = f"n {worst.n1} over {worst.n2}, p2 {worst.rate:g}"
        print(f"| {gate} | {percent(worst.chance)} ({where}) | {study.above(gate, 0.8)} |")
    sizes = [pair for pair in POWER_SIZES if set(pair) <= set(study.sizes)]
    print("\nPower: chance to pass when both rates are equal")
    print(f"| n1, n2, rate | {' | '.join(ratio.GATES)} |")
    print(f"|---|{'---|' * len(ratio.GATES)}")
    for n1, n2 in sizes:
        for rate in (0.3, 0.7):
            shares = " | ".join(f"{100 * study.power(gate, n1, n2, rate):.1f} %" for gate in ratio.GATES)
            print(f"| {n1}, {n2}, {rate} | {shares} |")


CLAIMS = {
    "passed": "wrong pass, all ordered pairs",
    "failed": "wrong fail, Holm over all pairs",
    "passed_highest": "wrong pass, against the highest observed",
    "passed_point": "wrong pass, point estimates",
    "failed_uncorrected": "wrong fail, no correction",
}


def print_claims(study: Study) -> None:
    allowed = groups.ALPHA + 3 * groups.standard_error(study.samples)
    print(f"\nMore groups: {len(study.claims)} scenarios x {study.samples} samples; alpha + 3 SE = {percent(allowed)}")
    print("| rule | worst scenario | its share | scenarios above alpha + 3 SE |")
    print("|---|---|---|---|")
    for field, words in CLAIMS.items():
        worst = max(study.claims, key=lambda claim: getattr(claim, field))
        above = sum(getattr(claim, field) > allowed for claim in study.claims)
        name = f"{worst.scenario.groups} groups; {worst.scenario.name}"
        print(f"| {words} | {name} | {percent(getattr(worst, field))} | {above} |")
    pairs, highest = study.bad_case
    sizes, true = groups.BAD_CASE
    print(
        f"\nRates {true}, n {sizes}: wrong pass {percent(pairs)} over all pairs, {percent(highest)} against the highest"
    )


def print_screens(study: Study) -> None:
    print("\nSpread lies above zero although all groups are equal (at most 2.5 % is promised)")
    print("| groups | n each | rate | percentile bootstrap | all pairs |")
    print("|---|---|---|---|---|")
    for cell in study.spreads:
        print(f"| {cell.groups} | {cell.n} | {cell.rate} | {100 * cell.bootstrap:.1f} % | {100 * cell.pairs:.1f} % |")
    print("\nSlices: false discoveries among the discoveries, nominal 5 %")
    print("| effect | nulls of tests | Benjamini-Hochberg | 3 SE | uncorrected | true slices found |")
    print("|---|---|---|---|---|---|")
    for cell in study.slices:
        found = f"{100 * cell.found:.0f} %" if cell.effect else "there are none"
        share, error = percent(cell.corrected), percent(3 * cell.corrected_error)
        print(
            f"| {cell.effect} | {cell.nulls} of {cell.tests} | {share} | {error} | {percent(cell.uncorrected)} | {found} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reduced", action="store_true", help="the grid of the tests, a few seconds")
    parser.add_argument("--seed", type=int, default=REPORT_SEED, help="of the simulated parts")
    parser.add_argument("--figures", type=Path, help="folder for the figures; none are drawn without it")
    chosen = parser.parse_args()
    started = time.perf_counter()
    study = run(chosen.seed, reduced=chosen.reduced)
    print(f"seed {chosen.seed}; alpha {groups.ALPHA}; {'reduced' if chosen.reduced else 'full'} grid")
    print_rates(study.rates, "Coverage of 95 % intervals for a rate")
    print_short_cells(study.rates)
    if study.fine:
        print_rates(study.fine, "The same on a finer grid of p (0.010 to 0.990 by 0.001)")
    print_ratio(study.ratio)
    print_claims(study)
    print_screens(study)
    if chosen.figures:
        from calibration_figures import draw

        draw(study, chosen.figures)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

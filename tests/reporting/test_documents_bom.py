"""The bill of materials: valid against CycloneDX 1.6, the same bytes each time, and every number a measurement."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from uuid import UUID

import pytest

from rai_tune.core import UsageError
from rai_tune.reporting.documents import annex_iv_markdown, ml_bom, model_card_markdown
from rai_tune.reporting.documents.bom import purl
from rai_tune.reporting.suppression import shown

HEX = re.compile(r"[0-9a-f]{64}")
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"


def bom(inputs):
    return json.loads(ml_bom(inputs))


def card(inputs):
    return bom(inputs)["metadata"]["component"]["modelCard"]


def metrics(inputs):
    return card(inputs)["quantitativeAnalysis"]["performanceMetrics"]


def found(metric):
    """What a performance metric says, as numbers: (type, value, low, high); an end that is left out is None."""
    interval = metric.get("confidenceInterval", {})
    ends = (interval.get("lowerBound"), interval.get("upperBound"))
    return (metric["type"], float(metric["value"]), *(None if end is None else float(end) for end in ends))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["whole", "hostile", "bare"])
def test_valid_against_the_schema(make_inputs, kit, case):
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    if case == "hostile":
        table = {HOSTILE: {HOSTILE: (135, 87, (22, 38), (26, 97)), "b\n## c": (817, 752, (31, 76), (34, 741))}}
        recipe = kit.lending_recipe(name=HOSTILE[:30], purpose=HOSTILE * 9)
        inputs = make_inputs(table=table, recipe=recipe, environment={"packages": {"a_B.c": "1.0+cpu <x>"}})
    elif case == "bare":
        inputs = make_inputs(results=(), decisions=(), training={}, environment={}, data={}, run={"created_at": ""})
    else:
        inputs = make_inputs()
    validator = validation.JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(ml_bom(inputs).decode()) is None


def test_the_schema_check_can_fail(make_inputs):
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    broken = bom(make_inputs())
    broken["metadata"]["component"]["modelCard"]["modelParameters"]["approach"]["type"] = "guessed"
    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(broken)) is not None


def test_the_same_run_gives_the_same_bytes_whatever_the_ledger_holds(make_inputs):
    one = make_inputs()
    later = make_inputs(ledger={"size": 9, "root": "9" * 64, "at": "2027-01-01T00:00:00Z"})
    assert ml_bom(one) == ml_bom(later)
    shuffled = replace(one, training={**one.training, "files": dict(reversed(list(one.training["files"].items())))})
    assert ml_bom(one) == ml_bom(shuffled)


def test_serial_number_is_a_uuid5_of_the_model(make_inputs):
    one, other = bom(make_inputs()), bom(make_inputs(run={"model_digest": "6" * 64}))
    assert UUID(one["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert one["serialNumber"] != other["serialNumber"]
    assert bom(make_inputs(run={"name": "again"}))["serialNumber"] == one["serialNumber"]
    assert one["metadata"]["timestamp"] == "2026-11-24T10:15:00Z"


def test_every_number_is_a_measurement_and_every_shown_measurement_is_there(make_inputs):
    inputs = make_inputs()
    expected = sorted(
        (
            f"{item.audit}.{item.metric}",
            item.value,
            None if isinstance(item.low, str) else item.low,
            None if isinstance(item.high, str) else item.high,
        )
        for result in shown(inputs).results
        for item in result.measurements
        if item.status == "ok" and item.label in {None, "denied", "approved", "race", "single"}
    )
    assert sorted(map(found, metrics(inputs))) == expected
    assert len(expected) > 60


def test_a_changed_measurement_changes_the_document(make_inputs, kit):
    changed = kit.quality().model_copy(
        update={
            "measurements": (
                kit.number("task_quality", "roc_auc", 0.77123, 0.7, 0.8, 996),
                *kit.quality().measurements[1:],
            )
        }
    )
    before = make_inputs()
    after = replace(before, results=tuple(changed if each.audit == "task_quality" else each for each in before.results))
    assert ("task_quality.roc_auc", 0.77123, 0.7, 0.8) in map(found, metrics(after))
    assert ("task_quality.roc_auc", 0.77123, 0.7, 0.8) not in map(found, metrics(before))


def test_small_cells_stay_hidden(make_inputs):
    """Three rows of 'other': none of its numbers, nor any that would give them away, is in the file."""
    slices = {metric["slice"] for metric in metrics(make_inputs())}
    assert "split test; race Black" in slices
    assert not [each for each in slices if re.search(r"race other|against other", each)]
    harms = {each["groupAtRisk"]: each for each in card(make_inputs())["considerations"]["fairnessAssessments"]}
    assert "suppressed (k = 5)" in harms["race: other"]["benefits"]


def test_an_unbounded_end_is_left_out(make_inputs, kit):
    open_end = kit.number(
        "group_rates", "impact_ratio", 1.5, 0.9, "unbounded", 40, attribute="race", group="Black", reference="white"
    )
    inputs = make_inputs(results=(kit.result("group_rates", "fairness", [open_end]),))
    (metric,) = metrics(inputs)
    assert metric["confidenceInterval"] == {"lowerBound": "0.9"}


def test_labels_that_may_be_words_of_texts_are_left_out(make_inputs, kit):
    secret = "jane doe of elm street"
    items = [
        kit.number("global_attributions", "mean_attribution", 0.5, 0.4, 0.6, 60, label=secret),
        kit.number("explanations", "column_attribution_share", 0.2, 0.1, 0.3, 60, label=secret),
    ]
    results = (
        kit.result("global_attributions", "explain", items[:1]),
        kit.result("explanations", "explain", items[1:]),
    )
    assert secret not in ml_bom(make_inputs(results=results)).decode()


def test_every_file_of_model_and_base_with_its_hash(make_inputs):
    inputs = make_inputs()
    base = {"name": "minilm", "digest": "3" * 64, "files": {"model.safetensors": "7" * 64}}
    body = bom(replace(inputs, training={**inputs.training, "base": base}))
    model = body["metadata"]["component"]
    hashes = {each["name"]: each["hashes"] for each in model["components"]}
    assert hashes == {
        name: [{"alg": "SHA-256", "content": digest}] for name, digest in inputs.training["files"].items()
    }
    (tuned_from,) = [each for each in body["components"] if each["type"] == "machine-learning-model"]
    assert tuned_from["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "7" * 64}]
    assert model["pedigree"]["ancestors"][0]["name"] == tuned_from["name"] == "minilm"


def test_data_by_digest_and_refs_resolve(make_inputs):
    body = bom(make_inputs())
    (data,) = [each for each in body["components"] if each["type"] == "data"]
    assert data["hashes"] == [{"alg": "SHA-256", "content": "2" * 64}]
    refs = {body["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in body["components"])}
    assert {each["ref"] for each in body["dependencies"]} == refs
    needed = body["dependencies"][0]["dependsOn"]
    assert set(needed) == refs - {body["metadata"]["component"]["bom-ref"]}
    assert card(make_inputs())["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]


def test_the_tool_has_the_version_that_the_run_recorded(make_inputs):
    told = bom(make_inputs(environment={"packages": {"rai-tune": "0.0.7"}}))
    assert told["metadata"]["tools"]["components"] == [{"type": "application", "name": "rai-tune", "version": "0.0.7"}]
    assert "version" not in bom(make_inputs())["metadata"]["tools"]["components"][0]


def test_packages_have_package_urls(make_inputs):
    body = bom(make_inputs(environment={"packages": {"Typing_Extensions": "4.16", "torch": "2.13.0+cpu"}}))
    assert [each["purl"] for each in body["components"] if each["type"] == "library"] == [
        "pkg:pypi/torch@2.13.0%2Bcpu",
        "pkg:pypi/typing-extensions@4.16",
    ]
    assert purl("a", "1/2") == "pkg:pypi/a@1%2F2"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("/home/jane/models/secret-base", "secret-base"),
        ("../models/base", "base"),
        (r"C:\models\base", "base"),
        ("org/encoder", "org/encoder"),
        ("~/base", "base"),
    ],
)
def test_folders_of_a_machine_stay_out(make_inputs, given, told):
    inputs = make_inputs()
    inputs = replace(inputs, training={**inputs.training, "base": {"name": given, "digest": "3" * 64}})
    body = ml_bom(inputs)
    texts = model_card_markdown(inputs) + annex_iv_markdown(inputs)
    assert json.loads(body)["metadata"]["component"]["pedigree"]["ancestors"][0]["name"] == told
    if told != given:
        assert given not in (body + texts).decode()
        assert "jane" not in (body + texts).decode()


def test_a_run_without_a_model_has_no_bill(make_inputs):
    with pytest.raises(UsageError, match="lending-0a1b2c3d is failed and has no trained model"):
        ml_bom(make_inputs(run={"model_digest": None, "state": "failed"}))


def test_what_nobody_stated_is_left_out_and_what_was_stated_is_there(make_inputs, kit):
    assert "users" not in card(make_inputs())["considerations"]
    told = kit.lending_recipe(system={"intended_users": "Trained loan officers", "out_of_scope": "TODO"})
    considerations = card(make_inputs(recipe=told))["considerations"]
    assert considerations["users"] == ["Trained loan officers"]
    assert not [each for each in considerations["technicalLimitations"] if "TODO" in each]

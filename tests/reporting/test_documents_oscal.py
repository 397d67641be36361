"""OSCAL assessment results: states that say no more than the decisions, and references that resolve.

The structure is checked here by hand. The whole JSON Schema of NIST is not part of this repository; name its file in
``RAITUNE_OSCAL_SCHEMA`` (oscal_assessment-results_schema.json) to validate against it as well.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from uuid import UUID

import pytest

from rai_tune.core import UsageError, sha256_json
from rai_tune.reporting.documents import oscal_results
from rai_tune.reporting.documents.oscal import token

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")


def results(inputs):
    return json.loads(oscal_results(inputs))["assessment-results"]


def walk(value, key=""):
    yield key, value
    if isinstance(value, dict):
        for name, each in value.items():
            yield from walk(each, name)
    elif isinstance(value, list):
        assert value, f"{key}: OSCAL has no empty lists"
        for each in value:
            yield from walk(each, key)


def waiting(kit):
    more = {"reference": "Art. 14(4)", "mode": "attestation"}
    controls = (
        kit.control("BASE-01", "Oversight", "awaiting_signoff", "a person must attest to this", **more),
        kit.control("BASE-02", "Two people", "not_applicable", "does not apply: system.annex_iii is 5b"),
        kit.control("BASE-03", "Waived", "fail", "below", waived_until="2027-01-31", waived_by="Cy Roth"),
        kit.control("BASE-04", "Enough", "insufficient_evidence", "too few rows", settle="27 more rows"),
        kit.control("BASE-05", "Met", "pass", "met"),
    )
    return kit.decision(controls, "fail")


def test_structure(make_inputs):
    body = results(make_inputs())
    assert list(body) == ["uuid", "metadata", "import-ap", "results", "back-matter"]
    assert {"title", "last-modified", "version", "oscal-version"} <= set(body["metadata"])
    for key, value in walk(body):
        if key in {"uuid", "observation-uuid"} and isinstance(value, str):
            assert UUID(value).version == 5
        if key in {"last-modified", "start", "collected"} and isinstance(value, str):
            assert STAMP.fullmatch(value)
        if key in {"control-id", "target-id", "name"} and isinstance(value, str):
            assert TOKEN.fullmatch(value)
        if isinstance(value, str):
            assert value.strip() == value != ""
    (one,) = body["results"]
    assert {"uuid", "title", "description", "start", "reviewed-controls"} <= set(one)
    for finding in one["findings"]:
        assert {"uuid", "title", "description", "target"} <= set(finding)
        assert finding["target"]["type"] == "objective-id"
        assert finding["target"]["status"]["state"] in {"satisfied", "not-satisfied"}
    for seen in one["observations"]:
        assert {"uuid", "description", "methods", "collected"} <= set(seen)


def test_references_resolve_and_ids_are_unique(make_inputs):
    body = results(make_inputs())
    resources = {each["uuid"] for each in body["back-matter"]["resources"]}
    hrefs = [value for key, value in walk(body) if key == "href"]
    assert len(hrefs) > 5
    assert {href.removeprefix("#") for href in hrefs} <= resources
    observed = {each["uuid"] for one in body["results"] for each in one["observations"]}
    related = [value for key, value in walk(body) if key == "observation-uuid"]
    assert set(related) == observed
    ids = [value for key, value in walk(body) if key == "uuid"]
    assert len(ids) == len(set(ids))


def test_states_say_no_more_than_the_decision(make_inputs, kit):
    (one,) = results(make_inputs(decisions=(waiting(kit),)))["results"]
    told = {each["target"]["target-id"]: each["target"]["status"] for each in one["findings"]}
    assert {name: (each["state"], each["reason"]) for name, each in told.items()} == {
        "BASE-01": ("not-satisfied", "other"),
        "BASE-03": ("not-satisfied", "fail"),
        "BASE-04": ("not-satisfied", "other"),
        "BASE-05": ("satisfied", "pass"),
    }
    assert "Waiting for a person" in told["BASE-01"]["remarks"]
    assert "Waived until 2027-01-31 by Cy Roth; the outcome stays." in told["BASE-03"]["remarks"]
    assert "Not enough evidence" in told["BASE-04"]["remarks"]
    assert "27 more rows" in told["BASE-04"]["remarks"]
    assert "remarks" not in told["BASE-05"]
    assert "Does not apply, so without a finding: BASE-02." in one["remarks"]
    methods = {each["description"][:20]: each["methods"] for each in one["observations"]}
    assert methods["Read for BASE-01: A "] == ["EXAMINE"]
    assert methods["Read for BASE-05: Me"] == ["TEST"]


def test_observations_carry_the_digest_of_what_was_read(make_inputs, kit):
    inputs = make_inputs()
    (one,) = results(inputs)["results"]
    digest = {each.audit: sha256_json(each.to_json()) for each in inputs.results}
    place = [each["target"]["target-id"] for each in one["findings"]].index("BASE-04")
    (evidence,) = one["observations"][place]["relevant-evidence"]
    assert evidence["props"][0]["value"] == digest["group_rates"]
    assert {each["name"]: each["value"] for each in one["props"]}["decision-sha256"] == sha256_json(
        inputs.decisions[0].to_json()
    )


def test_small_cells_stay_hidden(make_inputs):
    """The control about group sizes read 3 rows of 'other'."""
    body = oscal_results(make_inputs()).decode()
    assert "other (race): suppressed (k = 5)" in body
    assert "has 3 rows" not in body


def test_same_evidence_same_bytes_and_another_outcome_others(make_inputs, kit):
    assert oscal_results(make_inputs()) == oscal_results(make_inputs())
    one, other = results(make_inputs()), results(make_inputs(decisions=(waiting(kit),)))
    assert one["uuid"] != other["uuid"]
    assert one["results"][0]["uuid"] != other["results"][0]["uuid"]


def test_ids_that_begin_with_a_digit_become_tokens():
    assert (token("9-2"), token("EUAIA-9-2"), token("_x")) == ("_9-2", "EUAIA-9-2", "_x")


def test_markdown_in_names_is_escaped(make_inputs, kit):
    control = kit.control("BASE-01", "<b>*x*</b>", "pass", "fine [a](b)")
    body = oscal_results(make_inputs(decisions=(kit.decision((control,), "pass"),))).decode()
    assert "<b>" not in body
    assert "[a](b)" not in body


def test_without_a_decision_there_is_nothing_to_say(make_inputs):
    with pytest.raises(UsageError, match="no policy has decided on run lending-0a1b2c3d"):
        oscal_results(make_inputs(decisions=()))


@pytest.mark.skipif("RAITUNE_OSCAL_SCHEMA" not in os.environ, reason="the schema is not part of this repository")
def test_valid_against_the_schema_of_nist(make_inputs, kit):
    jsonschema = pytest.importorskip("jsonschema")
    # The schema is written for ECMA regular expressions, whose Unicode classes Python does not know.
    told = Path(os.environ["RAITUNE_OSCAL_SCHEMA"]).read_text("utf-8")
    told = told.replace(r"(\\p{L}|_)(\\p{L}|\\p{N}|[.\\-_])*", "[A-Za-z_][A-Za-z0-9._-]*")
    schema = json.loads(re.sub(r'"\$id"\s*:\s*"#[^"]*",', "", told))
    validator = jsonschema.Draft7Validator(schema)
    for inputs in (make_inputs(), make_inputs(decisions=(waiting(kit),))):
        body = json.loads(oscal_results(inputs))
        assert not [error.message for error in validator.iter_errors(body)]
    body["assessment-results"]["results"][0]["findings"][0]["target"]["status"]["state"] = "maybe"
    assert list(validator.iter_errors(body))

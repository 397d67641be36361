"""New fields and kinds of a pack: what is refused, with its place, and that a pack without them keeps its digest."""

from __future__ import annotations

import pytest

from rai_tune.core import UsageError
from rai_tune.gate import load_policy

HEAD = """
id: own
version: 0.1.0
title: Own
issuer: Us
summary: For a test.
status: organisation
verified_on: 2026-11-25
sources: [us]
"""
BEFORE = (
    HEAD
    + """
controls:
  - id: P-1
    reference: "1"
    title: Tables
    asks: Tables are stored.
    mode: hybrid
    severity: block
    check: {kind: presence, audits: [rates], artifacts: [table], metrics: [accuracy]}
  - {id: P-2, reference: "2", title: A person, asks: A person looked., mode: attestation, severity: block}
"""
)
BEFORE_DIGEST = "fdcd3ccdddeff9a57dcb69d8d8033f7aad7495b6c1962db0a628ee1a1b349125"

PACK = (
    HEAD
    + """
quorum: 2
divide_alpha_by_openings: true
retention:
  texts_days: {value: 365, origin: organisation, source: Our rule}
controls:
  - id: P-1
    reference: "1"
    title: Signed
    asks: Two people signed.
    mode: automated
    severity: block
    check: {kind: signature, role: reviewer, people: {value: 2, origin: law, source: Section 2}}
  - id: P-2
    reference: "2"
    title: Kept
    asks: Logs are kept.
    mode: hybrid
    severity: warn
    also_known_as: [Old section 9]
    sections: [Who keeps them, Where]
    check: {kind: retention, of: logs, threshold: {value: 184, origin: law, source: Section 3}}
  - id: P-3
    reference: "3"
    title: Fresh
    asks: It is of this year.
    mode: automated
    severity: block
    check: {kind: freshness, of: evaluation, threshold: {value: 365, origin: law, source: Section 4}}
  - {id: P-4, reference: "4", title: Old, asks: Nothing., mode: automated, severity: info, check: {kind: information}}
"""
)


def load(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def test_a_pack_that_uses_nothing_new_has_the_digest_that_it_always_had(tmp_path):
    # Taken with the code before there were these fields: runs that froze a pack then must still find it unchanged.
    assert load(tmp_path, BEFORE).digest == BEFORE_DIGEST
    same = BEFORE.replace(
        "asks: Tables are stored.", "asks: Tables are stored.\n    sections: []\n    also_known_as: []"
    )
    assert load(tmp_path, same + "divide_alpha_by_openings: false\n").digest == BEFORE_DIGEST


def test_new_fields_are_read(tmp_path):
    policy = load(tmp_path, PACK).policy
    assert (policy.quorum, policy.divide_alpha_by_openings) == (2, True)
    assert (policy.retention.texts_days.value, policy.retention.texts_days.origin) == (365, "organisation")
    second = policy.controls[1]
    assert (second.also_known_as, second.sections) == (("Old section 9",), ("Who keeps them", "Where"))
    assert (second.check.direction, second.check.of) == ("at_least", "logs")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("quorum: 2", "quorum: 3"),
        ("divide_alpha_by_openings: true\n", ""),
        ("texts_days: {value: 365", "texts_days: {value: 366"),
        ("role: reviewer", "role: approver"),
        ("value: 184", "value: 183"),
        ("of: logs", "of: records"),
        ("[Who keeps them, Where]", "[Who keeps them]"),
        ("title: Kept\n", "title: Kept\n    when: system.workplace\n"),
        ("title: Kept\n", "title: Kept\n    applies_until: 2030-01-01\n"),
        ("also_known_as: [Old section 9]", "also_known_as: [Old section 8]"),
    ],
)
def test_each_new_field_is_part_of_the_digest(tmp_path, old, new):
    digest = load(tmp_path, PACK).digest
    assert old in PACK
    assert load(tmp_path, PACK.replace(old, new)).digest != digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: freshness", "kind: fresh", r"\(P-3\)\.check: unknown kind 'fresh'. Did you mean 'freshness'\?"),
        ("role: reviewer", "role: boss", r"\(P-1\)\.check\.role: Input should be 'author', 'reviewer' or 'approver'"),
        ("people: {value: 2, origin: law, source: Section 2}", "people: 2", r"\(P-1\)\.check\.people"),
        (
            "{value: 2, origin: law, source: Section 2}",
            "{value: 2, source: Section 2}",
            r"\(P-1\)\.check\.people\.origin: required",
        ),
        (
            "{value: 2, origin: law",
            "{valu: 2, origin: law",
            r"\(P-1\)\.check\.people\.valu: unknown key. Did you mean 'value'\?",
        ),
        (
            "{value: 2, origin",
            "{value: 0, origin",
            r"\(P-1\)\.check: people\.value of a signature check is a number of people",
        ),
        ("of: logs", "of: emails", r"\(P-2\)\.check\.of"),
        ("of: logs, threshold", "off: logs, threshold", r"\(P-2\)\.check\.off: unknown key. Did you mean 'of'\?"),
        ("{value: 184, origin: law,", "{value: 184,", r"\(P-2\)\.check\.threshold\.origin: required"),
        ("value: 184", "value: 0.5", r"\(P-2\)\.check: threshold\.value of a retention check is a number of days"),
        ("of: evaluation", "of: model", r"\(P-3\)\.check\.of"),
        ("threshold: {value: 365, origin: law, source: Section 4}", "days: 365", r"\(P-3\)\.check\.days: unknown key"),
        ("severity: info, check", "severity: warn, check", r"\(P-4\): a check of kind information decides nothing"),
        ("mode: hybrid", "mode: automated", r"\(P-2\): sections are what a person's statement must hold"),
        ("[Who keeps them, Where]", "['12']", r"\(P-2\)\.sections"),
        ("[Who keeps them, Where]", "[1. Where, 'WHERE:']", r"\(P-2\): sections: two headings are the same"),
        ("quorum: 2", "quorum: 0", "quorum: Input should be greater than or equal to 1"),
        ("quorum: 2", "quorum: 1.5", "quorum: "),
        ("texts_days: {value: 365", "texts_days: {value: 0", r"retention: texts_days\.value is a number of days"),
        ("texts_days: {", "texts_dayz: {", r"retention\.texts_dayz: unknown key. Did you mean 'texts_days'\?"),
        (
            "texts_days: {value: 365, origin: organisation,",
            "texts_days: {value: 365,",
            r"retention\.texts_days\.origin: required",
        ),
        ("divide_alpha_by_openings: true", "divide_alpha_by_openings: 3", "divide_alpha_by_openings: "),
        ("title: Kept\n", "title: Kept\n    applies_until: soon\n", r"\(P-2\)\.applies_until"),
        ("id: P-2", "id: P-1", "two controls have the id 'P-1'"),
    ],
)
def test_a_malformed_field_is_refused_with_file_control_and_field(tmp_path, old, new, message):
    assert old in PACK
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, PACK.replace(old, new, 1))
    assert str(tmp_path / "own.yaml") in str(caught.value)
    assert caught.value.exit_code == 2

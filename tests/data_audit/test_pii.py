"""PII: each kind is found where it is and nowhere else, its text is never stored, and nothing calls out."""

import socket
import sys

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, load_audit
from rai_audits.stats.rates import wilson

FOUND = {
    "email_address": "write to ann@example.org please",
    "phone_number": "call (212) 555-0123 today",
    "credit_card": "card 4111 1111 1111 1111 was used",
    "iban": "to DE89370400440532013000 by Friday",
    "us_social_security_number": "SSN 536-22-8726 on file",
    "ip_address": "seen from 192.168.2.10 twice",
}
CLEAN = ("no numbers here", "income 52000, debt 0.35, 3 loans", "card 4111 1111 1111 1112 fails its check", "at: 10:30")


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def run(texts, sink=None):
    rows = pd.DataFrame({"row_id": [f"r{place}" for place in range(len(texts))], "text": texts})
    task = TaskInfo(classes=("no", "yes"), positive="yes", favourable="no", threshold=0.5, groups={})
    predictions = rows[["row_id"]].assign(split="train")
    return load_audit("pii").run(AuditContext(predictions=predictions, task=task, artifacts=sink or Sink(), rows=rows))


@pytest.fixture
def detector():
    pytest.importorskip("presidio_analyzer", reason="the extra 'pii' is not installed")


@pytest.mark.slow
def test_each_kind_is_found_once_offline(detector, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the detector called out")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    sink = Sink()
    output = run([*FOUND.values(), *CLEAN], sink)
    rates = {item.label: item for item in output.measurements}
    for kind in FOUND:
        assert (rates[kind].n_pos, rates[kind].n) == (1, 10), kind
    assert rates["any"].n_pos == 6
    assert rates["any"].low == pytest.approx(float(wilson(6, 10).low))
    table = sink.tables["pii_findings"]
    assert list(table.columns) == ["row_id", "split", "kind", "start", "end"]
    email = table[table["kind"] == "email_address"].iloc[0]
    assert FOUND["email_address"][email["start"] : email["end"]] == "ann@example.org"
    stored = output.model_dump_json() if hasattr(output, "model_dump_json") else repr(output) + table.to_csv()
    assert not any(secret in stored for secret in ("ann@", "555-0123", "4111", "DE89", "536-22", "192.168"))


@pytest.mark.slow
def test_clean_texts_have_a_rate_of_0_with_an_upper_bound(detector):
    item = next(item for item in run(list(CLEAN) * 20).measurements if item.label == "any")
    assert item.value == 0.0
    assert item.bound("upper", 0.05).value > 0.03


def test_without_the_extra_the_evidence_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    output = run(list(CLEAN))
    assert {item.status for item in output.measurements} == {"not_estimable"}
    assert "rai-tune[pii]" in output.measurements[0].reason

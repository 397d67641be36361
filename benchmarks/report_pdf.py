"""A report of at least 50 pages: seconds (median of interleaved runs), bytes; with --check the accessibility checker over varied runs.

python benchmarks/report_pdf.py --runs 5
python benchmarks/report_pdf.py --check
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KIT = Path(__file__).parents[1] / "tests" / "reporting" / "conftest.py"
STATEMENT = "8" * 64
EVIDENCE = {"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicate": {"run": {}, "measurements": []}}


def kit() -> Any:
    """The builders of the test evidence."""
    spec = importlib.util.spec_from_file_location("kit", KIT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["kit"] = module
    spec.loader.exec_module(module)
    return module


def groups(count: int, name: str = "group {}") -> dict[str, Any]:
    return {name.replace("{}", str(i)): (100 + i, 60 + i % 30, (10, 20), (15, 80)) for i in range(count)}


def large(made: Any, attributes: int = 14, each: int = 12) -> Any:
    return with_statement(made.lending(table={f"attribute {i}": groups(each) for i in range(attributes)}))


def with_statement(inputs: Any) -> Any:
    from dataclasses import replace

    return replace(inputs, statement=STATEMENT, evidence=EVIDENCE, signers={"quorum": 2, "reviewer": 1})


def signed(body: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from rai_tune.promotion.keys import Signer, key_id_of
    from rai_tune.promotion.pdf_signing import sign_pdf
    from rai_tune.reporting.pdf.appearing import signature_page

    key, at = Ed25519PrivateKey.from_private_bytes(bytes(range(32))), datetime.now(UTC).replace(microsecond=0)
    who = Signer("Ada Quine", frozenset({"author"}), key_id_of(key.public_key()), key)
    page = signature_page(who.person, "author", who.key_id, at)
    return sign_pdf(body, "author 1", who, "2026-11-25T10:00:00Z", at, page)


def varied(made: Any) -> dict[str, Any]:
    """Runs that differ in what can go wrong in a document."""
    hostile = "<script>#panic()[x]*_$\\u{41}"
    two = {"race": {name: made.LENDING["race"][name] for name in ("Black", "white")}}
    failed = {"results": (), "decisions": (), "training": {}, "environment": {}, "data": {}}
    found = {
        "as it is": made.lending(),
        "no suppressed cells": made.lending(table=two),
        "no groups": made.lending(results=(made.quality(),)),
        "many groups": made.lending(table={"race": groups(60)}),
        "long names": made.lending(table={"race": groups(4, "a very long name of a group " * 4 + "{}")}),
        "right to left": made.lending(table={"עדה": groups(3, "קבוצה {}")}),
        "hostile": made.lending(table={hostile: groups(3, hostile + "{}")}),
        "failed": made.lending(run={"state": "failed", "error": hostile}, **failed),
        "no decision": made.lending(decisions=()),
        "diverged": made.lending(run={"state": "diverged", "error": "The loss was not finite."}, **failed),
        "no characters for it": made.lending(table={"部门": groups(3, "中文 {}")}),
        "Arabic and emoji": made.lending(table={"قسم": groups(3, "مجموعة 🙂 {}")}),
        "one group": made.lending(table={"race": groups(1)}),
        "many attributes": made.lending(table={f"attribute {i}": groups(2) for i in range(12)}),
        "a group of a thousand letters": made.lending(table={"race": groups(2, "x" * 1000 + "{}")}),
        "many controls": made.lending(decisions=(made.decision(tuple(controls(made, 60)), "fail"),)),
        "as a table of words": made.lending(recipe=made.lending_recipe(purpose="A purpose of many words. " * 120)),
    }
    for outcome in ("pass", "insufficient_evidence", "awaiting_signoff"):
        control = made.control("BASE-01", "The audits are there", outcome, "a reason")
        found[outcome] = made.lending(decisions=(made.decision((control,), outcome),))
    return found


def controls(made: Any, count: int) -> Any:
    outcomes = ("pass", "fail", "insufficient_evidence", "not_applicable", "awaiting_signoff")
    for i in range(count):
        reason = f"reason {i} " * (1 + i % 9)
        yield made.control(f"LONG-{i:02d}", f"A control with the number {i}", outcomes[i % 5], reason)


def measure(runs: int) -> None:
    import pikepdf

    from rai_tune.reporting import render_report

    made = kit()
    inputs = {"large": large(made), "small": with_statement(made.lending())}
    seconds: dict[str, list[float]] = {name: [] for name in inputs}
    bodies: dict[str, bytes] = {}
    for _ in range(runs):
        for name, each in inputs.items():
            start = time.perf_counter()
            bodies[name] = render_report(each)
            seconds[name].append(time.perf_counter() - start)
    for name, body in bodies.items():
        with pikepdf.open(io.BytesIO(body)) as pdf:
            pages = len(pdf.pages)
        print(
            f"{name}: {pages} pages, {statistics.median(seconds[name]):.2f} s (median of {runs}), {len(body):,} bytes"
        )


def check() -> None:
    import outloud

    from rai_tune.reporting import render_report

    errors: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    files = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, inputs in varied(kit()).items():
            plain = render_report(with_statement(inputs))
            for kind, body in (("unsigned", plain), ("signed", signed(plain))):
                path = Path(folder) / "report.pdf"
                path.write_bytes(body)
                result = outloud.check(str(path))
                errors.update(item.rule for item in result.findings if item.severity == "error")
                warnings.update(item.rule for item in result.findings if item.severity == "warning")
                files += 1
                print(f"{name}, {kind}: {result.errors} errors, {result.warnings} warnings")
    print(f"{files} files; errors by rule: {dict(errors)}; warnings by rule: {dict(warnings)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    measure(asked.runs)
    if asked.check:
        check()

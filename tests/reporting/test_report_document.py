"""The PDF: what it declares, what it carries, what it says, and that nothing in the data can steer it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from rai_tune.reporting.document import render_pdf, render_report
from rai_tune.reporting.export import measurements_json
from rai_tune.reporting.view import build_view

needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")


def text_of(pdf: bytes) -> str:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode().replace("\u200b", "")


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.fixture(scope="module")
def lending_pdf(request: pytest.FixtureRequest) -> bytes:
    kit = request.getfixturevalue("module_kit")
    return render_report(kit.lending())


def test_two_renderings_are_byte_identical(make_inputs: Any, lending_pdf: bytes) -> None:
    assert render_report(make_inputs()) == lending_pdf
    assert len(lending_pdf) < 1_000_000


ELSEWHERE = """
import hashlib, importlib.util, sys
from dataclasses import replace
spec = importlib.util.spec_from_file_location("kit", sys.argv[1])
kit = sys.modules["kit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)
from rai_tune.reporting import render_report
evidence = {"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicate": {"measurements": []}}
print(hashlib.sha256(render_report(replace(kit.lending(), statement="8" * 64, evidence=evidence))).hexdigest())
"""


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_process_its_folder_its_clock_s_zone_or_its_language(tmp_path: Path) -> None:
    found = []
    settings = (("UTC", "C", "1"), ("Pacific/Kiritimati", "de_DE.UTF-8", "2"), ("America/St_Johns", "ar_EG.UTF-8", "3"))
    for zone, language, seed in settings:
        folder = tmp_path / language
        folder.mkdir()
        environment = {**os.environ, "TZ": zone, "LC_ALL": language, "LANG": language, "PYTHONHASHSEED": seed}
        environment["TMPDIR"] = str(folder)
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(Path(__file__).with_name("conftest.py"))],
            cwd=folder, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(done.stdout.strip())
    assert len(found[0]) == 64 and set(found) == {found[0]}


def test_the_structure_is_what_a_reader_needs(lending_pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(lending_pdf)) as pdf:
        root = pdf.Root
        assert str(root.Lang) == "en"
        assert bool(root.MarkInfo.Marked)
        assert bool(root.ViewerPreferences.DisplayDocTitle)
        assert root.StructTreeRoot is not None
        assert len(root.OutputIntents) == 1
        assert "/JavaScript" not in root.Names and "/OpenAction" not in root
        with pdf.open_metadata() as meta:
            assert meta["dc:title"] == "Evidence report: lending"
            assert meta["dc:creator"] == ["rai-tune"]
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"], meta["pdfuaid:part"]) == ("3", "A", "1")
            assert meta["xmp:CreateDate"].startswith("2026-11-24T10:15:00")
        with pdf.open_outline() as outline:
            titles = [item.title for item in outline.root]
        assert titles[0] == "Verdict"
        assert {"4 Fairness", "7 Controls", "8 Attestations, waivers and sign-offs", "11 Digests"} <= set(titles)
        tags = tags_of(root.StructTreeRoot)
        assert tags["/TH"] > 50 and tags["/THead"] == tags["/Table"]
        assert tags["alternatives"] == tags["/Figure"] == 5


def tags_of(element: Any) -> dict[str, int]:
    found: dict[str, int] = {"alternatives": 0}
    stack = [element]
    while stack:
        item = stack.pop()
        if not isinstance(item, pikepdf.Dictionary):
            continue
        if "/S" in item:
            found[str(item.S)] = found.get(str(item.S), 0) + 1
            found["alternatives"] += str(item.S) == "/Figure" and len(str(item.get("/Alt", ""))) > 20
        kids = item.get("/K")
        stack += list(kids) if isinstance(kids, pikepdf.Array) else [kids]
    return found


def test_every_font_is_embedded(lending_pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(lending_pdf)) as pdf:
        described = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor"]  # fmt: skip
        assert described
        assert all({"/FontFile2", "/FontFile3"} & set(item.keys()) for item in described)


def test_the_measurements_travel_inside_as_they_were(make_inputs: Any, lending_pdf: bytes) -> None:
    sent = measurements_json(make_inputs())
    with pikepdf.open(io.BytesIO(lending_pdf)) as pdf:
        assert list(pdf.attachments) == ["measurements.json"]
        attached = pdf.attachments["measurements.json"].get_file()
        assert attached.read_bytes() == sent
        assert attached.mime_type == "application/json"
        (spec,) = pdf.Root.AF
        assert str(spec.AFRelationship) == "/Data"
        assert str(spec.Desc) == "All measurements of the run, small cells suppressed"
    assert json.loads(sent)["run"] == "lending-0a1b2c3d"


@needs_pdftotext
def test_page_one_says_the_verdict_and_every_page_says_which_run(make_inputs: Any, lending_pdf: bytes) -> None:
    pages = text_of(lending_pdf).rstrip("\f").split("\f")
    assert "Refused" in pages[0]
    assert "Groups receive the favourable outcome at similar rates" in pages[0]
    assert "Declares PDF/A-3a and PDF/UA-1" in pages[0]
    digest = build_view(make_inputs()).evidence_digest
    for number, page in enumerate(pages, start=1):
        assert "lending-0a1b2c3d" in page and digest in page and f"{number} of {len(pages)}" in page
    assert hashlib.sha256(measurements_json(make_inputs())).hexdigest() in pages[-1]


@needs_pdftotext
def test_changed_evidence_changes_the_page(make_inputs: Any, kit: Any, lending_pdf: bytes) -> None:
    table = {**kit.LENDING, "race": {**kit.LENDING["race"], "Black": (135, 95, (22, 38), (26, 97))}}
    before, after = text_of(lending_pdf), text_of(render_report(make_inputs(table=table)))
    assert "64.4 %" in before and "70.4 %" not in before
    assert "70.4 %" in after and "64.4 %" not in after
    assert "suppressed (k = 5)" in after


@needs_pdftotext
def test_hostile_text_prints_literally(make_inputs: Any, kit: Any) -> None:
    names = [
        '#panic("x")',
        "*b* _i_ $x^2$",
        "<script>alert(1)</script>",
        "= heading",
        "中文",
        "\u202ertl\x07",
        "\\u{41}",
        "//x",
    ]
    table = {"race #[x]": {name: (100 + i, 50 + i, (5, 10), (5, 90)) for i, name in enumerate(names)}}
    inputs = make_inputs(
        table=table, run={"name": "#let x = 1 \"q\" `r`", "error": None},
        recipe=kit.lending_recipe(purpose="#image(\"/etc/passwd\") @ref <label> [b] \ue000 " + "y" * 3000),
    )  # fmt: skip
    pdf = render_report(inputs)
    text = squeezed(text_of(pdf))
    for wanted in ('#panic("x")', "*b*_i_$x^2$", "<script>alert(1)</script>", "=heading", "[U+4E2D][U+6587]",
                   "[U+202E]rtl[U+0007]", "\\u{41}", "//x", "race#[x]", '#letx=1"q"`r`', '#image("/etc/passwd")@ref',
                   "[U+E000]"):  # fmt: skip
        assert wanted in text, wanted
    assert render_report(inputs) == pdf


@needs_pdftotext
@pytest.mark.parametrize("state", ["failed", "diverged"])
def test_a_run_without_results_still_makes_a_document(make_inputs: Any, state: str) -> None:
    pdf = render_report(
        make_inputs(
            run={"state": state, "error": "The loss was not finite.", "created_at": ""},
            results=(),
            decisions=(),
            training={},
            environment={},
            data={},
        )
    )
    text = text_of(pdf)
    assert "Not enough evidence" in text
    assert f"The run is {state}" in text
    assert "No policy has decided on this run." in text


def test_what_the_compiler_cannot_draw_is_spelt_out_even_when_it_names_only_some(make_inputs: Any, kit: Any) -> None:
    many = "".join(chr(0x4E00 + index) for index in range(70))
    view = build_view(make_inputs(recipe=kit.lending_recipe(purpose=many), results=()))
    assert render_pdf(view, b"{}").startswith(b"%PDF")

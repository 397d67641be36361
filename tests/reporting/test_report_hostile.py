"""Row texts stay out of a report unless asked for, and whatever data says is inert text in HTML, Markdown and PDF."""

from __future__ import annotations

import io
import shutil
import subprocess
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pikepdf
import pytest
from markdown_it import MarkdownIt

from rai_tune.reporting.document import render_report
from rai_tune.reporting.html import html_report
from rai_tune.reporting.markdown import markdown_report
from rai_tune.reporting.paper import paper_for

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> ![a](https://evil.example/a.png) [b](javascript:c) "
    "<https://evil.example> https://evil.example www.evil.example a@evil.example | x | # head ``` $x$ =cmd() &lt;b&gt; \u202eabc\u2066"
)
ROW_TEXT = "The applicant from Quincy asked for <b>forty</b> thousand | dollars"
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "footer", "h1", "h2", "h3", "h4", "p", "ol", "ul", "li", "a",
    "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "code", "em", "strong", "small", "br", "span", "figure", "figcaption",
    "svg", "g", "desc", "line", "text", "tspan", "rect", "circle", "blockquote",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "aria-label", "aria-hidden", "aria-labelledby", "tabindex",
    "role", "scope", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "text-anchor",
}  # fmt: skip


class Seen(HTMLParser):
    """Elements, attributes and addresses of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.fixture
def hostile(make_inputs: Any, kit: Any) -> Any:
    """Hostile words wherever data, recipes and people put words."""
    table = {HOSTILE: {HOSTILE[:60]: (100, 50, (5, 10), (5, 90)), "b" * 100_000: (100, 60, (5, 10), (5, 90))}}
    decision = kit.baseline_decision()
    controls = tuple(each.model_copy(update={"reason": HOSTILE, "title": HOSTILE}) for each in decision.controls)
    return make_inputs(
        table=table,
        run={"name": HOSTILE, "error": HOSTILE},
        recipe=kit.lending_recipe(purpose=HOSTILE * 20),
        decisions=(decision.model_copy(update={"controls": controls}),),
        texts=_texts(HOSTILE, "c" * 100_000),
    )


def _texts(*texts: str) -> pd.DataFrame:
    rows = [
        {"row_id": f"r{place}", "label": "denied", "prediction": "approved", "text": text}
        for place, text in enumerate(texts)
    ]
    return pd.DataFrame(rows)


def test_html_has_only_our_elements_and_fetches_nothing(hostile: Any) -> None:
    page = html_report(paper_for(hostile)).decode()
    seen = Seen(page)
    assert seen.elements <= ELEMENTS and set(seen.attributes) <= ATTRIBUTES
    assert all(address.startswith("#s") for address in seen.attributes["href"])
    assert "Content-Security-Policy" in seen.attributes["http-equiv"]
    assert any(content.startswith("default-src 'none'; style-src 'sha256-") for content in seen.attributes["content"])
    assert "<script>alert(1)</script>" in seen.said and "\u202e" not in page and "\u2066" not in page
    assert len(page) < 500_000


def test_markdown_has_no_link_image_or_html_of_the_data(hostile: Any) -> None:
    text = markdown_report(paper_for(hostile)).decode()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    every = [each for token in tokens for each in (token, *(token.children or ()))]
    kinds = {each.type.removesuffix("_open").removesuffix("_close") for each in every}
    assert kinds <= {
        "heading", "paragraph", "inline", "text", "text_special", "strong", "em", "code_inline", "bullet_list", "list_item", "blockquote",
        "table", "thead", "tbody", "tr", "th", "td", "html_inline", "softbreak",
    }  # fmt: skip
    assert {each.content for each in every if each.type == "html_inline"} == {"<br>"}
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == sum(line.startswith("| ") for line in text.splitlines()) - text.count("\n| --- ")
    # What GitHub links by itself: no scheme, www or address stands whole.
    assert not any(mark in text for mark in ("://evil", "www.evil", "a@evil", "\u202e"))


def test_pdf_has_no_link_and_no_action_of_the_data(hostile: Any) -> None:
    with pikepdf.open(io.BytesIO(render_report(hostile))) as pdf:
        assert "/OpenAction" not in pdf.Root and "/JavaScript" not in pdf.Root.Names
        notes = [note for page in pdf.pages for note in page.get("/Annots", ())]
        assert notes and all(note.get("/A", {}).get("/S", "/GoTo") == "/GoTo" for note in notes)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")
def test_row_texts_are_there_only_when_asked_for_and_literal(make_inputs: Any) -> None:
    for texts in (None, _texts(ROW_TEXT)):
        inputs = make_inputs(texts=texts)
        done = subprocess.run(["pdftotext", "-", "-"], input=render_report(inputs), capture_output=True, check=True)
        said = {
            "pdf": " ".join(done.stdout.decode().replace("\u200b", "").split()),
            "html": Seen(html_report(paper_for(inputs)).decode()).said,
            "markdown": markdown_report(paper_for(inputs)).decode(),
        }
        for form, text in said.items():
            assert ("from Quincy asked" in text) == (texts is not None), form
        if texts is not None:
            assert ROW_TEXT in said["pdf"] and ROW_TEXT in said["html"]
            assert "&lt;b&gt;forty&lt;/b&gt; thousand \\| dollars" in said["markdown"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")
def test_page_one_holds_the_whole_cover_and_the_contents_follow(make_inputs: Any, hostile: Any) -> None:
    for inputs in (make_inputs(), hostile):
        done = subprocess.run(
            ["pdftotext", "-layout", "-", "-"], input=render_report(inputs), capture_output=True, check=True
        )
        first, second, *_ = done.stdout.decode().split("\f")
        for part in ("Refused", "Key numbers", "95 % interval", "Who signed", "Nobody has signed", "What is missing"):
            assert part in first, part
        assert "Contents" not in first and "Contents" in second.split("Verdict")[0]

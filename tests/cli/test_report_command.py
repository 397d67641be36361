"""``raitune report --html --markdown --policy --texts`` as a person types them, with good and bad input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import drawn_runs as drawn
from rai_tune.cli.main import app
from rai_tune.core import RaiError
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
TESTS = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> tuple[int, str]:
    """Exit code, and everything that the command said."""
    done = CliRunner().invoke(app, ["report", *arguments])
    if isinstance(done.exception, RaiError):
        return done.exception.exit_code, str(done.exception)
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a workspace and one run of two groups, decided under baseline and the pack for the EU."""
    folder = tmp_path_factory.mktemp("report")
    groups = {"race": ["Black", "white"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("RAITUNE_WORKSPACE", str(folder / "w"))
        with Workspace.open(folder / "w") as workspace:
            drawn.store_run(workspace, drawn.drawn_table(groups, 300), groups)
        decided = CliRunner().invoke(app, ["gate", "latest", "--policy", "eu-ai-act-high-risk"])
        assert isinstance(decided.exception, SystemExit | None), decided.exception
        yield folder


@pytest.mark.usefixtures("project")
class TestReportCommand:
    def test_several_forms_are_written_at_once_and_say_the_same_verdict(self) -> None:
        code, said = run("latest", "--html", "a.html", "--markdown", "a.md", "--pdf", "a.pdf")
        assert code == 0, said
        assert [f"wrote a.{kind}" in said for kind in ("html", "md", "pdf")] == [True] * 3
        assert "Not enough evidence" in Path("a.html").read_text() and "Not enough evidence" in Path("a.md").read_text()
        assert Path("a.pdf").read_bytes().startswith(b"%PDF")

    def test_the_annex_iv_file_is_another_document_than_the_report(self) -> None:
        code, said = run("latest", "--markdown", "eu.md", "--policy", "eu-ai-act-high-risk")
        assert code == 0, said
        text = Path("eu.md").read_text()
        assert text.startswith("# Technical documentation: drawn\n") and "of Regulation (EU) 2024/1689" in text

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--policy", "basline"), "unknown policy 'basline'. Did you mean 'baseline'? Decided on this evidence: "),
            (("--policy", "nyc-ll144"), "policy 'nyc-ll144' never decided on drawn-"),
            (("--policy", "<b>|x"), "unknown policy '<b>|x'"),
            (("--texts",), "text"),
        ],
    )
    def test_what_cannot_be_made_is_said_in_a_sentence_and_leaves_no_file(self, arguments: Any, words: str) -> None:
        code, said = run("latest", "--html", "none.html", "--markdown", "none.md", *arguments)
        assert (code, words in said) == (2, True), said
        assert not Path("none.html").exists() and not Path("none.md").exists()

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--policy", "baseline"), "--policy needs --pdf, --html or --markdown"),
            (("--texts", "--oscal", "o.json"), "--texts needs --pdf, --html or --markdown"),
            (("--html", "gone/a.html"), "there is no folder gone"),
            (("--markdown", "."), "that is a folder"),
            (("--html", "b", "--markdown", "./b"), "name the same file"),
        ],
    )
    def test_options_that_do_nothing_or_clash_are_refused(self, arguments: Any, words: str) -> None:
        code, said = run("latest", *arguments)
        assert (code, words in said) == (2, True), said
        assert not Path("b").exists() and not Path("o.json").exists()

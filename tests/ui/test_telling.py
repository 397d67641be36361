"""What a browser is told of an error names no folder of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("nothing at /srv/audit/w/artifacts/ab/ab12", "nothing at artifacts/ab/ab12"),
        (
            "there is no workspace in /srv/audit/w; 'raitune run' makes one",
            "there is no workspace in …/w; 'raitune run' makes one",
        ),
        ("/home/eve/data/rows.csv: no such file.", "…/rows.csv: no such file."),
        ("cannot read '/home/eve/a b/rows.csv'", "cannot read '…/a b/rows.csv'"),
        (r"C:\Users\eve\rows.csv is no table", "…/rows.csv is no table"),
        ("see https://audit.example.org/docs/deploy.md and 'raitune keys/vouch'", None),
        ("TPR and/or FPR at 3/4 of 1/2 rows", None),
    ],
)
def test_folders_go_and_names_stay(message: str, said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAITUNE_WORKSPACE", "/srv/audit/w")
    assert without_folders(message) == (message if said is None else said)


@pytest.mark.slow
def test_a_page_over_damaged_evidence_says_which_file_and_not_where_the_server_keeps_it(
    stored: Any, app: Callable[..., AppTest], shown: Callable[[AppTest], list[str]], tmp_path: Path
) -> None:
    from rai_tune.workspace import Workspace

    with Workspace.open(stored.root) as workspace:
        digest = workspace.artifacts(stored.run_id)["predictions"].digest
        workspace.path_of(digest).unlink()
    for page in ("run", "exports", "compare"):
        words = " ".join(shown(app(stored.root, stored.run_id, page, **{"with": stored.run_id})))
        assert digest in words or page == "compare"
        assert str(tmp_path) not in words
    (stored.root / "raitune.db").write_bytes(b"no database at all, but as long as one" * 100)
    words = " ".join(shown(app(stored.root)))
    assert "is not a usable database" in words
    assert str(tmp_path) not in words

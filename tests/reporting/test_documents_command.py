"""``raitune report RUN --model-card FILE`` and its like: whole files or none, and exit codes."""

from __future__ import annotations

import json

import pytest

from rai_tune.workspace import Workspace

DIGESTS = ("data_digest", "base_digest", "model_digest", "predictions_digest")
OPTIONS = ("--model-card", "--ml-bom", "--annex-iv", "--oscal")


@pytest.fixture
def stored(tmp_path, make_inputs):
    """A workspace that holds the invented run; returns a function that calls the command line there."""
    inputs = make_inputs()
    store = Workspace.open(tmp_path / "ws")
    recipe = inputs.recipe.model_dump(mode="json")
    run = store.create_run(name="lending", recipe=recipe, recipe_digest="1" * 64, policies={"baseline": "b" * 64})
    for name in ("training", "environment", "data"):
        store.attach(run.id, name, store.put_json(dict(getattr(inputs, name))), "application/json")
    for result in inputs.results:
        store.attach(run.id, f"audit:{result.audit}", store.put_json(result.to_json()), "application/json")
    store.save_decision(run.id, inputs.decisions[0].to_json())
    store.update_run(run.id, **{name: inputs.run[name] for name in DIGESTS})
    return run.id


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, stored):
    from rai_tune.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["raitune", "report", stored, "--workspace", "ws", *arguments])
        with pytest.raises(SystemExit) as stop:
            main.main()
        told = capsys.readouterr()
        return stop.value.code, told.out, told.err

    return run


def test_every_document_in_one_call(call, tmp_path):
    files = [f"{option.strip('-')}.out" for option in OPTIONS]
    code, out, err = call(*(each for pair in zip(OPTIONS, files, strict=True) for each in pair))
    assert (code, out) == (0, "")
    assert err.splitlines() == [f"wrote {name}" for name in files]
    assert (tmp_path / "model-card.out").read_text("utf-8").startswith("---\nlibrary_name: peft\n")
    assert json.loads((tmp_path / "ml-bom.out").read_bytes())["specVersion"] == "1.6"
    assert "## 9. Monitoring" in (tmp_path / "annex-iv.out").read_text("utf-8")
    assert "assessment-results" in json.loads((tmp_path / "oscal.out").read_bytes())


def test_json_beside_a_document(call):
    code, out, _ = call("--model-card", "card.md", "--json")
    assert code == 0
    assert json.loads(out)["ledger"] == {"size": 0, "root": None, "at": None}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_bad_folder_is_refused(call, tmp_path, option):
    code, _, err = call(option, "no/such.file")
    assert code == 2
    assert f"{option} no/such.file: there is no folder no" in err
    (tmp_path / "taken").mkdir()
    code, _, err = call(option, "taken")
    assert code == 2
    assert "that is a folder" in err


def test_two_documents_in_one_file_are_refused(call, tmp_path):
    code, _, err = call("--model-card", "one.md", "--annex-iv", "./one.md")
    assert code == 2
    assert "name the same file" in err
    assert not (tmp_path / "one.md").exists()


def test_one_that_cannot_be_made_leaves_nothing_behind(call, tmp_path, stored):
    """Without a decision there is no OSCAL document, so the card is not written either; an old one stays."""
    from rai_tune.reporting import stored as reading

    (tmp_path / "card.md").write_text("old", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "stored_decisions", lambda *_: ())
        code, _, err = call("--model-card", "card.md", "--oscal", "o.json")
    assert code == 2
    assert "no policy has decided" in err
    assert (tmp_path / "card.md").read_text("utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.md", "ws"]


def test_a_run_without_a_model_is_named(call, tmp_path, stored):
    Workspace.open(tmp_path / "ws").update_run(stored, model_digest=None)
    code, _, err = call("--ml-bom", "bom.json")
    assert code == 2
    assert "has no trained model" in err
    assert not (tmp_path / "bom.json").exists()


def test_csv_into_a_folder_or_to_one_file(call, tmp_path):
    (tmp_path / "out").mkdir()
    code, out, err = call("--csv", "out", "--oscal", "o.json")
    assert (code, out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "controls.csv",
        "groups.csv",
        "measurements.csv",
    ]
    assert err.splitlines() == [
        "wrote o.json",
        *(f"wrote out/{name}.csv" for name in ("measurements", "controls", "groups")),
    ]
    assert call("--csv", "all.csv")[0] == 0
    assert (tmp_path / "all.csv").read_bytes() == (tmp_path / "out" / "measurements.csv").read_bytes()
    assert (tmp_path / "all.csv").read_bytes().startswith(b'"run","audit","metric"')


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("new-folder", "a folder that is there"),
        ("all.xlsx", "ends in .csv"),
        ("nowhere/all.csv", "there is no folder nowhere"),
    ],
)
def test_csv_that_cannot_be_written_leaves_nothing(call, tmp_path, target, words):
    before = sorted(tmp_path.iterdir())
    code, _, err = call("--csv", target)
    assert code == 2
    assert words in " ".join(err.split())
    assert sorted(tmp_path.iterdir()) == before


def test_csv_and_another_document_in_one_file(call, tmp_path):
    code, _, err = call("--csv", "all.csv", "--oscal", "all.csv")
    assert code == 2
    assert "name the same file" in " ".join(err.split())
    assert not (tmp_path / "all.csv").exists()

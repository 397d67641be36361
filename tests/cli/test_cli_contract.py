"""Exit codes, JSON and sentences of the command line, as the public contract states them."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("project")

BAD = {
    "one class": (
        lambda text: text.replace(",yes", ",no"),
        ["data.label_names={}", "data.positive=no", "data.favourable=no"],
        "two classes are needed",
    ),
    "missing column": (None, ["data.label=decision"], "decision"),
    "unknown adapter": (None, ["model.adapter.method=lorra"], "Did you mean 'lora'"),
    "unknown key": (None, ["training.epoch=3"], "epochs"),
    "favourable never occurs": (None, ["data.favourable=granted"], "granted"),
    "template names a missing column": (None, ["data.template=debt {{ dept }}"], "debt"),
    "template reaches for attributes": (None, ["data.template={{ debt.__class__ }}"], "attribute"),
    "unknown policy": (None, ["policies=[baselin]"], "Did you mean 'baseline'"),
    "unknown audit": (None, ["audits.include=[group_rate]"], "group_rates"),
    "impossible splits": (None, ["data.split.test=0.5"], "sum to 1"),
    "rank without lora": (None, ["model.adapter.method=full"], "rank"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_sentence_and_exit_2(call, project, case):
    change, sets, says = BAD[case]
    if change:
        (project / "rows.csv").write_text(change((project / "rows.csv").read_text()))
    code, out, err = call("run", "recipe.yaml", *(part for item in sets for part in ("--set", item)))
    assert code == 2, err
    assert says in err
    assert out == ""
    assert "Traceback" not in err
    assert not (project / ".raitune").exists()


def test_data_that_is_not_utf8(call, project):
    (project / "rows.csv").write_bytes((project / "rows.csv").read_bytes() + b"241,caf\xe9,clean,black,man,no\n")
    code, _, err = call("run", "recipe.yaml")
    assert code == 2
    assert "rows.csv" in err
    assert "UTF-8" in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("a: &x [1]\nb: *x\n", "anchors"),
        ("seed: 1\nseed: 2\n", "seed"),
        ("x: " + "y" * 2_000_000, "large"),
    ],
)
def test_hostile_yaml(call, project, content, says):
    (project / "recipe.yaml").write_text(content)
    code, _, err = call("run", "recipe.yaml")
    assert code == 2
    assert says in err.lower() or "limit" in err.lower(), err


def test_empty_data_file(call, project):
    (project / "rows.csv").write_text("")
    code, _, err = call("run", "recipe.yaml")
    assert code == 2
    assert "rows.csv" in err


def test_pickled_base(call, project):
    folder = project / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    code, _, err = call("run", "recipe.yaml", "--set", "model.base=pickled")
    assert code == 2
    assert "pickle" in err


@pytest.mark.parametrize("command", [["report"], ["gate"], ["predict"]])
def test_a_run_id_that_climbs_is_refused(call, project, command):
    from rai_tune.workspace import Workspace

    Workspace.open(project / ".raitune").close()
    extra = ["rows.csv", "-o", "x.csv"] if command == ["predict"] else []
    code, _, err = call(*command, "../../etc/passwd", *extra)
    assert code == 2
    assert "not a run id" in err


def test_no_workspace_is_said(call):
    code, _, err = call("runs")
    assert code == 2
    assert "no workspace" in err


def test_a_workspace_that_cannot_be_written(call, project):
    (project / "file").write_text("")
    code, _, err = call("run", "recipe.yaml", "--workspace", "file/inside")
    assert code == 2
    assert "file" in err
    assert "Traceback" not in err


def test_set_needs_a_value(call):
    code, _, err = call("run", "recipe.yaml", "--set", "epochs")
    assert code == 2
    assert "=" in err


def test_unknown_demo(call):
    code, _, err = call("demo", "landing")
    assert code == 2
    assert "Did you mean 'lending'" in err


def test_schema_is_json_with_a_sentence_for_each_field(call):
    code, out, _ = call("init", "--schema")
    assert code == 0
    schema = json.loads(out)
    parts = schema["$defs"]
    fields = [field for part in [schema, *parts.values()] for field in part.get("properties", {}).values()]
    assert len(fields) > 60

    def said(field):
        return field.get("description") or parts[field["$ref"].rsplit("/", 1)[1]].get("description")

    assert [field for field in fields if not said(field)] == []


def test_init_writes_a_recipe_that_plans(call, project):
    (project / "recipe.yaml").unlink()
    code, _, err = call("init", "rows.csv", "--yes")
    assert code == 0, err
    text = (project / "recipe.yaml").read_text()
    assert "hide_groups: true" in text
    assert "race" in text
    code, _, err = call("init", "rows.csv", "--yes")
    assert code == 2
    assert "exists" in err


@pytest.mark.slow
def test_run_report_gate_and_predict(call, project):
    code, out, err = call("run", "recipe.yaml", "--set", "training.epochs=1", "--json")
    assert code in {3, 4}, err
    report = json.loads(out)
    assert report["schema"]
    wanted = {"audit", "metric", "group", "estimate", "low", "high", "confidence", "method", "n", "status"}
    assert all(wanted <= set(item) for item in report["measurements"])
    assert all({"id", "outcome", "reason"} <= set(item) for item in report["controls"])

    code, out, _ = call("runs", "--json")
    assert code == 0
    run_id = json.loads(out)["runs"][0]["id"]
    code, out, _ = call("report", run_id)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "BASE-04" in out or "impact" in out.lower()

    code, out, _ = call("gate", run_id, "--policy", "baseline", "--json")
    assert code in {3, 4}
    assert {item["id"] for item in json.loads(out)["controls"]} >= {"BASE-01", "BASE-04"}

    code, _, err = call("predict", run_id, "rows.csv", "-o", "scored.parquet")
    assert code == 0, err
    import pandas as pd

    assert len(pd.read_parquet(project / "scored.parquet")) == 240
    code, _, err = call("predict", run_id, "rows.csv", "-o", "scored.xlsx")
    assert code == 2

    code, _, err = call("report", run_id, "--pdf", "out.pdf")
    assert code == 0, err
    assert (project / "out.pdf").read_bytes().startswith(b"%PDF-")

    code, _, err = call("run", "--resume", run_id)
    assert code in {3, 4}, err


def test_dry_run_trains_nothing(call, project):
    code, out, err = call("run", "recipe.yaml", "--dry-run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert sum(split["rows"] for split in found["splits"].values()) == 240
    assert found["training_s"] > 0
    assert not (project / ".raitune").exists()


def test_help_names_the_commands():
    done = subprocess.run(
        [sys.executable, "-c", "from rai_tune.cli.main import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0
    for name in ("init", "run", "predict", "runs", "report", "gate", "ui", "demo"):
        assert f"  {name} " in done.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv=['raitune','--help']\n"
        "from rai_tune.cli import main\n"
        "main._guarded()\n"
        "heavy={'torch','transformers','pandas','numpy','sqlalchemy','streamlit','pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_merge_exports_a_plain_model(call, project):
    quick = ("--set", "training.epochs=1", "--set", "audits.include=[task_quality]")
    code, _, err = call("run", "recipe.yaml", *quick, "--merge", "merged", "--json")
    assert code in {3, 4}, err
    assert (project / "merged" / "model.safetensors").is_file()
    assert not (project / "merged" / "adapter_config.json").exists()
    (project / "taken").mkdir()
    (project / "taken" / "file").write_text("")
    code, _, err = call("run", "recipe.yaml", *quick, "--merge", "taken", "--json")
    assert code == 2
    assert "not empty" in err
    assert len(list((project / ".raitune" / "runs").iterdir())) == 1


def test_init_asks_at_a_terminal(call, project, monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    (project / "recipe.yaml").unlink()
    lines = [f"{number % 7},{number % 3},{'xy'[number % 2]}" for number in range(60)]
    (project / "vague.csv").write_text("\n".join(["alpha,beta,gamma", *lines]) + "\n")
    monkeypatch.setattr(sys, "stdin", Terminal("\n" * 20))
    code, out, err = call("init", "vague.csv")
    assert code == 0, err
    assert "answer" in out
    assert (project / "recipe.yaml").is_file()

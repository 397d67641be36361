"""Opening: where the workspace is, what schema it has, and when it is left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from rai_tune.core import WorkspaceError
from rai_tune.workspace import Workspace
from rai_tune.workspace.migrate import known_revisions, migrate
from rai_tune.workspace.migrations import HEAD
from rai_tune.workspace.schema import Base


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("RAITUNE_WORKSPACE", "RAITUNE_DATABASE_URL", "RAITUNE_ARTIFACTS_URL"):
        monkeypatch.delenv(name, raising=False)


def _create(workspace):
    return workspace.create_run(name="x", recipe={}, recipe_digest="0" * 64, policies={})


def test_the_place_is_the_argument_then_the_variable_then_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Workspace.open().root == tmp_path / ".raitune"
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(tmp_path / "by-variable"))
    assert Workspace.open().root == tmp_path / "by-variable"
    assert Workspace.open(tmp_path / "given").root == tmp_path / "given"


def test_a_relative_workspace_survives_a_change_of_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.open()
    run = _create(workspace)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    workspace.close()
    assert workspace.run(run.id) == run


def test_the_database_is_durable_and_checks_its_keys(tmp_path):
    workspace = Workspace.open(tmp_path)
    with workspace._database.connection(writes=False) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 2}


def test_without_create_an_absent_workspace_is_said_and_not_made(tmp_path):
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        Workspace.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkspaceError, match="there is no workspace"):
        Workspace.open(tmp_path / "empty", create=False)
    assert list((tmp_path / "empty").iterdir()) == []
    Workspace.open(tmp_path / "made").close()
    assert Workspace.open(tmp_path / "made", create=False).runs() == ()


def test_a_newer_schema_is_refused_and_nothing_changes(tmp_path):
    workspace = Workspace.open(tmp_path)
    run = _create(workspace)
    workspace.close()
    with sqlite3.connect(tmp_path / "raitune.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9000'")
    connection.close()
    before = (tmp_path / "raitune.db").read_bytes()
    with pytest.raises(WorkspaceError, match=r"newer rai-tune \(schema 9000; this one knows up to") as refused:
        Workspace.open(tmp_path)
    assert refused.value.exit_code == 2
    assert (tmp_path / "raitune.db").read_bytes() == before
    with sqlite3.connect(tmp_path / "raitune.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
    connection.close()
    assert Workspace.open(tmp_path).run(run.id) == run


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    (tmp_path / "raitune.db").write_bytes(b"a spreadsheet, perhaps\n" * 100)
    with pytest.raises(WorkspaceError, match="not a database"):
        Workspace.open(tmp_path)
    assert (tmp_path / "raitune.db").read_bytes() == b"a spreadsheet, perhaps\n" * 100


def test_migrations_make_exactly_the_tables_of_the_code(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    workspace = Workspace.open(tmp_path)
    with workspace._database.connection(writes=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        made = dict(connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all())
    direct = sqlite3.connect(":memory:")
    engine = workspace._database.engine
    for table in Base.metadata.sorted_tables:
        direct.execute(str(CreateTable(table).compile(engine)))
        for index in table.indexes:
            direct.execute(str(CreateIndex(index).compile(engine)))
    wanted = dict(direct.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    direct.close()
    # Autogenerate overlooks checks and partial indexes.
    assert made["uq_artifacts_current"] == wanted["uq_artifacts_current"]
    assert "ck_metrics_one_value" in made["metrics"]
    assert {name for name in made if name != "alembic_version"} == set(wanted)


def test_head_is_the_newest_revision_that_ships():
    assert known_revisions()[0] == HEAD


def test_the_schema_is_not_for_one_database_only():
    dialect = postgresql.dialect()
    statements = [str(CreateTable(table).compile(dialect=dialect)) for table in Base.metadata.sorted_tables]
    statements += [str(CreateIndex(i).compile(dialect=dialect)) for t in Base.metadata.sorted_tables for i in t.indexes]
    text = "\n".join(statements)
    assert "WHERE superseded IS false" in text
    assert "value DOUBLE PRECISION" in text


def test_an_up_to_date_workspace_opens_without_heavy_imports(tmp_path):
    Workspace.open(tmp_path).close()
    code = (
        "import sys; from pathlib import Path; from rai_tune.workspace import Workspace;"
        f"w = Workspace.open(Path({str(tmp_path)!r})); w.put_json({{}}); w.runs();"
        "print(sorted({'torch', 'pandas', 'numpy', 'pyarrow', 'alembic', 'fsspec', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_workspace_cannot_be_under_or_at_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "ws"):
        with pytest.raises(WorkspaceError, match="cannot") as refused:
            Workspace.open(path)
        assert refused.value.exit_code == 2
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
@pytest.mark.parametrize("existing", [False, True])
def test_a_read_only_folder_is_refused(tmp_path, existing):
    if existing:
        Workspace.open(tmp_path).close()
        (tmp_path / "raitune.db").chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(WorkspaceError, match="cannot write"):
            Workspace.open(tmp_path)
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_place_where_nobody_may_make_a_folder():
    with pytest.raises(WorkspaceError, match="cannot make a workspace"):
        Workspace.open(Path("/proc/raitune"))


def test_another_database_by_url(tmp_path, monkeypatch):
    monkeypatch.setenv("RAITUNE_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    workspace = Workspace.open(tmp_path / "ws")
    run = _create(workspace)
    assert not (tmp_path / "ws" / "raitune.db").exists()
    assert Workspace.open(tmp_path / "other-folder").run(run.id) == run


@pytest.mark.parametrize("url", ["not a url", "oracle+nothing://scott:tiger@host/db"])
def test_a_bad_database_url_is_a_usage_error_that_keeps_the_password(tmp_path, monkeypatch, url):
    monkeypatch.setenv("RAITUNE_DATABASE_URL", url)
    with pytest.raises(WorkspaceError) as refused:
        Workspace.open(tmp_path)
    assert "tiger" not in str(refused.value)


def test_migrate_twice_is_migrate_once(tmp_path):
    workspace = Workspace.open(tmp_path)
    run = _create(workspace)
    migrate(workspace._database)
    assert workspace.run(run.id) == run

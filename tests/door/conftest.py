"""A workspace, three people and small completed runs, for every test about the door."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from rai_tune.workspace import Workspace


def load_small():
    """The module ``small_run``, by path, because tests are not packages."""
    if "small_run" not in sys.modules:
        spec = importlib.util.spec_from_file_location("small_run", Path(__file__).with_name("small_run.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules["small_run"] = module
        spec.loader.exec_module(module)
    return sys.modules["small_run"]


@pytest.fixture(scope="session")
def small():
    return load_small()


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def people(workspace, small):
    """Ada is an author; Bo reviews; Cy approves, and could be an author of other runs."""
    return {
        "ada": small.person(workspace, "Ada", "author"),
        "bo": small.person(workspace, "Bo", "reviewer"),
        "cy": small.person(workspace, "Cy", "approver", "author"),
    }

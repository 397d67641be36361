"""A workspace, three people and small completed runs, for every test about the door."""

from __future__ import annotations

import pytest

import small_run
from rai_tune.workspace import Workspace


@pytest.fixture(scope="session")
def small():
    return small_run


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

"""What the tests of commands share."""

import sys

import pytest


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command line in this process, in the folder of the test; returns (exit code, stdout, stderr)."""
    from rai_tune.cli import main

    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["raitune", *map(str, arguments)])
        code = main._guarded()
        told = capsys.readouterr()
        return code, told.out, told.err

    return run

"""Commands as a person types them, in the process of the test: exit code and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from rai_tune.cli.main import app
from rai_tune.core import RaiError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PASSPHRASE = "the kettle is on the hob"


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and what was said; errors become their sentence, as the entry point does it."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, RaiError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def sit_down(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """In ``folder``, with its workspace ``w``, keys that one passphrase opens, and nothing else set."""
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        patch.delenv(name, raising=False)
    patch.setenv("RAITUNE_WORKSPACE", str(folder / "w"))
    patch.setenv("RAITUNE_KEY_PASSPHRASE", PASSPHRASE)
    patch.chdir(folder)

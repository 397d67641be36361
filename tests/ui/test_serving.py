"""How ``raitune ui`` serves: its own configuration in any folder, and beyond this machine only with sign-in."""

from __future__ import annotations

import itertools
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from rai_tune.cli.serving import check_host, check_reach, options
from rai_tune.core import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def values(arguments: list[str], name: str) -> list[str]:
    """What an option is given, each time."""
    return [after for before, after in itertools.pairwise(arguments) if before == name]


def test_the_configuration_goes_along_as_options() -> None:
    given = options(8600, "localhost", None)
    assert values(given, "--server.port") == ["8600"]
    assert values(given, "--server.allowedHosts") == ["localhost", "127.0.0.1", "[::1]"]
    assert values(given, "--server.enableXsrfProtection") == ["true"]
    assert values(given, "--server.enableAgentApi") == ["false"]
    assert values(given, "--client.showErrorDetails") == ["none"]
    assert values(given, "--browser.serverAddress") == []


def test_behind_a_proxy_one_more_host_is_allowed() -> None:
    given = options(8501, "localhost", "audit.example.org")
    assert values(given, "--server.allowedHosts")[0] == "audit.example.org"
    assert values(given, "--server.corsAllowedOrigins") == ["https://audit.example.org"]
    assert values(given, "--browser.serverAddress") == ["audit.example.org"]


@pytest.mark.parametrize("host", ["", "*", "*.example.org", "https://a.org", "a.org:443", "a b", "a..b"])
def test_an_allowed_host_is_one_plain_name(host: str) -> None:
    with pytest.raises(UsageError, match="one host name"):
        check_host(host)


def test_other_machines_are_refused_without_sign_in(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    with pytest.raises(UsageError, match="without signing in"):
        check_reach("0.0.0.0", anyone=False, secrets=[secrets])
    secrets.write_text("[other]\nx = 1\n")
    with pytest.raises(UsageError, match="without signing in"):
        check_reach("0.0.0.0", anyone=False, secrets=[secrets])
    secrets.write_text("not toml [")
    with pytest.raises(UsageError, match="cannot be read"):
        check_reach("0.0.0.0", anyone=False, secrets=[secrets])
    secrets.write_text("[auth]\n")
    check_reach("0.0.0.0", anyone=False, secrets=[secrets])
    check_reach("0.0.0.0", anyone=True, secrets=[])
    check_reach("localhost", anyone=False, secrets=[])


@pytest.mark.slow
def test_it_serves_from_any_folder(watched: ModuleType, tmp_path: Path) -> None:
    """Streamlit takes every option; a configuration file of that folder does not open the app wider."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('[server]\nenableAgentApi = true\naddress = "0.0.0.0"\n')
    port = watched.free_port()
    command = [
        sys.executable,
        "-c",
        "from rai_tune.cli.main import main; main()",
        "ui",
        "--port",
        str(port),
        "--workspace",
        str(tmp_path / "w"),
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        watched._until_it_answers(f"http://localhost:{port}/_stcore/health", process)
        with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5) as answer:
            assert answer.read() == b"ok"
    finally:
        import os
        import signal

        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)

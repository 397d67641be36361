"""How ``raitune ui`` starts Streamlit: the packaged configuration as options, so that no file of another folder changes it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from rai_tune.core import UsageError, resource_path

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OURS = ("server", "browser", "client")
"""Sections given as options: they outrank every file and environment variable. The theme may stay a file's."""


def options(port: int, address: str, host: str | None) -> list[str]:
    """Options of ``streamlit run``. ``host`` is the name by which browsers reach a proxy in front; None without one."""
    settings = tomllib.loads((resource_path(".streamlit", "config.toml")).read_text(encoding="utf-8"))
    server = settings["server"]
    server["port"], server["address"] = port, address
    if host is not None:
        server["allowedHosts"] = [host, *server["allowedHosts"]]
        server["corsAllowedOrigins"] = [f"https://{host}"]
        # Without it Streamlit asks a machine elsewhere for the address of this one before it compares origins.
        settings["browser"]["serverAddress"] = host
    return [
        part
        for section in _OURS
        for name, value in settings[section].items()
        for text in _texts(value)
        for part in (f"--{section}.{name}", text)
    ]


def check_host(host: str) -> str:
    """A plain host name. ``UsageError`` for an address with a scheme, a port or a wildcard: the app has one name."""
    plain = host.strip().lower()
    if not plain or len(plain) > 253 or not all(part.replace("-", "").isalnum() for part in plain.split(".")):
        raise UsageError(f"--allowed-host takes one host name such as audit.example.org, not {host[:60]!r}")
    return plain


def check_reach(address: str, *, anyone: bool, secrets: list[Path]) -> None:
    """Refuse to be reached from other machines without single sign-on, unless somebody said so plainly. ``UsageError``."""
    if address in LOOPBACK or anyone or _has_sign_on(secrets):
        return
    raise UsageError(
        f"--address {address[:60]} lets other machines read every run, start runs and stop them without signing in; configure [auth] in secrets.toml "
        "(docs/deploy.md), or say --without-sign-in"
    )


def secrets_files(folder: Path) -> list[Path]:
    """Where Streamlit looks for ``secrets.toml`` when it is started in this folder."""
    return [Path.home() / ".streamlit" / "secrets.toml", folder / ".streamlit" / "secrets.toml"]


def _has_sign_on(secrets: list[Path]) -> bool:
    found = False
    for path in secrets:
        if path.is_file():
            try:
                found = isinstance(tomllib.loads(path.read_text(encoding="utf-8")).get("auth"), dict) or found
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
                raise UsageError(f"{path.name} cannot be read ({type(error).__name__})") from error
    return found


def _texts(value: Any) -> list[str]:
    """A value as it stands on a command line; a list is the option several times."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return [value if isinstance(value, str) else json.dumps(value)]

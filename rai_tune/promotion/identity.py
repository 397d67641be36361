"""Whose key this is: the file named by ``--key`` or ``RAITUNE_KEY``, unlocked with a passphrase. Stable API.

A key file ``ada.pem`` has its public half beside it, ``ada.pub``, so that a run can say who started it without unlocking anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.promotion.keys import key_id_of, parse_public, unlock
from rai_tune.promotion.people import signer_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import Ledger

KEY_VARIABLE = "RAITUNE_KEY"
PASSPHRASE_VARIABLE = "RAITUNE_KEY_PASSPHRASE"  # noqa: S105  (the name of a variable)


def key_folder() -> Path:
    """Where this login's keys lie unless somebody says otherwise: ``keys`` in the tool's configuration folder."""
    from typer import get_app_dir

    return Path(get_app_dir("raitune")) / "keys"


def key_files() -> dict[str, Path]:
    """Key files to choose from, by file name: the one that ``RAITUNE_KEY`` names first, then those of the keys folder."""
    named = os.environ.get(KEY_VARIABLE)
    first = [Path(named).expanduser()] if named else []
    found: dict[str, Path] = {}
    for path in (*first, *sorted(key_folder().glob("*.pem"))):
        if path.is_file():
            found.setdefault(path.name, path)
    return found


def public_path(private: Path) -> Path:
    """Where the public half of a key file lies."""
    return private.with_suffix(".pub")


def named_key_id() -> str | None:
    """Id of the key that ``RAITUNE_KEY`` names, from its public half; None when it names none."""
    named = os.environ.get(KEY_VARIABLE)
    if not named:
        return None
    public = public_path(Path(named).expanduser())
    if not public.is_file():
        raise UsageError(f"{KEY_VARIABLE} names {named}, and there is no public key {public} beside it")
    return key_id_of(parse_public(public.read_text("ascii", errors="replace"), str(public)))


def unlocked_signer(ledger: Ledger, key: Path | None, ask: Callable[[str], str]) -> Signer:
    """The person behind the key file: ``key``, else what ``RAITUNE_KEY`` names.

    The passphrase is ``RAITUNE_KEY_PASSPHRASE``, else what ``ask`` returns for a prompt. Raises ``UsageError`` without a key and for a
    key that this workspace does not know or has revoked.
    """
    named = key or (Path(os.environ[KEY_VARIABLE]).expanduser() if os.environ.get(KEY_VARIABLE) else None)
    if named is None:
        raise UsageError(f"say whose key signs: --key FILE, or {KEY_VARIABLE}; 'raitune keys new NAME' makes one")
    if not named.is_file():
        raise UsageError(f"{named}: there is no key file; 'raitune keys new NAME' makes one")
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or ask(f"Passphrase of {named.name}: ")
    return signer_for(ledger, unlock(named, passphrase))

"""Options and unlocking that every signing command shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rai_tune.promotion.keys import Signer
    from rai_tune.workspace import Workspace

KeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="Your key file (default: RAITUNE_KEY). RAITUNE_KEY_PASSPHRASE or a prompt unlocks it."),
]


def unlocked(store: Workspace, key: Path | None) -> Signer:
    """The person who signs; asks for the passphrase on a terminal."""
    from rai_tune.promotion.identity import unlocked_signer
    from rai_tune.promotion.ledger import Ledger

    return unlocked_signer(Ledger(store), key, ask_passphrase)


def ask_passphrase(prompt: str) -> str:
    """Ask without showing what is typed. Raises ``UsageError`` where nobody can answer."""
    import getpass
    import sys

    from rai_tune.core import UsageError

    if not sys.stdin.isatty():
        raise UsageError("the key needs its passphrase: set RAITUNE_KEY_PASSPHRASE, or run this on a terminal")
    return getpass.getpass(prompt)

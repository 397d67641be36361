"""Run ids: readable, unique, and safe as a file name because nothing else is accepted."""

from __future__ import annotations

import re
import secrets

from rai_audits.core import UsageError, sha256_json

_RUN_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?-[0-9a-f]{8}")


def new_run_id(name: str, recipe_digest: str, created_at: str) -> str:
    """Derive an id from the recipe, the time and a nonce, so that the same recipe can be run twice."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"
    digest = sha256_json({"recipe": recipe_digest, "created_at": created_at, "nonce": secrets.token_hex(8)})
    return f"{slug}-{digest[:8]}"


def check_run_id(run_id: str) -> str:
    """Return the id unchanged, or raise ``UsageError`` when it could not have come from ``new_run_id``."""
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(f"{run_id!r} is not a run id. 'raitune runs' lists the runs of this workspace.")
    return run_id

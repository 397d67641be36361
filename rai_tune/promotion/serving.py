"""Promoted bytes: shelved by digest, read-only, laid out to be served, and what an alias stands for. Stable API.

An alias has no record of its own: it is what its newest promotion in the ledger says, with signature, place and key checked.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import ConflictError, IntegrityError, UsageError, sha256_file
from rai_tune.promotion.people import read_registry, verified
from rai_tune.promotion.records import PROMOTION, subject_of
from rai_tune.promotion.standing import Standing
from rai_tune.promotion.statement import BASE, MODEL, PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rai_tune.promotion.ledger import Ledger, LedgerEntry
    from rai_tune.workspace import Workspace


@dataclass(frozen=True)
class Promotion:
    """One promotion. ``files`` is name -> SHA-256 of everything that is served; ``seq`` is its place in the ledger."""

    seq: int
    at: str
    alias: str
    run_id: str
    person: str
    model_digest: str
    statement: str
    recipe_digest: str
    """Of the recipe that the evidence was measured under: template and roles of columns come from it."""
    rollback_of: int | None
    decisions: tuple[dict[str, Any], ...]
    files: Mapping[str, str]


def promotions(ledger: Ledger, alias: str | None = None) -> tuple[Promotion, ...]:
    """Every promotion, oldest first, each verified and held against the rules of the door.

    Raises ``IntegrityError`` when one was changed, forged or replayed, or came into the ledger past the door.
    """
    ledger.head()
    entries = ledger.entries((PROMOTION,))
    registry, roots = read_registry(ledger), ledger.roots()
    standing = Standing(ledger, registry)
    found = []
    for entry in entries:
        body = verified(entry, registry)
        _check_place(entry, body, roots[entry.seq].hex())
        found.append(_promotion(entry, body, standing.check(entry, body)))
    return tuple(item for item in found if alias in {None, item.alias})


def current(ledger: Ledger, alias: str) -> Promotion | None:
    """What an alias stands for now; None before its first promotion."""
    found = promotions(ledger, alias)
    return found[-1] if found else None


def served_files(workspace: Workspace, run_id: str, evidence: Mapping[str, Any]) -> dict[str, str]:
    """Name -> SHA-256 of the files of a statement that are served: the model, and its base where it is an adapter."""
    subject = subject_of(evidence)
    subject.pop(PREDICTIONS, None)
    facts = subject.get(f"{MODEL}decision.json")
    if facts is None:
        raise IntegrityError(f"run {run_id}: the evidence names no decision.json, so nothing says what is served")
    adapter = bool(workspace.read_json(facts)["adapter"])
    return {name: digest for name, digest in subject.items() if adapter or not name.startswith(BASE)}


def shelve(workspace: Workspace, files: Mapping[str, str], sources: Mapping[str, Path]) -> None:
    """Hash every file that will be served again and copy it to the artifacts. ``IntegrityError`` names the first that differs."""
    for name, digest in files.items():
        source = sources.get(name)
        if source is None or not source.is_file():
            raise IntegrityError(f"{name} is to be served and is not there")
        found = sha256_file(source)
        if found != digest:
            raise IntegrityError(
                f"{name} is not the file that was measured: it hashes to {found[:16]}, not {digest[:16]}"
            )
        changed = IntegrityError(f"{name} changed while it was copied")
        try:
            stored = workspace.put_file(source)
        except ConflictError as error:
            raise changed from error
        if stored != digest:
            raise changed
        workspace.protect(digest)
        workspace.path_of(digest)  # a copy that lay there before is served as well, so it is hashed too


def lay_out(workspace: Workspace, promotion: Promotion) -> Path:
    """A folder with the promoted files, ``model/`` and ``base/``, every one hashed now.

    It is made from the artifacts once and kept. Raises ``IntegrityError`` when a file in it, or an artifact, is not what was promoted.
    """
    folder = workspace.root / "served" / promotion.model_digest
    if not folder.is_dir():
        # A name of its own, so that processes which lay out the same bytes at once leave each other's files alone.
        draft = folder.with_name(f"{folder.name}.{secrets.token_hex(6)}.part")
        for name, digest in promotion.files.items():
            target = draft / _inside(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(workspace.path_of(digest), target)
            target.chmod(0o444)
        try:
            draft.replace(folder)
        except OSError:
            # Another process laid out the same bytes; what lies there is hashed below like anything else.
            shutil.rmtree(draft, ignore_errors=True)
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    odd = sorted(set(found) ^ set(promotion.files))
    if odd:
        raise IntegrityError(f"{folder}: {odd[0]} is {'not promoted' if odd[0] in found else 'missing'}")
    for name, path in found.items():
        if sha256_file(path) != promotion.files[name]:
            raise IntegrityError(f"{path} is not the file that was promoted")
    return folder


def _inside(name: str) -> str:
    """A served name as a path below a folder; names come from signed statements and are still never trusted as paths."""
    parts = name.split("/")
    if (
        parts[0] not in {"model", "base"}
        or len(parts) < 2
        or any(part in {"", ".", ".."} or "\\" in part for part in parts)
    ):
        raise UsageError(f"{name[:80]!r} is not the name of a served file")
    return name


def _promotion(entry: LedgerEntry, body: Mapping[str, Any], evidence: Mapping[str, Any]) -> Promotion:
    predicate = body["predicate"]
    return Promotion(
        seq=entry.seq,
        at=entry.at,
        alias=str(predicate["alias"]),
        run_id=str(predicate["run"]),
        person=str(predicate["person"]),
        model_digest=str(predicate["model_digest"]),
        statement=str(predicate["statement"]),
        recipe_digest=str(evidence["predicate"]["run"]["recipe_digest"]),
        rollback_of=predicate["rollback_of"],
        decisions=tuple(predicate["decisions"]),
        files=subject_of(body),
    )


def _check_place(entry: LedgerEntry, body: Mapping[str, Any], root_before: str) -> None:
    """A promotion entry stands where it says it does. ``IntegrityError`` for one that was replayed in another place."""
    predicate = body["predicate"]
    if (predicate["sequence"], predicate["previous"]) != (entry.seq, root_before):
        raise IntegrityError(
            f"ledger entry {entry.seq} is a promotion that was signed for place {predicate['sequence']}: it was replayed"
        )

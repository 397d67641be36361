"""Make the bundle and the ledger that a release leaves behind: ``python tests/golden/make.py tests/golden/0.1.0``.

Run once for a release and never again for the same folder: what lies there must verify for ever. Keys and times are fixed and known
to everybody, so that nothing in it is a secret and the same code gives the same bytes.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).resolve().parent


def load_story() -> ModuleType:
    """The module that tells the story of a small workspace; it lies with the tests of bundles."""
    spec = importlib.util.spec_from_file_location("bundle_story", HERE.parent / "promotion" / "story.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def told(story: ModuleType) -> Any:
    """Every kind of entry: people, a vouched one, evidence, sign-offs, attestation, waiver, promotions, a deletion, a revocation."""
    from rai_tune.promotion.keys import key_id_of, public_pem

    found = story.Story(story.pack_of(quorum=2))
    own = found.chain.own.public_key()
    sue = {"person": "Sue", "roles": ["reviewer"], "public": public_pem(own), "vouched": True}
    found.chain.add("key", [("key/Sue", key_id_of(own))], sue)
    signed = {
        "run": story.RUN,
        "role": "reviewer",
        "person": "Sue",
        "comment": "read with the team",
        "model_digest": story.MODEL_DIGEST,
        "policies": {found.policy.id: found.digest},
        "outcomes": {found.policy.id: "fail"},
    }
    found.chain.add("signoff", [("evidence", found.said)], signed, found.chain.own, story.RUN)
    found.promote(alias="staging")
    found.promote(alias="production")
    gone = {"run": story.RUN, "reason": "texts are kept for a year", "names": ["rows"], "kept": []}
    found.chain.add("deletion", [("rows", story.digest_of("rows"))], gone, None, story.RUN)
    found.chain.register("Tom", ["approver"])
    found.chain.revoke("Tom")
    return found


def dump(chain: Any) -> dict[str, Any]:
    """A ledger as JSON: the rows of its two tables."""
    heads = [chain.head(size) for size in range(1, len(chain.entries) + 1)]
    return {
        "schema": "rai-tune/ledger-dump/v1",
        "entries": [vars(entry) for entry in chain.entries],
        "heads": [{"size": head.size, "root": head.root, "envelope": head.envelope} for head in heads],
    }


def make(folder: Path) -> None:
    """Write evidence.zip, ledger.json and known.json (a head and the workspace's key, as somebody kept them elsewhere)."""
    from rai_tune.promotion.keys import key_id_of

    if folder.exists():
        raise SystemExit(f"{folder} is there already; what a release left is never made again")
    found = told(load_story())
    folder.mkdir(parents=True)
    (folder / "evidence.zip").write_bytes(found.bundle())
    (folder / "ledger.json").write_text(json.dumps(dump(found.chain), indent=1) + "\n", encoding="utf-8")
    known = {
        "head": f"{len(found.chain.entries)}:{found.chain.root()}",
        "early_head": found.chain.root(5),
        "key": key_id_of(found.chain.own.public_key()),
    }
    (folder / "known.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))

"""What was deleted from runs, as the ledger's entries of the kind ``deletion`` say. Stable API: ``Deletion``, ``read_deletion``.

An entry is written before the first byte goes, so a name in it may still have its bytes after a crash; it counts as deleted all the
same. Signatures are checked where the ledger is; what is read here only tells a gap on purpose from a loss.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.workspace.chain import ChainRow

KIND = "deletion"


@dataclass(frozen=True)
class Deletion:
    """One entry. ``digests`` is name -> SHA-256 of everything that the run gave up; ``seq`` its place in the ledger, ``at`` its time."""

    seq: int
    at: str
    run_id: str
    digests: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """When it was, for people."""
        return f"deleted on {self.at[:10]} (ledger entry {self.seq})"


def read_deletion(row: ChainRow) -> Deletion:
    """The deletion that a ledger row holds. ``IntegrityError`` when it is not one."""
    try:
        payload = json.loads(base64.b64decode(json.loads(row.envelope)["payload"], validate=True))
        digests = {str(item["name"]): str(item["digest"]["sha256"]) for item in payload["subject"]}
        return Deletion(row.seq, row.at, str(payload["predicate"]["run"]), digests)
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"entry {row.seq} of the ledger is no deletion that can be read") from error

"""Small runs that people sign in the app: real store, ledger and gate, people with key files. Loaded by path from the tests of the pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import small_run as tools
from rai_tune.promotion.keys import Signer, key_id_of, new_key, unlock
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import register
from rai_tune.stored_run import decide
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

PASSPHRASE = "the kettle is on the hob"
ROLES = {"Ada": ("author",), "Bo": ("reviewer",), "Cy": ("approver", "author"), "Dee": ("approver",)}
SECTIONS = ("Who watches <b>them</b>", "How *it* is [stopped](https://evil.example)")
TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."
OTHER = "Whoever is on duty presses the red switch and calls the owner of the model."


@dataclass
class Signable:
    """A workspace with people, and runs by name."""

    root: Path
    signers: dict[str, Signer] = field(default_factory=dict)
    runs: dict[str, Any] = field(default_factory=dict)

    def open(self) -> Workspace:
        return Workspace.open(self.root, create=False)

    def key(self, name: str) -> Path:
        return self.root.parent / "config" / "raitune" / "keys" / f"{name.lower()}.pem"

    def size(self) -> int:
        with self.open() as workspace:
            return Ledger(workspace).head().size

    def complete(
        self, name: str, *numbers: float, attested: bool = False, quorum: int | None = None, **fields: Any
    ) -> str:
        """A completed run under a pack that asks for accuracy, and for a statement where ``attested``; returns its id."""
        controls = [tools.bound_control()] + ([tools.attested_control(sections=SECTIONS)] if attested else [])
        pack = tools.trial_policy(*controls, quorum=quorum)
        measured = (tools.accuracy(*numbers),) if numbers else None
        recipe = tools.whole_recipe(name, "trial")
        with self.open() as workspace:
            run = tools.complete_run(
                workspace, pack, name=name, weights=name.encode(), measurements=measured, recipe=recipe, **fields
            )
            if "state" not in fields:
                workspace.set_state(run.id, "deciding")
                decide(run.id, workspace, (pack,))
                workspace.set_state(run.id, "completed")
        self.runs[name] = run
        return str(run.id)

    def measure_again(self, name: str, *numbers: float) -> None:
        """Other measurements of the run: what was signed before is of earlier evidence then."""
        run = self.runs[name]
        result = tools.audit_result(run.predictions_digest, run.model_digest, tools.accuracy(*numbers))
        with self.open() as workspace:
            tools.attach(workspace, run.id, "audit:task_quality", result.to_json())


def signable(folder: Path) -> Signable:
    """An empty workspace in ``folder`` whose four people have key files under ``config``, which ``XDG_CONFIG_HOME`` names."""
    found = Signable(folder / "ws")
    Workspace.open(found.root).close()
    with found.open() as workspace:
        for name, roles in ROLES.items():
            public = new_key(found.key(name), PASSPHRASE)
            key = register(Ledger(workspace), name, roles, public)
            private = unlock(found.key(name), PASSPHRASE)
            found.signers[name] = Signer(name, key.roles, key_id_of(public), private)
    return found


def unlock_in(test: AppTest, name: str) -> AppTest:
    """Unlock somebody's key in the session, as they would; whoever was there before locks theirs."""
    if any(button.key == "identity-lock" for button in test.button):
        test.button(key="identity-lock").click().run()
    test.selectbox(key="identity-file").set_value(f"{name.lower()}.pem")
    test.text_input(key="identity-passphrase").set_value(PASSPHRASE)
    return next(button for button in test.button if button.label == "Unlock").click().run()


def blocks(test: AppTest, kind: str) -> list[dict[str, Any]]:
    """Blocks of one kind that the page shows, in order."""
    parts = [json.loads(part.proto.json) for part in test.get("bidi_component")]
    return [block for part in parts for block in part.get("blocks", []) if block["kind"] == kind]


def table(test: AppTest, caption: str) -> list[list[str]]:
    """The texts of a table's cells, row by row."""
    found = next(block for block in blocks(test, "table") if block["caption"].startswith(caption))
    return [[cell["text"] for cell in row] for row in found["rows"]]


def banners(test: AppTest) -> list[str]:
    """The word and sentence of every banner but the verdict's, which the frame draws."""
    return [f"{block['word']}: {block['sentence']}" for block in blocks(test, "banner")]

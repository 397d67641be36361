"""One small run with hostile names, made once for all tests of the review app."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

import searched
import small_run
import watched as browsing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app.py"

SCRIPT = "<script>document.title='owned'</script>"
IMAGE = "<img src=https://evil.example/a.png onerror=alert(1)>"
MARKDOWN = "![pixel](https://evil.example/b.png) [go](https://evil.example/c)"
SIGNS = "$\\alpha$ :red[x] :tada: www.evil.example"
TURNED = "\u202egnorw\u202c"
HOSTILE = (SCRIPT, IMAGE, MARKDOWN, SIGNS)

RECIPE = """\
name: {name}
purpose: {purpose}
data:
  source: {{path: rows.csv}}
  template: "debt {{{{ debt }}}} record {{{{ record }}}} {{{{ race }}}} {{{{ remark }}}}"
  label: deny
  label_names: {{"yes": "denied <b>x</b>", "no": approved}}
  positive: "denied <b>x</b>"
  favourable: approved
  groups: [{{column: race}}, {{column: sex}}]
  hide_groups: false
  id: id
model: {{base: {base}, adapter: {{method: lora, rank: 4}}}}
training: {{epochs: 1, batch_size: 16, learning_rate: 0.01, select_best_by: roc_auc, threads: 1}}
decision: {{rule: match_base_rate}}
audits: {{explain: {{documents: 6}}}}
seed: 1
"""


@dataclass(frozen=True)
class Stored:
    """A workspace with one run, and the strings that must never be markup."""

    root: Path
    run_id: str
    outcome: str
    name: str = MARKDOWN[:60]
    texts: tuple[str, ...] = HOSTILE

    @property
    def verdict(self) -> str:
        """What a page must say. A model this small differs between machines in its last bits, so its verdict may too."""
        return {"fail": "Refused", "insufficient_evidence": "Not enough evidence"}[self.outcome]


def _shared() -> object:
    spec = importlib.util.spec_from_file_location("shared_fixtures", ROOT / "tests" / "conftest.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Stored:
    """A completed run whose name, purpose, groups, labels and texts are all hostile."""
    from rai_tune import pipeline
    from rai_tune.recipe import load_recipe
    from rai_tune.workspace import Workspace

    folder = tmp_path_factory.mktemp("hostile")
    rows = _shared().lending_rows()  # type: ignore[attr-defined]
    names = {"black": IMAGE, "white": MARKDOWN, "man": SIGNS, "woman": SCRIPT}
    for row in rows:
        row["race"], row["sex"] = names[row["race"]], names[row["sex"]]
        row["remark"] = f"good {TURNED} {SCRIPT} $x$ fair"
    rows[0]["sex"] = rows[1]["sex"] = "few"
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    recipe = RECIPE.format(name=json.dumps(Stored.name), purpose=json.dumps(" ".join(HOSTILE)), base=tiny_base)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    workspace = Workspace.open(folder / "store")
    done = pipeline.start(pipeline.plan(load_recipe(folder / "recipe.yaml")), workspace, lambda _w, _d, _t: None)
    workspace.close()
    return Stored(folder / "store", done.run_id, done.outcome)


@pytest.fixture
def stored(hostile_run: Stored, tmp_path: Path) -> Stored:
    """A copy of the run's workspace that a test may damage."""
    shutil.copytree(hostile_run.root, tmp_path / "store")
    return Stored(tmp_path / "store", hostile_run.run_id, hostile_run.outcome)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the app over a workspace; ``run`` is the run that the address names, ``page`` the name of the page (the inbox without it)."""

    def open_app(root: Path, run: str | None = None, page: str | None = None, **query: str) -> AppTest:
        monkeypatch.setenv("RAITUNE_WORKSPACE", str(root))
        test = AppTest.from_file(str(APP), default_timeout=60)
        if page is not None:
            test.run()
            test.switch_page(f"rai_tune/review/pages/{page}.py")
        for name, value in query.items():
            test.query_params[name] = value
        if run is not None:
            test.query_params["run"] = run
        return test.run()

    return open_app


@pytest.fixture
def shown() -> Callable[[AppTest], list[str]]:
    """Every string that a page hands to our components, in the order of the page."""

    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for item in value.values():
                yield from strings(item)
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)

    def read(test: AppTest) -> list[str]:
        return [text for part in test.get("bidi_component") for text in strings(json.loads(part.proto.json))]

    return read


@pytest.fixture(scope="session")
def watched() -> ModuleType:
    """The module ``watched``; skips where there is no browser."""
    if not browsing.CHROMIUM.exists():
        pytest.skip(f"no browser at {browsing.CHROMIUM}; set RAITUNE_CHROMIUM")
    return browsing


@dataclass(frozen=True)
class World:
    """A workspace with the hostile run, whose ledger holds hostile words, and a second run that was promoted."""

    root: Path
    run_id: str
    promoted: str
    comment: str
    name: str
    """Of the hostile run."""
    entry: int
    """Place of the sign-off with that comment, 100,000 characters long."""
    search: str
    """A search with a hostile name and errors, of which the hostile run is a trial."""


@pytest.fixture(scope="session")
def hostile_world(tmp_path_factory: pytest.TempPathFactory, hostile_run: Stored) -> World:
    """What people typed about the hostile run: a comment, a reason of a waiver, a reason of a revocation, the name of another run."""
    from datetime import timedelta

    from rai_tune.promoting import promote_run, sign_run, today, waive_control
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import read_registry, revoke
    from rai_tune.stored_run import decide
    from rai_tune.workspace import Workspace

    small = small_run
    root = tmp_path_factory.mktemp("world") / "store"
    shutil.copytree(hostile_run.root, root)
    typed = f"=1+1 {TURNED} {' '.join(HOSTILE)} "
    comment = typed + "x" * (100_000 - len(typed))
    with Workspace.open(root, create=False) as workspace:
        ledger = Ledger(workspace)
        ada, bo = small.person(workspace, "Ada", "author"), small.person(workspace, "Bo", "approver")
        small.person(workspace, "Cy", "reviewer")
        signed = sign_run(workspace, hostile_run.run_id, ada, "author", comment)
        waive_control(workspace, hostile_run.run_id, bo, "BASE-03", f"for a test {typed}", today() + timedelta(days=30))
        revoke(ledger, read_registry(ledger).named("Cy"), typed)
        other = small.complete_run(workspace, name=f"second {' '.join(HOSTILE)}")
        decide(other.id, workspace, other.policies)
        sign_run(workspace, other.id, ada, "author", typed)
        promote_run(workspace, other.id, "production", bo)
        failed = searched.Outcome("failed", error=typed)
        trials = [searched.complete(hostile_run.run_id, 0.7, 0.2), searched.complete(None, 0.8, 0.3), failed, None]
        search = searched.made_search(workspace, "made-0a1b2c3d", trials, name=f"search {' '.join(HOSTILE)}")
    return World(root, hostile_run.run_id, other.id, comment, hostile_run.name, signed.seq, search)


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """The module of the small promotable run."""
    return small_run


@pytest.fixture(scope="session")
def server(watched: ModuleType, hostile_world: World) -> Iterator[str]:
    """The app over the hostile world, once for all browser tests; they change nothing in it."""
    with watched.serving(hostile_world.root) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(watched: ModuleType) -> Iterator[object]:
    """One browser for each file of tests: its loop must not run under other tests."""
    with watched.launched() as found:
        yield found


@pytest.fixture
def browser(watched: ModuleType, chromium: object, server: str) -> Iterator[object]:
    """A ``Watched`` page of a fresh profile, over the hostile world."""
    page = watched.fresh_page(chromium, server)
    yield page
    page.page.context.close()

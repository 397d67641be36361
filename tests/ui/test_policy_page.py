"""The policy page: from a control to its clause, statements that are made on it, and decisions as of another day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import signable as tools
from rai_tune.promoting import sign_run, today, waive_control
from rai_tune.promotion.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow
"""Each draws the page whole, several times."""

FORM = "attest-trial-T-2"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tools.signable(tmp_path)


@pytest.fixture
def policy(store: Any, app: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """The page about a run in a session of its own, with somebody's key unlocked."""

    def open_page(run: str, person: str | None = None, **query: str) -> AppTest:
        test = app(store.root, run, "policy", **query)
        return tools.unlock_in(test, person) if person else test

    return open_page


def texts(test: AppTest) -> str:
    said = [block["text"] for kind in ("paragraph", "heading") for block in tools.blocks(test, kind)]
    return "\n".join([*said, *(text for block in tools.blocks(test, "bullets") for text in block["texts"])])


def tables(test: AppTest) -> list[str]:
    return [block["caption"] for block in tools.blocks(test, "table")]


def attest(test: AppTest, *parts: str) -> AppTest:
    for number, part in enumerate(parts):
        test.text_area(key=f"policy-{FORM}-{number}").set_value(part)
    return test.button(key=f"policy-{FORM}-sign").click().run()


def test_every_control_stands_under_its_clause_with_threshold_and_origin(store: Any, policy: Any) -> None:
    run = store.complete("small", 0.7, 0.6, 0.75, attested=True)
    test = policy(run)
    assert not test.exception
    assert tools.table(test, "Controls on 1") == [
        [
            "T-1: Accurate enough",
            "✗ not met",
            "blocks",
            "at least 80.0 %",
            "the organisation's choice",
            "Accuracy: the upper bound 0.75 is below 0.8.",
        ]
    ]
    assert "✗ Refused. 2 controls: 1 not met, 1 waiting for a person." in texts(test)
    test.checkbox(key="policy-open").check().run()
    assert [caption for caption in tables(test) if caption.startswith("Controls on")] == [
        "Controls on 1",
        "Controls on 2",
    ]


def test_only_what_is_open_is_left_when_asked(store: Any, policy: Any) -> None:
    run = store.complete("small", attested=True)
    test = policy(run)
    assert "Controls on 1" in tables(test)
    test.checkbox(key="policy-open").check().run()
    assert [caption for caption in tables(test) if caption.startswith("Controls on")] == ["Controls on 2"]


def test_an_address_leads_to_one_control_whole(store: Any, policy: Any) -> None:
    run = store.complete("small", attested=True)
    test = policy(run, control="T-1")
    assert test.selectbox(key="policy-control").value == ("trial", "T-1")
    facts = {name: text for block in tools.blocks(test, "facts") for name, text in block["rows"]}
    assert facts["Clause"] == "1"
    assert facts["Decided by"] == "evidence alone"
    assert facts["Threshold"] == "at least 80.0 %"
    assert facts["Origin of the threshold"] == "the organisation's choice. set for a test"
    assert "accuracy of the audit task_quality is at least 0.8" in facts["Check"]
    reading = tools.table(test, "Measurements that T-1 read")[0]
    assert reading[:5] == ["Accuracy", "90.0 %", "85.0 %", "500", "met"]
    test.selectbox(key="policy-control").set_value(("trial", "T-2")).run()
    assert test.query_params["control"] in ("T-2", ["T-2"])
    assert any(text.startswith("Waiting for a person") for text in tools.banners(test))
    assert "No decision of this run has a control nothing." in texts(policy(run, control="nothing"))


def test_a_statement_is_checked_part_by_part_signed_and_decides_today(store: Any, policy: Any) -> None:
    run = store.complete("small", attested=True)
    test = policy(run, "Bo", control="T-2")
    headings = [block["text"] for block in tools.blocks(test, "heading")]
    assert [name for name in tools.SECTIONS if name in headings] == list(tools.SECTIONS)
    assert [area.label for area in test.text_area] == ["Text of part 1 of 2", "Text of part 2 of 2"]
    before = store.size()
    test = attest(test, tools.TEXT, "TODO")
    assert (
        f"Refused: This is no statement about T-2 yet: the section {tools.SECTIONS[1]!r} is a placeholder."
        in tools.banners(test)
    )
    assert (store.size(), test.text_area(key=f"policy-{FORM}-0").value) == (before, tools.TEXT)
    test = attest(test, tools.TEXT, tools.OTHER)
    with store.open() as workspace:
        (entry,) = Ledger(workspace).entries(("attestation",), run)
    assert entry.predicate["person"] == "Bo"
    assert f"ledger entry {entry.seq}, " in next(text for text in tools.banners(test) if text.startswith("Entered"))
    assert [area.value for area in test.text_area] == ["", ""]
    assert any(text.startswith("Decided today: met: Bo stated this on ") for text in tools.banners(test))
    assert f"## {tools.SECTIONS[1]}" in texts(test)
    assert any("; it counts." in block["text"] for block in tools.blocks(test, "paragraph"))
    with store.open() as workspace:
        (stored, *_) = workspace.decisions(run)
    assert stored["outcome"] == "awaiting_signoff"


def test_a_statement_on_a_state_that_changed_is_kept_and_not_entered(store: Any, policy: Any) -> None:
    run = store.complete("small", attested=True)
    test = policy(run, "Bo", control="T-2")
    with store.open() as workspace:
        sign_run(workspace, run, store.signers["Ada"], "author")
    before = store.size()
    test = attest(test, tools.TEXT, tools.OTHER)
    assert store.size() == before
    assert any(text.startswith("Not entered: this run changed since you looked") for text in tools.banners(test))
    assert f"Ada signed as author (ledger entry {before - 1}, " in texts(test)
    assert [area.value for area in test.text_area] == [tools.TEXT, tools.OTHER]
    test.button(key="signoff-seen-it").click().run()
    test.button(key=f"policy-{FORM}-sign").click().run()
    assert store.size() == before + 1


@pytest.mark.parametrize("person", [None, "Ada"])
def test_who_is_nobody_reads_statements_and_makes_none(store: Any, policy: Any, person: str | None) -> None:
    run = store.complete("small", attested=True)
    test = policy(run, person, control="T-2")
    assert "Nobody has made one." in texts(test)
    assert bool(test.text_area) == (person is not None)


def test_a_run_at_work_has_no_controls_and_no_form(store: Any, policy: Any) -> None:
    run = store.complete("small", attested=True, state="preparing")
    test = policy(run, "Bo", control="T-2")
    assert not test.exception
    assert "No policy has decided on this run." in texts(test)
    assert not test.text_area


def test_a_waiver_ends_on_its_day_and_a_re_decision_shows_it_without_storing_anything(store: Any, policy: Any) -> None:
    run = store.complete("small", 0.7, 0.6, 0.75)
    until = today() + timedelta(days=3)
    with store.open() as workspace:
        sign_run(workspace, run, store.signers["Ada"], "author")
        waive_control(workspace, run, store.signers["Dee"], "T-1", "The clinic needs it.", until)
        stored = workspace.decisions(run)
    test = policy(run, as_of=until.isoformat())
    row = tools.table(test, "Controls that end otherwise")[-1]
    assert row[1:3] == ["✗ not met", f"✗ fail (waived until {until.isoformat()})"]
    after = until + timedelta(days=1)
    test = policy(run, as_of=after.isoformat())
    assert f"A re-decision as of {after.isoformat()}, not stored" in " ".join(tools.banners(test))
    assert "No control ends otherwise than it is stored." in texts(test)
    with store.open() as workspace:
        assert workspace.decisions(run) == stored


def test_another_pack_is_a_re_decision_and_says_so(store: Any, policy: Any) -> None:
    run = store.complete("small")
    test = policy(run, under="eu-ai-act-high-risk", as_of="2027-12-02")
    assert tools.table(test, "The outcome of each policy")[0][1:] == ["not decided", "? Not enough evidence"]
    assert "This is a re-decision: when the run started, the policy eu-ai-act-high-risk was not named" in texts(test)
    # The Act's chapter on high-risk systems applies from 2027-12-02; before, its controls are for information.
    assert len(_blocking(test)) == 21
    assert len(_blocking(policy(run, under="eu-ai-act-high-risk", as_of="2027-12-01"))) < 5


def _blocking(test: AppTest) -> list[dict[str, Any]]:
    """Controls that may block on the day of the re-decision."""
    return [cell for cell in _cells(test, "Controls that end otherwise", 2) if cell["note"] == "blocks"]


def _cells(test: AppTest, caption: str, column: int) -> list[dict[str, Any]]:
    found = [block for block in tools.blocks(test, "table") if block["caption"].startswith(caption)]
    return [row[column] for row in found[-1]["rows"]]


@pytest.mark.parametrize("day", ["2027-13-02", "20271202", "tomorrow", "<img src=x>"])
def test_a_day_that_is_none_is_a_sentence(store: Any, policy: Any, day: str) -> None:
    test = policy(store.complete("small"), as_of=day)
    assert not test.exception
    assert f"No day: the address names {day!r} as a day; days are written YYYY-MM-DD." in tools.banners(test)

"""The sign-off page: what it says in every state and to every person, what is entered, and what two people at once are told."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import signable as tools
from rai_tune.promoting import promote_run, sign_run, today, waive_control
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.serving import current
from rai_tune.retention import delete_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow
"""Each draws the page whole, several times."""

REASON = "I trained it, and looked at the evidence."


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tools.signable(tmp_path)


@pytest.fixture
def signoff(store: Any, app: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """The page about a run in a session of its own, with somebody's key unlocked."""

    def open_page(run: str, person: str | None = None) -> AppTest:
        test = app(store.root, run, "signoff")
        return tools.unlock_in(test, person) if person else test

    return open_page


def signed(store: Any, run: str, **roles: str) -> None:
    with store.open() as workspace:
        for name, role in roles.items():
            sign_run(workspace, run, store.signers[name.capitalize()], role)


def sign(test: AppTest, reason: str = REASON, digits: str | None = None, role: str | None = None) -> AppTest:
    """Fill in the form and press its button."""
    if role:
        test.radio(key="signoff-role").set_value(role)
    test.text_input(key="signoff-reason").set_value(reason)
    test.text_input(key="signoff-digits").set_value(statement(test)[:8] if digits is None else digits)
    return test.button(key="signoff-sign-it").click().run()


def statement(test: AppTest) -> str:
    return next(block["rows"][0][1] for block in tools.blocks(test, "facts") if block["rows"][0][0] == "Statement")


def texts(test: AppTest) -> str:
    said = [block["text"] for block in tools.blocks(test, "paragraph")]
    return "\n".join([*said, *(text for block in tools.blocks(test, "bullets") for text in block["texts"])])


def has(test: AppTest, key: str) -> bool:
    return any(button.key == key for button in test.button)


def missing(test: AppTest) -> tuple[str, ...]:
    found = [text for block in tools.blocks(test, "bullets") for text in block["texts"]]
    return tuple(text for text in found if not text.startswith("As "))


def test_nobody_reads_everything_and_is_offered_nothing(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    test = signoff(run)
    assert not test.exception
    assert tools.table(test, "Each policy, decided today") == [["Trial", "✓ Passed", "none"]]
    assert missing(test) == ("An author has to sign the evidence first.",)
    assert [row[0] for row in tools.table(test, "What the statement is bound to")] == [
        "Model",
        "Data",
        "Predictions",
        "Base model",
        "Policy trial",
    ]
    assert any(text.startswith("Nobody signs here yet") for text in tools.banners(test))
    assert not any(has(test, key) for key in ("signoff-sign-it", "signoff-waive-it", "signoff-promote-it"))


def test_author_reviewer_and_approver_bring_a_passing_run_to_production(store: Any, signoff: Any) -> None:
    run = store.complete("small", quorum=2)
    test = sign(signoff(run, "Ada"))
    with store.open() as workspace:
        (entry,) = Ledger(workspace).entries(("signoff",), run)
    at = entry.at[:16].replace("T", " ")
    assert f"Entered: Ada signed as author: ledger entry {entry.seq}, {at} UTC." in tools.banners(test)
    assert (entry.predicate["comment"], entry.predicate["role"]) == (REASON, "author")
    assert not has(test, "signoff-sign-it")
    assert "2 people besides the author have to stand for it" in texts(test)
    test = sign(tools.unlock_in(test, "Bo"), role="reviewer")
    assert any(text.startswith("Nothing is missing") for text in tools.banners(test))
    assert [row[2:4] for row in tools.table(test, "Signatures about this run")] == [
        ["Ada", "signed as author"],
        ["Bo", "signed as reviewer"],
    ]
    assert "The key of Bo is registered as reviewer; only an approver promotes" in texts(test).replace(
        "the key", "The key"
    )
    assert not has(test, "signoff-promote-it")
    tools.unlock_in(test, "Dee")
    test.radio(key="signoff-alias").set_value("production")
    test.button(key="signoff-promote-it").click().run()
    with store.open() as workspace:
        served = current(Ledger(workspace), "production")
    assert served is not None
    assert (served.run_id, served.person) == (run, "Dee")
    assert any(
        f"Dee promoted this run to production: ledger entry {served.seq}" in text for text in tools.banners(test)
    )
    rows = tools.table(test, "What each alias serves")
    assert [row[:3] for row in rows] == [["staging", "nothing was promoted yet", "–"], ["production", run, "Dee"]]
    assert test.radio(key="signoff-alias").options == ["staging"]


def test_self_approval_is_not_offered_and_is_refused_below_the_page_as_well(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    test = sign(signoff(run, "Cy"), role="author")
    said = texts(test)
    own = "Cy is an author of this run, and an author never approves it: somebody else must"
    assert f"As approver: {own} sign as approver." in said
    assert f"Not offered to you: {own} promote." in said
    assert not has(test, "signoff-sign-it")
    assert not has(test, "signoff-promote-it")


@pytest.mark.parametrize(
    ("reason", "digits", "why"),
    [
        ("ok", None, "Refused: Say in at least 3 words why you sign: it goes on record."),
        (REASON, "00000000", "Refused: These are not the first 8 characters of the digest that would be signed."),
        (REASON, "", "Refused: These are not the first 8 characters of the digest that would be signed."),
    ],
)
def test_a_signature_without_reason_or_digits_enters_nothing_and_keeps_what_was_typed(
    store: Any, signoff: Any, reason: str, digits: str | None, why: str
) -> None:
    run = store.complete("small")
    before = store.size()
    test = sign(signoff(run, "Ada"), reason, digits)
    assert why in tools.banners(test)
    assert test.text_input(key="signoff-reason").value == reason
    assert store.size() == before


def test_the_second_reviewer_is_told_what_changed_and_may_go_on(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    signed(store, run, ada="author")
    test = signoff(run, "Cy")
    signed(store, run, bo="reviewer")
    before = store.size()
    test = sign(test, role="approver")
    assert store.size() == before
    assert any(text.startswith("Not entered: this run changed since you looked") for text in tools.banners(test))
    assert f"Bo signed as reviewer (ledger entry {before - 1}, " in texts(test)
    assert test.text_input(key="signoff-reason").value == REASON
    test.button(key="signoff-seen-it").click().run()
    assert not any("changed since you looked" in text for text in tools.banners(test))
    test.button(key="signoff-sign-it").click().run()
    assert store.size() == before + 1
    assert any(text.startswith("Entered: Cy signed as approver") for text in tools.banners(test))


def test_other_runs_disturb_nobody_and_a_new_audit_does(store: Any, signoff: Any) -> None:
    run, other = store.complete("small"), store.complete("other")
    test = signoff(run, "Ada")
    signed(store, other, ada="author", bo="reviewer")
    test.run()
    assert not any("changed since you looked" in text for text in tools.banners(test))
    store.measure_again("small", 0.7, 0.6, 0.75)
    old = statement(test)
    test = sign(test)
    assert f"The evidence of run {run} is {statement(test)[:8]} now, not {old[:8]}." in texts(test)
    assert "The policy trial was pass, and is fail now." in texts(test)
    with store.open() as workspace:
        assert Ledger(workspace).entries(("signoff",), run) == ()


def test_a_failing_run_says_why_and_a_waiver_lets_it_through_without_changing_the_verdict(
    store: Any, signoff: Any
) -> None:
    run = store.complete("small", 0.7, 0.6, 0.75)
    signed(store, run, ada="author")
    test = signoff(run, "Dee")
    assert tools.table(test, "Why they are not met")[0][:2] == ["T-1: Accurate enough", "✗ not met"]
    assert "Not offered to you: the door stays shut. 1 blocking control is open under the policy trial: T-1." in texts(
        test
    )
    test.text_input(key="signoff-waiver").set_value("The clinic needs it this week.")
    test.button(key="signoff-waive-it").click().run()
    assert "Refused: Choose the last day on which the waiver holds." in tools.banners(test)
    until = today() + timedelta(days=3)
    test.date_input(key="signoff-until").set_value(until)
    test.button(key="signoff-waive-it").click().run()
    assert any(text.startswith("Entered: Dee waived T-1: ledger entry ") for text in tools.banners(test))
    assert tools.table(test, "Why they are not met")[0][1] == f"✗ fail (waived until {until.isoformat()})"
    assert any("It would rest on waivers of T-1" in text for text in tools.banners(test))
    test.radio(key="signoff-alias").set_value("staging")
    test.button(key="signoff-promote-it").click().run()
    assert any(text.startswith("Entered: Dee promoted this run to staging") for text in tools.banners(test))
    assert tools.banners(test)[0].startswith("Refused")


def test_an_author_is_offered_no_waiver(store: Any, signoff: Any) -> None:
    run = store.complete("small", 0.7, 0.6, 0.75)
    signed(store, run, cy="author")
    test = signoff(run, "Cy")
    assert "an author never approves it: somebody else must waive a control." in texts(test)
    assert not has(test, "signoff-waive-it")


def test_insufficient_evidence_and_no_person_are_told_apart(store: Any, signoff: Any) -> None:
    unknown, waiting = store.complete("unknown", 0.9, 0.7, 0.95), store.complete("waiting", attested=True)
    test = signoff(unknown)
    assert tools.table(test, "Each policy, decided today")[0][1] == "? Not enough evidence"
    assert tools.table(test, "Why they are not met")[0][3] != "–"
    test = signoff(waiting)
    assert tools.table(test, "Each policy, decided today")[0] == ["Trial", "… Waiting for sign-off", "T-2"]


def test_stale_signatures_are_named(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    signed(store, run, ada="author", bo="reviewer")
    with store.open() as workspace:
        revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Bo"), "it was stolen")
    store.measure_again("small", 0.91, 0.85, 0.95)
    test = signoff(run)
    assert [row[5] for row in tools.table(test, "Signatures about this run")] == ["– does not count"] * 2
    notes = next(block for block in tools.blocks(test, "table") if block["caption"].startswith("Signatures"))["rows"]
    assert notes[1][5]["note"] == "the key was revoked (it was stolen)."
    assert notes[0][5]["note"].startswith("it is of earlier evidence (")
    assert "The author (Ada) has to sign the evidence as it stands." in missing(test)


def test_a_revoked_key_signs_nothing_although_it_was_unlocked(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    test = signoff(run, "Ada")
    with store.open() as workspace:
        revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Ada"), "it was stolen")
    before = store.size()
    test = sign(test)
    assert store.size() == before
    assert any(text.startswith("Refused: Nobody signs here") for text in tools.banners(test))


def test_a_rollback_is_offered_where_the_alias_served_another_model(store: Any, signoff: Any) -> None:
    first, second = store.complete("first"), store.complete("second")
    for run in (first, second):
        signed(store, run, ada="author")
        with store.open() as workspace:
            promote_run(workspace, run, "production", store.signers["Dee"])
    test = signoff(second, "Dee")
    assert not has(test, "signoff-return-staging")
    assert f"A rollback promotes run {first} again, which Dee promoted on" in texts(test)
    test.button(key="signoff-return-production").click().run()
    assert any(text.startswith("Entered: Dee rolled back production") for text in tools.banners(test))
    assert tools.table(test, "What each alias serves")[1][1] == first


def test_runs_that_can_never_be_promoted_say_why(store: Any, signoff: Any) -> None:
    run = store.complete("small")
    child = store.complete("in use", parent=run)
    started = store.complete("started", state="preparing")
    gone = store.complete("gone")
    signed(store, gone, ada="author")
    with store.open() as workspace:
        delete_run(workspace, gone, "the retention period is over")
    test = signoff(child, "Ada")
    assert f"Run {child} is an audit of run {run} in use: it trained nothing and is never promoted" in texts(test)
    assert "it trained nothing and has no author" in texts(test)
    assert not has(test, "signoff-sign-it")
    test = signoff(started, "Ada")
    assert "The run is preparing; only a completed run is promoted." in missing(test)
    assert not has(test, "signoff-sign-it")
    test = signoff(gone, "Dee")
    assert f"The model of run {gone} was deleted on " in texts(test)
    assert not has(test, "signoff-promote-it")


def test_words_of_people_are_shown_as_they_are(store: Any, signoff: Any) -> None:
    run = store.complete("small", 0.7, 0.6, 0.75)
    said = "Because <img src=https://evil.example/a.png> ![x](https://evil.example/b) $x$ :red[y] =1+1"
    with store.open() as workspace:
        sign_run(workspace, run, store.signers["Ada"], "author", said)
        waive_control(workspace, run, store.signers["Dee"], "T-1", said, today())
    test = signoff(run)
    assert [row[4] for row in tools.table(test, "Signatures about this run")] == [said, said]
    for kind in ("markdown", "caption", "header", "title"):
        assert not any("evil.example" in element.value for element in test.get(kind))


def test_a_signature_that_was_changed_since_a_page_was_read_takes_its_verdict_away(
    store: Any, app: Callable[..., AppTest]
) -> None:
    run = store.complete("one", 0.9)
    with store.open() as workspace:
        sign_run(workspace, run, store.signers["Ada"], "author", REASON)
    test = app(store.root, run, "run")
    assert tools.blocks(test, "banner")[0]["word"] == "Passed"
    with sqlite3.connect(store.root / "raitune.db") as database:
        place, text = database.execute("select seq, envelope from ledger order by seq desc limit 1").fetchone()
        envelope = json.loads(text)
        envelope["signatures"][0]["sig"] = "A" * 86 + "=="
        database.execute("update ledger set envelope = ? where seq = ?", (json.dumps(envelope), place))
    test.run()
    assert [block["word"] for block in tools.blocks(test, "banner")] == ["Evidence damaged"]


def test_every_page_says_that_the_stored_verdict_would_not_be_given_today(
    store: Any, app: Callable[..., AppTest]
) -> None:
    from rai_tune.reporting.redecided import worse_now
    from rai_tune.reporting.stored import stored_decisions

    run = store.complete("one", 0.9)
    other = store.complete("two", 0.9)
    assert "No longer so today" not in " ".join(tools.banners(app(store.root, run, "run")))
    store.measure_again("one", 0.1, 0.05, 0.15)
    for page in ("run", "fairness", "signoff", "exports"):
        test = app(store.root, run, page)
        assert "No longer so today" in [block["word"] for block in tools.blocks(test, "banner")], page
        said = [text for block in tools.blocks(test, "bullets") for text in block["texts"]]
        assert "Trial: decided today it is 'Refused', and it is stored as 'Passed'." in said
    verdicts = next(
        row
        for block in tools.blocks(app(store.root, run, "compare", **{"with": other}), "table")
        for row in block["rows"]
        if row[0]["text"] == "Verdict"
    )
    assert [cell.get("note", "") for cell in verdicts] == ["", "would not be given today", ""]
    with store.open() as workspace:
        (stored,) = stored_decisions(workspace, run)
    held, ended = (stored.model_copy(update={"outcome": "fail", "promotable": may}) for may in (True, False))
    assert "no longer counts" in worse_now([held], [ended])[0]
    assert worse_now([ended], [held]) == worse_now([held], [held]) == worse_now([], [ended]) == ()


def test_a_second_click_on_what_was_drawn_before_the_first_leaves_word_and_ledger_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rai_tune.promoting import seen_now
    from rai_tune.review.identity import Identity
    from rai_tune.review.sections import acting

    store = tools.signable(tmp_path)
    run = store.complete("small")
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(store.root))
    monkeypatch.setattr(acting.st, "session_state", {})
    monkeypatch.setattr(acting, "identity", lambda _: Identity("key", store.signers["Ada"]))
    with store.open() as workspace:
        seen = seen_now(workspace, run)
    for _ in range(2):
        acting.act("here", run, seen, "signed", lambda w, who: sign_run(w, run, who, "author", "mine", seen=seen))
        told = acting.st.session_state["signoff-told"]
        assert told.word == "Entered", told
    with store.open() as workspace:
        assert len(Ledger(workspace).entries(("signoff",), run)) == 1

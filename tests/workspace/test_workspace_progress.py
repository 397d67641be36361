"""The progress file: at most once a second, honest about the time left, and never in the way. Which process is which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from rai_tune.workspace.processes import interrupt, mark_of
from rai_tune.workspace.progress import PROGRESS_FILE, ProgressLog, read_progress

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_file_says_stage_count_time_left_and_who(tmp_path: Path) -> None:
    clock, heard = Clock(), []
    log = ProgressLog(tmp_path, lambda *what: heard.append(what), clock)
    log.enter("preparing")
    clock.now += 4
    log.enter("training")
    log("training", 0, 100)
    clock.now += 2
    log("training", 20, 100)
    found = read_progress(tmp_path)
    assert found is not None
    assert found.step is not None
    assert (found.stage, found.step.done, found.step.left_s) == ("training", 20, None)  # two seconds tell nothing yet
    clock.now += 2
    log("training", 40, 100)
    found = read_progress(tmp_path)
    assert found is not None
    assert found.step is not None
    assert found.step.left_s == pytest.approx(60 / (40 / 4))
    assert [(item.name, item.seconds) for item in found.finished] == [("preparing", 4.0)]
    assert found.stage_s == pytest.approx(4.0)
    assert (found.pid, found.mark) == (os.getpid(), mark_of(os.getpid()))
    assert heard == [("training", 0, 100), ("training", 20, 100), ("training", 40, 100)]


def test_a_resumed_count_is_timed_from_where_it_went_on(tmp_path: Path) -> None:
    clock = Clock()
    log = ProgressLog(tmp_path, lambda *_: None, clock)
    log.enter("training")
    log("training", 90, 100)
    clock.now += 10
    log("training", 91, 100)
    found = read_progress(tmp_path)
    assert found is not None
    assert found.step is not None
    assert found.step.left_s == pytest.approx(90.0)


def test_audits_have_no_time_left_but_what_is_counted_in_one_has(tmp_path: Path) -> None:
    clock = Clock()
    log = ProgressLog(tmp_path, lambda *_: None, clock)
    log.enter("auditing")
    log("audit: group_rates", 0, 9)
    clock.now += 10
    log("audit: explanations", 1, 9)
    log("explaining", 0, 10)
    clock.now += 5
    log("explaining", 5, 10)
    found = read_progress(tmp_path)
    assert found is not None
    assert found.step is not None
    assert found.part is not None
    assert (found.step.what, found.step.left_s) == ("audit: explanations", None)
    assert (found.part.what, found.part.left_s) == ("explaining", pytest.approx(5.0))


def test_it_is_written_at_most_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rai_tune.workspace import progress

    clock, written = Clock(), []
    monkeypatch.setattr(progress.json, "dumps", lambda value: written.append(value["step"]) or "{}")
    log = ProgressLog(tmp_path, lambda *_: None, clock)
    log.enter("training")
    for step in range(50):
        clock.now += 0.1
        log("training", step, 50)
    assert 5 <= len(written) <= 7  # one at the beginning, one each second of five


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema": "rai-tune/progress/v1"}',
        '{"schema": "other"}',
        "\x00\xff",
        '{"schema": "rai-tune/progress/v1", "step": 3}',
    ],
)
def test_a_torn_or_foreign_file_is_not_known(tmp_path: Path, text: str) -> None:
    (tmp_path / PROGRESS_FILE).write_text(text, encoding="latin-1")
    assert read_progress(tmp_path) is None


def test_a_missing_file_or_folder_is_not_known_and_never_an_error(tmp_path: Path) -> None:
    assert read_progress(tmp_path / "nowhere") is None
    log = ProgressLog(tmp_path / "nowhere", lambda *_: None)
    log.enter("training")
    log("training", 1, 2)
    assert not (tmp_path / "nowhere").exists()


def test_half_of_the_file_is_never_seen(tmp_path: Path) -> None:
    ProgressLog(tmp_path, lambda *_: None).enter("training")
    assert [path.name for path in tmp_path.iterdir()] == [PROGRESS_FILE]
    assert json.loads((tmp_path / PROGRESS_FILE).read_text())["stage"] == "training"


_SLEEPER = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background of a shell
print('up', flush=True)
time.sleep(60)
"""


def test_a_process_is_only_interrupted_under_its_own_mark() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLEEPER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        try:
            mark = mark_of(child.pid)
            assert mark
            assert mark != mark_of(os.getpid())
            assert not interrupt(child.pid, mark_of(os.getpid()) or "")
            assert not interrupt(child.pid, "")
            assert child.poll() is None
            assert interrupt(child.pid, mark)
            assert child.wait(10) != 0
            assert mark_of(child.pid) is None
            assert not interrupt(child.pid, mark)
        finally:
            child.kill()


def test_a_process_that_ended_and_was_not_asked_for_does_not_run() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    until = time.monotonic() + 10
    while mark_of(child.pid) is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert mark_of(child.pid) is None
    assert child.wait() == 0

"""What a dying process does to the trials beside its own: nothing. The processes are real, and killed for real."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rai_tune.search.trial import Outcome, TrialJob
from rai_tune.search.workers import Workers

_FEWEST_S = 0.5


def carried(job):
    """Trial 0 kills its own process, the others take a while."""
    if job.number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(_FEWEST_S)
    return Outcome("complete", f"run-{job.number:08x}")


def main():
    from rai_tune.search import workers

    workers.run_trial = carried
    with Workers(2) as pool:
        for number in range(3):
            while not pool.free:
                told(pool)
            pool.begin(TrialJob("/nowhere", "s", number, {}))
        while pool.at_work:
            told(pool)


def told(pool):
    for job, outcome in pool.finished(0.2):
        print(job.number, outcome.state, outcome.error, flush=True)


@pytest.mark.slow
def test_a_trial_that_dies_each_time_takes_no_other_along():
    # Started processes import this file by its path.
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")[:-1]) == [
        "0 failed its process was killed 3 times",
        "1 complete ",
        "2 complete ",
    ]


if __name__ == "__main__":
    main()

"""The search itself: one process asks for settings and is told what came of them, and worker processes carry out the trials.

Whatever stops it, nothing is lost and nothing counted twice: the study has a trial before it begins, the trial's run is found again by number and
settings, and an outcome is written before the trial is closed. Stable API: ``search``, ``Progress``, ``make_sampler``.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.search.store import OUTCOME, folder_of, open_study, read_search, write
from rai_tune.search.trial import Outcome, TrialJob
from rai_tune.search.workers import Workers
from rai_tune.workspace.locks import hold

if TYPE_CHECKING:
    from collections.abc import Callable

    import optuna
    from optuna.samplers import BaseSampler

    from rai_tune.search.result import SearchResult
    from rai_tune.search.space import Space
    from rai_tune.search.store import SearchRecord
    from rai_tune.workspace import Workspace

_POLL_S = 0.5
_ALIKE = 5
"""Trials that fail in the same way, with none that did not, before the search gives up."""

_SEEDS_APART = 1_000_003

_UNJUDGED = 1.0
"""What the sampler is told of a control that could not be judged: as much as a share can miss its threshold by."""
_ENDED_EARLY, _FAR = "ended early", 1e3
"""The sampler's own constraint for trials without values, and an amount that no control is missed by."""
_NUMBER = re.compile(r"\d[\d.e+-]*")


@dataclass(frozen=True)
class Progress:
    """How far a search is. ``left_s`` is the expected time to its end in seconds, None when unknown; ``ended`` is the trial that just ended."""

    done: int
    total: int
    left_s: float | None
    result: SearchResult | None
    ended: int | None = None


def search(
    workspace: Workspace,
    record: SearchRecord,
    space: Space,
    *,
    workers: int = 1,
    minutes: float | None = None,
    watch: Callable[[Progress], None] = lambda _progress: None,
) -> SearchResult:
    """Go on with a search until ``record.trials`` trials have ended or ``minutes`` have passed; trials that were begun before come first.

    Raises ``UsageError`` when the first trials all fail in the same way, ``ConflictError`` when another process runs this search.
    """
    with hold(folder_of(workspace, record.id) / ".lock", f"search {record.id}"):
        write(workspace, record)
        study = open_study(workspace, record)
        run = _Running(workspace, record, space, study, watch, time.monotonic() + (minutes or 1e9) * 60)
        with Workers(workers) as pool:
            run.go(pool)
    return read_search(workspace, record.id)


class _Running:
    """One call of ``search``."""

    def __init__(
        self,
        workspace: Workspace,
        record: SearchRecord,
        space: Space,
        study: optuna.Study,
        watch: Callable[[Progress], None],
        until: float,
    ) -> None:
        self.workspace, self.record, self.space = workspace, record, space
        self.study, self.watch, self.until = study, watch, until
        self.began = time.monotonic()
        self.ended_here = 0
        self.trials: dict[int, optuna.Trial] = {}

    def go(self, pool: Workers) -> None:
        """Begin trials while there is room, tell the study what ended, until all have."""
        left = [trial for trial in self.study.get_trials(deepcopy=False) if not trial.state.is_finished()]
        self._report(None)
        while True:
            while pool.free and (left or self._may_ask()):
                # Those that were begun before come first, with the settings that they have.
                self._begin(pool, self._adopt(left.pop(0)) if left else self._ask())
            if not self.trials:
                self._check_alike(all_told=True)
                return
            for job, outcome in pool.finished(_POLL_S):
                self._tell(job, outcome)

    def _may_ask(self) -> bool:
        return len(self.study.get_trials(deepcopy=False)) < self.record.trials and time.monotonic() < self.until

    def _ask(self) -> optuna.Trial:
        self._settle_sampler(len(self.study.get_trials(deepcopy=False)))
        return self.study.ask()

    def _adopt(self, trial: optuna.trial.FrozenTrial) -> optuna.Trial:
        """A trial that an earlier process began. What it was asked for already is answered as before."""
        import optuna

        self._settle_sampler(trial.number)
        return optuna.Trial(self.study, trial._trial_id)

    def _settle_sampler(self, number: int) -> None:
        """A sampler of its own for each trial, so that a search that was stopped asks for the same as one that was not."""
        seed = self.record.seed * _SEEDS_APART + number
        self.study.sampler = make_sampler(self.record.sampler, seed, self.record.trials)

    def _begin(self, pool: Workers, trial: optuna.Trial) -> None:
        settings = self.space.suggest(trial)
        trial.set_user_attr(
            "settings", {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
        )
        self.trials[trial.number] = trial
        told = trial.user_attrs.get(OUTCOME)
        job = TrialJob(str(self.workspace.root), self.record.id, trial.number, settings, self._earlier())
        if told is not None:
            # It ended and was written down; only the study does not know yet.
            self._tell(job, Outcome(**told))
            return
        same = self._twin(trial)
        if same is not None:
            self._tell(job, same)
            return
        pool.begin(job)

    def _twin(self, trial: optuna.Trial) -> Outcome | None:
        """The outcome of an earlier trial with the same settings: training again would give the same bytes."""
        own = trial.user_attrs["settings"]
        deleted = {item.run_id for item in self.workspace.deletions()}
        for other in self.study.get_trials(deepcopy=False):
            told = other.user_attrs.get(OUTCOME)
            if (
                other.number != trial.number
                and told
                and told["state"] == "complete"
                and told["run_id"] not in deleted
                and other.user_attrs["settings"] == own
            ):
                return replace(Outcome(**told), error=f"same settings as trial {other.number}, whose run this is")
        return None

    def _earlier(self) -> tuple[Any, ...]:
        told = [trial.user_attrs.get(OUTCOME) for trial in self.study.get_trials(deepcopy=False)]
        return tuple(each["evaluations"] for each in told if each and each["state"] == "complete")

    def _tell(self, job: TrialJob, outcome: Outcome) -> None:
        """Write down what came of a trial, and close it: in this order, so that a kill between the two loses nothing."""
        from optuna.trial import TrialState

        trial = self.trials.pop(job.number)
        trial.set_user_attr(OUTCOME, outcome.to_json())
        known = trial.constraints if hasattr(trial, "constraints") else {}
        for name, by in outcome.constraints.items():
            if name not in known:
                trial.set_constraint(name, _UNJUDGED if by is None else by)
        bad = outcome.state in {"pruned", "diverged"}
        if bad and self.record.constraints and _ENDED_EARLY not in known:
            # Else the sampler would put it before every trial that misses a control.
            trial.set_constraint(_ENDED_EARLY, _FAR)
        values = [outcome.values.get(name, {}).get("estimate") for name in self.record.objectives]
        if outcome.state == "complete" and None not in values:
            self.study.tell(trial, values)
        else:
            # Optuna forgets what failed; what diverged it has to learn from, as from what was stopped early.
            self.study.tell(trial, state=TrialState.PRUNED if bad else TrialState.FAIL)
        self.ended_here += 1
        self._report(job.number)
        self._check_alike()

    def _report(self, ended: int | None) -> None:
        trials = self.study.get_trials(deepcopy=False)
        done = sum(OUTCOME in trial.user_attrs for trial in trials)
        each = (time.monotonic() - self.began) / self.ended_here if self.ended_here else None
        left = (
            None
            if each is None
            else min(each * max(self.record.trials - done, 0), max(self.until - time.monotonic(), 0.0))
        )
        self.watch(Progress(done, self.record.trials, left, read_search(self.workspace, self.record.id), ended))

    def _check_alike(self, *, all_told: bool = False) -> None:
        told = [
            trial.user_attrs[OUTCOME] for trial in self.study.get_trials(deepcopy=False) if OUTCOME in trial.user_attrs
        ]
        # Each trial was drawn other numbers, which its error may quote.
        errors = {_NUMBER.sub("#", each["error"]) for each in told}
        enough = len(told) >= _ALIKE or (all_told and told)
        if enough and len(errors) == 1 and all(each["state"] == "failed" for each in told):
            count = f"the first {len(told)} trials" if len(told) > 1 else "the first trial"
            raise UsageError(
                f"{count} of search {self.record.id} {'all failed alike' if len(told) > 1 else 'failed'}: {told[0]['error']}"
            )


def make_sampler(name: str, seed: int, trials: int) -> BaseSampler:
    """A sampler by name. Its first trials are random; ``trials`` are those of the whole search."""
    from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

    seed %= 2**32
    if name == "random":
        return RandomSampler(seed=seed)
    if name == "nsga2":
        return NSGAIISampler(population_size=max(4, min(20, trials // 4)), seed=seed)
    return TPESampler(n_startup_trials=max(4, min(10, trials // 3)), seed=seed)

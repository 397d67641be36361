"""The search loses nothing and counts nothing twice; here the trials are a function, and the study, its file and its samplers are real."""

from dataclasses import replace

import pytest
from optuna.samplers._tpe.sampler import _split_trials

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.planning import plan
from rai_tune.recipe import load_recipe
from rai_tune.recipe.search import Choice, Range
from rai_tune.search import driver
from rai_tune.search.pruning import worse_in_both
from rai_tune.search.space import Parameter, Space, written_space
from rai_tune.search.store import (
    OUTCOME,
    begin,
    check_same,
    folder_of,
    inputs_of,
    newest_named,
    open_study,
    read_record,
    read_search,
    search_ids,
)
from rai_tune.search.trial import Outcome
from rai_tune.workspace import Workspace
from rai_tune.workspace.locks import hold

SPACE = Space(
    (
        Parameter("training.learning_rate", "training.learning_rate", Range(low=1e-4, high=1e-2, log=True)),
        Parameter("training.batch_size", "training.batch_size", Choice(choices=(8, 16, 32))),
    )
)
AREA, GAP = "roc_auc", "equalized_odds_difference"


class Stop(Exception):
    """Stands for a kill: nothing after it is done."""


class Pool:
    """Carries out one trial at a time, when asked what has ended."""

    def __init__(self, count):
        self.jobs = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    @property
    def free(self):
        return 1 - len(self.jobs)

    def begin(self, job):
        self.jobs.append(job)

    def finished(self, _timeout):
        job = self.jobs.pop(0)
        return [(job, self.carried(job))]


def outcome(job):
    """Good where the rate is near 1e-3; the gap grows with the batch."""
    rate = job.settings["training.learning_rate"]
    values = {
        AREA: {"estimate": 0.9 - abs(rate - 1e-3), "low": 0.8, "high": 0.95, "n": 50, "status": "ok", "reason": ""},
        GAP: {
            "estimate": job.settings["training.batch_size"] / 100,
            "low": 0.0,
            "high": 0.5,
            "n": 50,
            "status": "ok",
            "reason": "",
        },
    }
    return Outcome("complete", None, values, {"p:c": rate - 5e-3}, 1.0, [[-0.8, 0.1]])


@pytest.fixture
def asked(project, tmp_path):
    loaded = load_recipe(project / "recipe.yaml")
    with Workspace.open(tmp_path / "ws") as workspace:
        yield workspace, loaded, lambda **more: begin(
            workspace, loaded, SPACE,
            **{"objectives": (AREA, GAP), "constraints": (), "sampler": "tpe", "prune": True, "trials": 14, **more},
        )  # fmt: skip


@pytest.fixture
def pool(monkeypatch):
    """A pool whose trials are ``outcome``, or what a test puts in its place."""

    def put(function=outcome):
        seen = []

        class Counted(Pool):
            def carried(self, job):
                seen.append(job)
                return function(job)

        monkeypatch.setattr(driver, "Workers", Counted)
        return seen

    return put


def tried(workspace, record):
    return [(trial.number, trial.state, trial.settings) for trial in read_search(workspace, record.id).trials]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_search_that_was_stopped_anywhere_asks_for_the_same_as_one_that_was_not(asked, pool, sampler):
    workspace, _, new = asked
    whole, cut = new(sampler=sampler), new(sampler=sampler)
    pool()
    driver.search(workspace, whole, SPACE)

    def stopping(job):
        if len(calls) in {3, 7, 8, 12}:
            raise Stop
        return outcome(job)

    calls = pool(stopping)
    for _ in range(4):
        with pytest.raises(Stop):
            driver.search(workspace, cut, SPACE)
    driver.search(workspace, cut, SPACE)
    assert tried(workspace, cut) == tried(workspace, whole)
    assert len(tried(workspace, cut)) == 14
    numbers = [job.number for job in calls]
    # A trial is carried out again only where it was stopped; settings that were tried before are not carried out at all.
    assert len(numbers) - len(set(numbers)) == 4
    same = [trial for trial in read_search(workspace, cut.id).trials if "same settings" in trial.error]
    assert len(set(numbers)) == 14 - len(same)


def test_a_trial_that_was_asked_for_and_no_more_gets_the_settings_that_it_would_have_had(asked, pool):
    workspace, _, new = asked
    whole, cut = new(trials=1), new(trials=1)
    pool()
    driver.search(workspace, whole, SPACE)
    open_study(workspace, cut).ask()
    driver.search(workspace, cut, SPACE)
    assert tried(workspace, cut) == tried(workspace, whole)


def test_an_outcome_that_was_written_and_not_told_is_told_and_not_carried_out_again(asked, pool):
    workspace, _, new = asked
    record = new(trials=3)
    calls = pool()
    study = open_study(workspace, record)
    trial = study.ask()
    settings = SPACE.suggest(trial)
    trial.set_user_attr("settings", settings)
    made = outcome(type("Job", (), {"settings": settings}))
    trial.set_user_attr(OUTCOME, made.to_json())
    result = driver.search(workspace, record, SPACE)
    assert [job.number for job in calls] == [1, 2]
    assert [item.state for item in result.trials] == ["complete"] * 3
    assert result.trials[0].values[AREA].estimate == made.values[AREA]["estimate"]


def test_what_went_wrong_is_recorded_and_the_search_goes_on(asked, pool):
    workspace, _, new = asked
    record = new(trials=6)

    def mixed(job):
        kinds = {
            1: Outcome("diverged", "r", error="training diverged: the loss became nan at step 3"),
            2: Outcome(
                "failed", error="mitigation group_dro compares groups of race, and the train rows hold only 'black'"
            ),
            3: Outcome("pruned", "r", error="stopped at evaluation 1"),
        }
        undefined = {
            AREA: outcome(job).values[AREA],
            GAP: {"estimate": None, "low": None, "high": None, "n": 0, "status": "not_estimable", "reason": "no rows"},
        }
        return kinds.get(job.number) or (replace(outcome(job), values=undefined) if job.number == 4 else outcome(job))

    pool(mixed)
    result = driver.search(workspace, record, SPACE)
    assert [trial.state for trial in result.trials] == [
        "complete",
        "diverged",
        "failed",
        "pruned",
        "complete",
        "complete",
    ]
    assert "nan at step 3" in result.trials[1].error
    assert [trial.measured for trial in result.trials] == [True, False, False, False, False, True]
    assert result.trials[4].values[GAP].reason == "no rows"
    assert open_study(workspace, record).get_trials()[0].constraints


def test_a_trial_that_ended_early_is_never_among_the_good_ones(asked, pool):
    """Where all trials miss a control, one without values would stand before them: it has no amount by which it misses."""
    workspace, _, new = asked
    record = new(trials=8, constraints=("p:c",))
    ends = {2: "diverged", 5: "pruned"}

    def missing(job):
        state = ends.get(job.number, "complete")
        return replace(outcome(job), state=state, constraints={"p:c": 0.1}) if state == "complete" else Outcome(state)

    pool(missing)
    result = driver.search(workspace, record, SPACE)
    trials = open_study(workspace, record).get_trials()
    below, _ = _split_trials(open_study(workspace, record), trials, 4)
    assert not {trial.number for trial in below} & set(ends)
    assert [result.trials[number].constraints for number in ends] == [{}, {}]


def test_what_could_not_be_judged_is_told_to_the_sampler_as_missed(asked, pool):
    workspace, _, new = asked
    record = new(trials=2, constraints=("p:c",))
    pool(lambda job: replace(outcome(job), constraints={"p:c": None}))
    result = driver.search(workspace, record, SPACE)
    assert [trial.feasible for trial in result.trials] == [False, False]
    assert [trial.constraints["p:c"] for trial in open_study(workspace, record).get_trials()] == [1.0, 1.0]


def test_who_is_refused_changes_nothing_of_a_search_that_runs(asked, pool):
    workspace, _, new = asked
    record = new()
    with hold(folder_of(workspace, record.id) / ".lock", "a search"), pytest.raises(ConflictError):
        driver.search(workspace, replace(record, trials=3), SPACE)
    assert read_record(workspace, record.id) == record


def test_trials_that_all_fail_alike_end_the_search_with_their_sentence(asked, pool):
    workspace, _, new = asked
    record = new()
    calls = pool(lambda job: Outcome("failed", error=f"no room for {0.5 + job.number} bytes"))
    with pytest.raises(UsageError, match=r"first 5 trials .* all failed alike: no room for 0.5 bytes"):
        driver.search(workspace, record, SPACE)
    assert len(calls) == 5


def test_settings_that_were_tried_are_not_trained_again(asked, pool):
    workspace, loaded, _ = asked
    space = written_space(loaded, {"training.epochs": Choice(choices=(1, 2))})
    record = begin(
        workspace, loaded, space, objectives=("cpu_seconds",), constraints=(), sampler="random", prune=False, trials=8
    )
    calls = pool(lambda job: Outcome("complete", f"run-{job.number:08x}", {"cpu_seconds": {"estimate": 1.0}}))
    result = driver.search(workspace, record, space)
    assert len(calls) == 2
    assert len(result.trials) == 8
    assert {trial.run_id for trial in result.trials} == {f"run-{job.number:08x}" for job in calls}
    assert sum("same settings as trial" in trial.error for trial in result.trials) == 6


def test_more_trials_are_asked_for_later_and_minutes_end_it(asked, pool):
    workspace, _, new = asked
    record = new(trials=4)
    pool()
    driver.search(workspace, record, SPACE)
    result = driver.search(workspace, replace(record, trials=6), SPACE)
    assert (len(result.trials), result.asked_trials) == (6, 6)
    ended = driver.search(workspace, replace(record, trials=60), SPACE, minutes=1e-9)
    assert len(ended.trials) == 6


def test_progress_says_what_is_left_and_what_ended(asked, pool):
    workspace, _, new = asked
    seen = []
    pool()
    driver.search(workspace, new(trials=3), SPACE, watch=seen.append)
    assert [(each.done, each.total, each.ended) for each in seen] == [(0, 3, None), (1, 3, 0), (2, 3, 1), (3, 3, 2)]
    assert seen[0].left_s is None
    assert seen[-1].left_s == 0.0


def test_a_storage_from_another_recipe_is_refused_by_what_differs(asked, project):
    _, loaded, new = asked
    planned = plan(loaded)
    record = new(inputs=inputs_of(planned))
    check_same(record, planned, SPACE, (AREA, GAP))
    other = plan(load_recipe(project / "recipe.yaml", ["training.epochs=9", "model.adapter.rank=2"]))
    with pytest.raises(UsageError, match=r"model\.adapter\.rank, training\.epochs"):
        check_same(record, other, SPACE, (AREA, GAP))
    with pytest.raises(UsageError, match=r"objectives \(then roc_auc, equalized_odds_difference\)"):
        check_same(record, planned, SPACE, (AREA,))
    with pytest.raises(UsageError, match="the search space"):
        check_same(record, planned, Space(SPACE.parameters[:1]), (AREA, GAP))
    longer = plan(load_recipe(project / "recipe.yaml", ["search.trials=99"]))
    with pytest.raises(UsageError, match="search"):
        check_same(record, longer, Space(SPACE.parameters[:1]), (AREA, GAP))
    then = {**record.inputs, "its base model": "0" * 64, "policy gone": "0" * 64}
    with pytest.raises(UsageError, match="other settings: its base model, policy gone;"):
        check_same(replace(record, inputs=then), planned, SPACE, (AREA, GAP))


def test_a_record_that_was_edited_is_not_searched_on(asked):
    workspace, _, new = asked
    record = new()
    path = folder_of(workspace, record.id) / "search.json"
    path.write_text(path.read_text().replace('"rank":4', '"rank":2'))
    with pytest.raises(IntegrityError, match="its stored recipe is not the one that was recorded"):
        read_record(workspace, record.id).loaded()
    for broken in ("{", "[]", "{}", '{"schema":"x"}'):
        path.write_text(broken)
        with pytest.raises(IntegrityError, match=r"search\.json is not the record of a search"):
            read_record(workspace, record.id)
    other = new()
    assert search_ids(workspace) == (other.id, record.id)
    path.write_bytes((folder_of(workspace, other.id) / "search.json").read_bytes())
    with pytest.raises(IntegrityError, match="is the record of another search"):
        read_record(workspace, record.id)


def test_searches_are_listed_newest_first_and_unknown_ones_named(asked):
    workspace, loaded, new = asked
    first, second = new(), new()
    assert search_ids(workspace) == (second.id, first.id)
    assert newest_named(workspace, "small") == second
    assert newest_named(workspace, "large") is None
    assert first.loaded().digest == loaded.digest
    with pytest.raises(UsageError, match="there is no search 'small-search-00000000'"):
        read_search(workspace, "small-search-00000000")
    with pytest.raises(UsageError, match="no recipe file and no id of a search"):
        read_search(workspace, "../../etc/passwd")


def test_stopped_early_only_where_both_are_worse_than_the_median():
    earlier = [((-0.8, 0.2),), ((-0.7, 0.3),), ((-0.6, 0.1),), ((-0.75, 0.25),), ((-0.65, 0.15),)]
    # Medians: quality 0.70, gap 0.20.
    assert worse_in_both((-0.69, 0.21), 0, earlier)
    assert not worse_in_both((-0.71, 0.21), 0, earlier)
    assert not worse_in_both((-0.69, 0.19), 0, earlier)
    assert not worse_in_both((-0.69, 0.21), 0, earlier[:4])
    assert not worse_in_both((-0.1, 0.9), 1, earlier)

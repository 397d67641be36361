"""Searches as a workspace keeps them: what was asked (``search.json``) and the trials (an Optuna study), in one folder for each search.

The study is a file of its own and not in the workspace's database: Optuna versions its tables by the same Alembic table as the workspace does.
Only the process that runs a search writes to it; everybody may read. Stable API: ``SearchRecord``, ``begin``, ``read_record``, ``search_ids``,
``newest_named``, ``open_study``, ``read_search``, ``inputs_of``, ``changed_inputs``, ``check_current``,
``check_same``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import IntegrityError, UsageError, canonical_json, check_run_id, did_you_mean, new_run_id
from rai_tune.recipe import LoadedRecipe, parse_recipe
from rai_tune.search.objectives import load_objective
from rai_tune.search.result import SearchResult, TrialResult, Value
from rai_tune.workspace.atomic import atomic_write
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import optuna

    from rai_tune.planning import Plan
    from rai_tune.search.space import Space
    from rai_tune.workspace import Workspace

SCHEMA = "rai-tune/search-record/v1"
RECORD_FILE, STUDY_FILE = "search.json", "study.db"
_DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {"maximise": "maximize", "minimise": "minimize"}
OUTCOME = "outcome"
"""User attribute of a trial in the study: what came of it, as JSON."""


@dataclass(frozen=True)
class SearchRecord:
    """What a search was asked for. ``space`` is its JSON, ``threads`` the CPU threads of every trial, ``author`` the id of the author's key."""

    id: str
    name: str
    recipe: dict[str, Any]
    recipe_digest: str
    base_dir: str
    objectives: tuple[str, ...]
    space: dict[str, Any]
    constraints: tuple[str, ...]
    sampler: str
    prune: bool
    seed: int
    threads: int
    trials: int
    created_at: str
    author: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    """Digests of what every trial learns from and is judged by: ``its data``, ``its base model``, ``policy NAME``."""
    earlier: bool = False
    """Begun by a version that recorded less: it can be looked at, and neither gone on with nor chosen from."""

    def loaded(self) -> LoadedRecipe:
        """The recipe as it was, from the folder that it was read in. Raises ``IntegrityError`` when it is not the one that was recorded."""
        from pathlib import Path

        loaded = parse_recipe(self.recipe, f"the recipe of search {self.id}", Path(self.base_dir))
        if loaded.digest != self.recipe_digest:
            raise IntegrityError(f"search {self.id}: its stored recipe is not the one that was recorded")
        return loaded


def begin(
    workspace: Workspace,
    loaded: LoadedRecipe,
    space: Space,
    *,
    objectives: Sequence[str],
    constraints: Sequence[str],
    sampler: str,
    prune: bool,
    trials: int,
    author: str | None = None,
    inputs: Mapping[str, str] | None = None,
) -> SearchRecord:
    """Record a new search before its first trial."""
    moment = now()
    record = SearchRecord(
        id=new_run_id(f"{loaded.recipe.name}-search", loaded.digest, moment),
        name=loaded.recipe.name,
        recipe=loaded.recipe.model_dump(mode="json"),
        recipe_digest=loaded.digest,
        base_dir=str(loaded.base_dir),
        objectives=tuple(objectives),
        space=space.to_json(),
        constraints=tuple(constraints),
        sampler=sampler,
        prune=prune,
        seed=loaded.recipe.seed,
        # One thread unless the recipe says otherwise: results then do not hang on how many trials share the machine.
        threads=loaded.recipe.training.threads or 1,
        trials=trials,
        created_at=moment,
        author=author,
        inputs=dict(inputs or {}),
    )
    write(workspace, record)
    return record


def write(workspace: Workspace, record: SearchRecord) -> None:
    """Keep what is asked of a search."""
    folder = folder_of(workspace, record.id)
    folder.mkdir(parents=True, exist_ok=True)
    body = {name: value for name, value in asdict(record).items() if name != "earlier"}
    atomic_write(folder / RECORD_FILE, canonical_json({"schema": SCHEMA, **body}))


def folder_of(workspace: Workspace, search_id: str) -> Path:
    """Where a search lies. Raises ``UsageError`` for what could not be the id of one."""
    try:
        return workspace.root / "searches" / check_run_id(search_id)
    except UsageError as error:
        raise UsageError(
            f"{search_id!r} is no recipe file and no id of a search; 'raitune tune' lists the searches of this workspace"
        ) from error


def search_ids(workspace: Workspace) -> tuple[str, ...]:
    """Ids of all searches, newest first."""
    home = workspace.root / "searches"
    found = [path.parent for path in home.glob(f"*/{RECORD_FILE}")] if home.is_dir() else []
    return tuple(name for _, name in sorted(((_moment(path), path.name) for path in found), reverse=True))


def _moment(folder: Path) -> str:
    """When a search began; one that cannot be read is listed last, and says so when it is looked at."""
    try:
        return _read(folder).created_at
    except IntegrityError:
        return ""


def newest_named(workspace: Workspace, name: str) -> SearchRecord | None:
    """The newest search of a recipe of this name, of those that can be read."""
    for search_id in search_ids(workspace):
        try:
            record = read_record(workspace, search_id)
        except IntegrityError:
            continue
        if record.name == name:
            return record
    return None


def read_record(workspace: Workspace, search_id: str) -> SearchRecord:
    """What was asked of a search. Raises ``UsageError`` for an unknown id, naming near ones."""
    folder = folder_of(workspace, search_id)
    if not (folder / RECORD_FILE).is_file():
        raise UsageError(f"there is no search {search_id!r} here.{did_you_mean(search_id, search_ids(workspace))}")
    return _read(folder)


def _read(folder: Path) -> SearchRecord:
    path = folder / RECORD_FILE
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if body.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        # What its trials could not be judged by was left out in those days, and read as met.
        body["earlier"] = "data_digest" in body
        body.pop("data_digest", None)
        if set(body) - {item.name for item in fields(SearchRecord)}:
            raise IntegrityError(f"{path} was written by another version of rai-tune")
        lists = ("objectives", "constraints")
        record = SearchRecord(**{**body, **{name: tuple(body[name]) for name in lists}})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"{path} is not the record of a search ({error})") from error
    if record.id != folder.name:
        raise IntegrityError(f"{path} is the record of another search")
    return record


def inputs_of(planned: Plan) -> dict[str, str]:
    """Digests of what trials learn from and are judged by, beside the recipe."""
    return {
        "its data": planned.data.data_digest,
        "its base model": planned.base.digest,
        **{f"policy {pack.policy.id}": pack.digest for pack in planned.policies},
    }


def changed_inputs(record: SearchRecord, planned: Plan) -> list[str]:
    """What is not as it was when the search began."""
    now_there = inputs_of(planned)
    return [name for name, digest in record.inputs.items() if now_there.get(name) != digest]


def check_current(record: SearchRecord) -> None:
    """Refuse (``UsageError``) to go on with, or to choose from, a search of a version that recorded less than is checked now."""
    if record.earlier:
        raise UsageError(
            f"search {record.id} was begun by an earlier version, which did not record all that its trials were judged by; begin a new search"
        )


def check_same(record: SearchRecord, planned: Plan, space: Space, objectives: Sequence[str]) -> None:
    """Refuse to go on with a search that was begun with something else. Raises ``UsageError`` naming what differs."""
    check_current(record)
    loaded = planned.loaded
    differ: list[str] = []
    if tuple(objectives) != record.objectives:
        differ.append(f"objectives (then {', '.join(record.objectives)})")
    if space.to_json() != record.space:
        differ.append("the search space")
    differ += changed_inputs(record, planned)
    if loaded.digest != record.recipe_digest:
        fields = _fields(record.recipe, loaded.recipe.model_dump(mode="json"))
        differ += [name for name in fields if name not in _MAY_DIFFER]
    if differ:
        raise UsageError(
            f"search {record.id} was begun with other settings: {', '.join(dict.fromkeys(differ))}; leave out --resume to begin a new search"
        )


_MAY_DIFFER = frozenset({"search.trials", "search.minutes"})
"""How long is searched is asked anew with each call."""


def _fields(before: Any, after: Any, path: str = "") -> list[str]:
    """Dotted names of what differs between two recipes."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *(name for name in after if name not in before)]
        return [
            found
            for name in names
            for found in _fields(before.get(name), after.get(name), f"{path}.{name}".lstrip("."))
        ]
    return [] if before == after else [path]


def open_study(workspace: Workspace, record: SearchRecord) -> optuna.Study:
    """The trials of a search, made when there are none yet."""
    import optuna

    directions = [_DIRECTIONS[load_objective(name).direction] for name in record.objectives]
    return optuna.create_study(
        storage=_storage(workspace, record), study_name=record.id, directions=directions, load_if_exists=True
    )


def _storage(workspace: Workspace, record: SearchRecord) -> optuna.storages.RDBStorage:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder_of(workspace, record.id) / STUDY_FILE
    return optuna.storages.RDBStorage(f"sqlite:///{path.as_posix()}", engine_kwargs={"connect_args": {"timeout": 60}})


def read_search(workspace: Workspace, search_id: str) -> SearchResult:
    """A search as it stands. Raises ``UsageError`` for an unknown id."""
    record = read_record(workspace, search_id)
    begun = (folder_of(workspace, search_id) / STUDY_FILE).is_file()
    told = _trials(workspace, record) if begun else []
    gone = {item.run_id: item.sentence for item in workspace.deletions()}
    trials = [
        replace(trial, deleted=True, error=f"its texts and model were {gone[trial.run_id]}")
        if trial.run_id in gone
        else trial
        for trial in told
    ]
    runs = {trial.run_id for trial in trials if trial.run_id}
    return SearchResult(
        id=record.id,
        name=record.name,
        recipe_digest=record.recipe_digest,
        sampler=record.sampler,
        seed=record.seed,
        asked_trials=record.trials,
        directions={name: load_objective(name).direction for name in record.objectives},
        space=record.space,
        constraints=record.constraints,
        trials=tuple(trials),
        chosen=_chosen(workspace, runs),
    )


def _trials(workspace: Workspace, record: SearchRecord) -> list[TrialResult]:
    """The trials of a study that is there; reading it writes nothing."""
    import optuna
    from sqlalchemy.exc import DatabaseError

    try:
        study = optuna.load_study(study_name=record.id, storage=_storage(workspace, record))
        return [trial_result(trial) for trial in study.get_trials(deepcopy=False)]
    except (DatabaseError, optuna.exceptions.StorageInternalError, KeyError, TypeError) as error:
        path = folder_of(workspace, record.id) / STUDY_FILE
        raise IntegrityError(
            f"{path} does not hold the trials of search {record.id} ({type(error).__name__})"
        ) from error


def trial_result(trial: optuna.trial.FrozenTrial) -> TrialResult:
    """A trial of the study as a value. One that nothing came of yet is at work or waits."""
    told = trial.user_attrs.get(OUTCOME)
    settings = trial.user_attrs.get("settings", {})
    if told is None and trial.state.is_finished():
        return TrialResult(trial.number, "failed", None, settings, error="the study does not say what came of it")
    if told is None:
        state = "waiting" if trial.state.name == "WAITING" else "running"
        return TrialResult(trial.number, state, None, settings)  # type: ignore[arg-type]  # both are states
    return TrialResult(
        number=trial.number,
        state=told["state"],
        run_id=told["run_id"],
        settings=settings,
        values={name: Value(**value) for name, value in told["values"].items()},
        constraints=told["constraints"],
        cpu_s=told["cpu_s"],
        error=told["error"],
    )


def _chosen(workspace: Workspace, runs: set[str]) -> tuple[str, ...]:
    """Runs of the search that were chosen, in the order of their ids."""
    if not runs:
        return ()
    return tuple(sorted(run for run in workspace.artifacts_by_run({"selection"}) if run in runs))

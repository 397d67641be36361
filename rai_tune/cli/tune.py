"""``raitune tune``: search settings of a recipe, look at a search, and choose a trial from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rai_tune.planning import Plan
    from rai_tune.recipe import LoadedRecipe
    from rai_tune.search.choice import Chosen
    from rai_tune.search.driver import Progress
    from rai_tune.search.result import SearchResult
    from rai_tune.search.space import Space
    from rai_tune.search.store import SearchRecord
    from rai_tune.workspace import Workspace

_NEWEST = "newest"


def tune(
    target: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE|SEARCH", help="Recipe file to search, or the id of a search to look at."),
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Trials in all, earlier ones included.")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Begin no trial after so many minutes.")] = None,
    objectives: Annotated[
        str | None, typer.Option("--objectives", help="What to look for, with commas: auc,equalized_odds_difference.")
    ] = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="tpe, nsga2 or random.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="Trials at a time, each a process.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the newest search of this recipe.")] = False,
    choose: Annotated[
        str | None,
        typer.Option(
            "--choose",
            metavar="RULE",
            help="Pick a trial and carry it to a verdict: 'auc within 0.5 of best, smallest gap'.",
        ),
    ] = None,
    zero_config: Annotated[
        bool,
        typer.Option("--zero-config", help="The target is a table: propose recipe, objectives and space, and search."),
    ] = False,
    label: Annotated[str | None, typer.Option("--label", help="With --zero-config: the column to learn.")] = None,
    favourable: Annotated[
        str | None, typer.Option("--favourable", help="With --zero-config: the outcome that a person wants.")
    ] = None,
    list_objectives: Annotated[bool, typer.Option("--list-objectives", help="Name all objectives and stop.")] = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Search settings on validation rows. The test rows are opened once, by the trial that --choose picks; it is then gated as any run."""
    from rai_tune.core import UsageError

    if list_objectives:
        _list_objectives(as_json=as_json)
        return
    searching = [trials, minutes, objectives, sampler, overrides] != [None] * 5 or resume or zero_config or workers != 1
    if target is None and (searching or choose is not None):
        raise UsageError("name the recipe to search or the id of a search first: raitune tune RECIPE|SEARCH")
    if target is None:
        _list_searches(workspace, as_json=as_json)
        return
    is_file = Path(target).exists()
    if choose is not None and (is_file or searching):
        raise UsageError("--choose goes with the id of a search alone: raitune tune SEARCH --choose RULE")
    if choose is not None:
        raise typer.Exit(_choose(target, choose, workspace, as_json=as_json))
    if not is_file and not searching:
        _show(target, workspace, as_json=as_json)
        return
    asked = _Asked(trials, minutes, objectives, sampler, workers)
    if resume and not is_file and not zero_config:
        _go_on(target, asked, overrides, workspace, as_json=as_json)
        return
    loaded, space = (
        _zero_config(Path(target), label, favourable, overrides or [], trials)
        if zero_config
        else _recipe(target, overrides or [], is_file=is_file)
    )
    _search(loaded, space, asked, workspace, resume=resume, as_json=as_json)


def _go_on(target: str, asked: _Asked, overrides: list[str] | None, path: Path | None, *, as_json: bool) -> None:
    """Go on with a search by its id: recipe and objectives are its own."""
    from rai_tune.core import UsageError
    from rai_tune.search.store import read_record
    from rai_tune.workspace import Workspace

    if overrides or asked.objectives or asked.sampler:
        raise UsageError(
            "--set, --objectives and --sampler cannot change a search that already began; leave out --resume"
        )
    with Workspace.open(path, create=False) as store:
        asked.record = read_record(store, target)
    asked.objectives = list(asked.record.objectives)
    _search(asked.record.loaded(), None, asked, path, resume=True, as_json=as_json)


class _Asked:
    """What the command line said of the search, beside the recipe."""

    record: SearchRecord | None = None
    """The search to go on with, where it is named."""

    def __init__(
        self, trials: int | None, minutes: float | None, objectives: str | None, sampler: str | None, workers: int
    ) -> None:
        from rai_tune.core import UsageError, did_you_mean

        samplers = ("tpe", "nsga2", "random")
        if sampler is not None and sampler not in samplers:
            raise UsageError(f"--sampler: unknown sampler {sampler!r}.{did_you_mean(sampler, samplers)}")
        if minutes is not None and not 0 < minutes < 1e6:
            raise UsageError("--minutes: a number above 0")
        names = None if objectives is None else [name.strip() for name in objectives.split(",") if name.strip()]
        if names is not None and not 1 <= len(names) <= 3:
            raise UsageError("--objectives: one to three names, with commas between them")
        self.trials, self.minutes, self.objectives, self.sampler, self.workers = (
            trials,
            minutes,
            names,
            sampler,
            workers,
        )


def _recipe(target: str, overrides: list[str], *, is_file: bool) -> tuple[LoadedRecipe, None]:
    from rai_tune.core import UsageError
    from rai_tune.recipe import load_recipe

    if not is_file:
        raise UsageError(
            f"{target}: there is no such recipe file; 'raitune init data.csv' proposes one, --zero-config searches from a table"
        )
    if Path(target).suffix.lower() in {".csv", ".parquet", ".pq", ".jsonl", ".ndjson"}:
        raise UsageError(f"{target} is a table, not a recipe; add --zero-config to search from it")
    return load_recipe(Path(target), overrides), None


def _zero_config(
    table: Path, label: str | None, favourable: str | None, overrides: list[str], trials: int | None
) -> tuple[LoadedRecipe, Space]:
    """Propose everything, and leave it beside the table as a recipe, so that a person can read what was decided."""
    from rai_tune.core import UsageError
    from rai_tune.recipe import load_recipe
    from rai_tune.search.zero_config import zero_config
    from rai_tune.workspace import atomic_write

    if not table.is_file():
        raise UsageError(f"{table}: there is no such table")
    answers = {
        name: value for name, value in (("data.label", label), ("data.favourable", favourable)) if value is not None
    }
    target = table.with_suffix(".tune.yaml")
    made = zero_config(table, answers, target.absolute().parent, overrides, trials)
    if target.exists() and target.read_text(encoding="utf-8") != made.text:
        raise UsageError(
            f"{target} exists and says something else; search it with 'raitune tune {target}', or move it away"
        )
    atomic_write(target, made.text.encode())
    typer.echo(f"wrote {target}: what was decided for {table}, and why", err=True)
    return load_recipe(target), made.space


def _search(
    loaded: LoadedRecipe, space: Space | None, asked: _Asked, path: Path | None, *, resume: bool, as_json: bool
) -> None:
    from rai_tune.planning import plan
    from rai_tune.search.driver import search
    from rai_tune.search.space import space_of
    from rai_tune.workspace import Workspace

    planned = plan(loaded)
    found = space or space_of(loaded, planned)
    names = _objectives(loaded, planned, asked)
    store = Workspace.open(path)
    record = _record(store, loaded, planned, found, names, asked, resume=resume)
    minutes = asked.minutes or (loaded.recipe.search.minutes if loaded.recipe.search else None)
    try:
        with _progress(record.id) as watch:
            result = search(store, record, found, workers=asked.workers, minutes=minutes, watch=watch)
    except KeyboardInterrupt:
        typer.echo(f"interrupted; 'raitune tune {record.id} --resume' goes on with this search", err=True)
        raise
    _print(result, as_json=as_json)
    if not as_json and any(trial.measured for trial in result.trials):
        typer.echo(f'choose with: raitune tune {result.id} --choose "auc within 0.5 of best, smallest gap"', err=True)


def _objectives(loaded: LoadedRecipe, planned: Plan, asked: _Asked) -> tuple[str, ...]:
    from rai_tune.core import UsageError
    from rai_tune.recipe.search import SearchSpec
    from rai_tune.search.measurable import unmeasurable
    from rai_tune.search.objectives import load_objectives
    from rai_tune.search.trial import task_of

    names = asked.objectives or list((loaded.recipe.search or SearchSpec()).objectives)
    found = load_objectives(names, task_of(planned))
    for name, reason in unmeasurable(found, planned).items():
        raise UsageError(
            f"objective {name} cannot be measured on the validation rows, whatever a model decides: {reason}. "
            "Name others: --objectives, or search.objectives in the recipe"
        )
    return tuple(item.name for item in found)


def _record(
    store: Workspace,
    loaded: LoadedRecipe,
    planned: Plan,
    space: Space,
    names: tuple[str, ...],
    asked: _Asked,
    *,
    resume: bool,
) -> SearchRecord:
    """The search to go on with, or a new one."""
    from dataclasses import replace

    from rai_tune.core import UsageError
    from rai_tune.promotion.identity import named_key_id
    from rai_tune.recipe.search import SearchSpec
    from rai_tune.search.store import begin, check_same, inputs_of, newest_named, read_search

    spec = loaded.recipe.search or SearchSpec()
    if not resume:
        return begin(
            store,
            loaded,
            space,
            objectives=names,
            constraints=_steering(planned),
            sampler=asked.sampler or spec.sampler,
            prune=spec.prune,
            trials=asked.trials or spec.trials,
            author=named_key_id(),
            inputs=inputs_of(planned),
        )
    record = asked.record or newest_named(store, loaded.recipe.name)
    if record is None:
        raise UsageError(
            f"--resume: there is no search of a recipe named {loaded.recipe.name!r} here; leave it out to begin one"
        )
    check_same(record, planned, space, names)
    begun = len(read_search(store, record.id).trials)
    if asked.trials is not None and asked.trials < begun:
        raise UsageError(f"--trials counts all trials of the search, and {begun} were begun; name at least that many")
    return record if asked.trials is None else replace(record, trials=asked.trials)


def _steering(planned: Plan) -> tuple[str, ...]:
    """Controls that steer the search; those that the validation rows cannot judge are named to whoever searches."""
    from rai_tune.search.constraints import constraints_of, judged_by
    from rai_tune.search.measurable import made_up

    found = constraints_of(planned)
    judged = judged_by(planned, made_up(planned)) if found else ()
    for item in found:
        if item.name not in judged:
            typer.echo(f"note: {item.name} steers nothing, since the validation rows cannot judge it", err=True)
    return judged


def _choose(search_id: str, rule: str, path: Path | None, *, as_json: bool) -> int:
    """Pick, open the test rows, audit and decide; the exit code is that of the verdict."""
    from rai_tune.cli.console import progress
    from rai_tune.cli.run import show_run
    from rai_tune.gate.decision import EXIT_CODES
    from rai_tune.search.choice import choose
    from rai_tune.workspace import Workspace

    store = Workspace.open(path, create=False)
    with progress() as show:
        chosen = choose(store, search_id, rule, show)
    for line in _why(search_id, chosen):
        typer.echo(line, err=True)
    show_run(store, chosen.outcome.run_id, as_json=as_json)
    return EXIT_CODES[chosen.outcome.outcome]


def _why(search_id: str, chosen: Chosen) -> list[str]:
    """Which trial was chosen and by what, and by how much its validation numbers are expected to flatter, in lines of a terminal."""
    from rai_tune.reporting.search_view import objective_name, signed
    from rai_tune.reporting.text import clean

    lines = [
        f"trial {chosen.trial.number} of search {search_id}",
        f"rule: {clean(chosen.rule)}",
        f"      it keeps {len(chosen.kept)} of {chosen.among} trials that can be chosen",
    ]
    if chosen.flattery:
        lines.append("validation rows are expected to flatter the chosen one by")
        lines += [f"      {signed(value, name)} in {objective_name(name)}" for name, value in chosen.flattery.items()]
    if chosen.unknown_flattery:
        lines.append("by how much in these is not known: cutoffs by group were fitted on the same rows")
        lines += [f"      {objective_name(name)}" for name in chosen.unknown_flattery]
    lines.append(f"run {chosen.outcome.run_id}")
    if chosen.again:
        lines.append("it was chosen before: nothing is opened anew, the verdict is the stored one")
    return lines


def _show(search_id: str, path: Path | None, *, as_json: bool) -> None:
    from rai_tune.search.store import folder_of, read_search
    from rai_tune.workspace import Workspace

    store = Workspace.open(path, create=False)
    folder_of(store, search_id)
    _print(read_search(store, search_id), as_json=as_json)


def _print(result: SearchResult, *, as_json: bool) -> None:
    from rai_tune.cli.console import print_json
    from rai_tune.reporting.search_view import search_view
    from rai_tune.reporting.terminal_search import print_search
    from rai_tune.search.pareto import front

    found = front(result.trials, result.directions)
    if as_json:
        print_json({**result.to_json(), "front": sorted(found)})
    else:
        print_search(search_view(result.to_json(), found))


def _list_searches(path: Path | None, *, as_json: bool) -> None:
    from rai_tune.cli.console import print_json
    from rai_tune.core import IntegrityError
    from rai_tune.reporting.text import clean
    from rai_tune.search.store import read_search, search_ids
    from rai_tune.workspace import Workspace

    store = Workspace.open(path, create=False)
    found, ids = [], search_ids(store)
    for search_id in ids:
        try:
            found.append(read_search(store, search_id))
        except IntegrityError as error:
            typer.echo(f"left out: {error}", err=True)
    if as_json:
        print_json({"schema": "rai-tune/searches/v1", "searches": [each.to_json() for each in found]})
        return
    if not ids:
        typer.echo("no searches here yet; 'raitune tune recipe.yaml' begins one")
    for each in found:
        ended = sum(trial.state not in {"running", "waiting"} for trial in each.trials)
        chosen = f", chosen: {', '.join(each.chosen)}" if each.chosen else ""
        typer.echo(f"{each.id}  {clean(each.name)}: {ended} of {each.asked_trials} trials{chosen}")


def _list_objectives(*, as_json: bool) -> None:
    from rai_tune.cli.console import print_json
    from rai_tune.search.objectives import SHORT, known_objectives

    found = known_objectives()
    if as_json:
        told = [
            {"name": item.name, "direction": item.direction, "unit": item.unit, "sentence": item.sentence}
            for item in found
        ]
        print_json({"schema": "rai-tune/objectives/v1", "objectives": told, "short": SHORT})
        return
    for item in found:
        short = [name for name, full in SHORT.items() if full == item.name]
        typer.echo(f"{item.name + (f' ({short[0]})' if short else ''):<34}{item.direction:<9} {item.sentence}")


def _progress(search_id: str) -> Any:
    """Trials done, time left and the best so far: a bar in a terminal, a line for each trial elsewhere."""
    from contextlib import contextmanager

    from rich.console import Console

    console = Console(stderr=True)

    @contextmanager
    def lines() -> Iterator[Callable[[Progress], None]]:
        typer.echo(f"search {search_id}", err=True)
        yield lambda seen: typer.echo(_line(seen), err=True)

    @contextmanager
    def bar() -> Iterator[Callable[[Progress], None]]:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=console) as bars:
            task = bars.add_task("trials", total=None)

            def show(seen: Progress) -> None:
                bars.update(task, completed=seen.done, total=seen.total, description="trials")
                if seen.ended is not None:
                    bars.console.print(_line(seen), markup=False, highlight=False)

            yield show

    return bar() if console.is_terminal else lines()


def _line(seen: Progress) -> str:
    """What just ended, how much is left, and the best so far, in at most two lines of a terminal."""
    from rai_tune.reporting.search_view import search_view
    from rai_tune.reporting.terminal_search import best_so_far

    left = "" if seen.left_s is None else f", about {_minutes(seen.left_s)} left"
    if seen.result is None or seen.ended is None:
        return f"{seen.done}/{seen.total} trials{left}"
    view = search_view(seen.result.to_json(), ())
    row = next(row for row in view.rows if row.number == seen.ended)
    return f"{seen.done}/{seen.total} trials{left}; trial {row.number} {row.state}; best so far: {best_so_far(view.objectives)}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

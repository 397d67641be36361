"""Step 4 of a new run: everything is checked and a few steps are timed before anything starts. The same as ``raitune run --dry-run``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from rai_tune import pipeline
from rai_tune.core import RaiError
from rai_tune.detached import at_work, new_token, start_detached
from rai_tune.detached.watching import duration
from rai_tune.planning import GroupRows, audits_for, group_rows
from rai_tune.recipe import LoadedRecipe, parse_recipe, recipe_yaml
from rai_tune.recipe.answers import compose, run_name, with_choices
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.review.components import Bullets, Cell, Facts, Heading, Paragraph, Table, literal
from rai_tune.review.identity import identity
from rai_tune.review.navigation import set_parameter
from rai_tune.review.sections.new_columns import RECIPES
from rai_tune.review.sections.new_form import Form, buttons, head, say_problem, tried
from rai_tune.training.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.workspace import Workspace

START = "start"
_KEY = "new-checked"


@dataclass(frozen=True)
class Checked:
    """What a check found about a recipe: what is wrong with it, or rows, groups, time and memory."""

    digest: str
    problem: str = ""
    found: Mapping[str, Any] | None = None
    groups: tuple[GroupRows, ...] = ()
    origin: str = ""


def show_check(workspace: Workspace, form: Form) -> None:
    """Draw the step."""
    head(4, "What would be done, before it is done. Nothing is stored yet but the table itself.")
    try:
        loaded = recipe_of(workspace, form)
    except RaiError as error:
        say_problem("This does not fit together yet", str(error))
        buttons(3, "Start", disabled=True)
        return
    checked = _checked(loaded)
    if checked.found is None:
        say_problem("This cannot start", checked.problem)
    else:
        _say(checked, checked.found)
    _recipe(loaded)
    _neighbours(workspace)
    _say_author(workspace)
    _name_start(form, loaded.digest)
    if buttons(3, "Start the run", disabled=checked.found is None):
        tried("The run was not started", lambda: _start(workspace, loaded, form))


def _name_start(form: Form, digest: str) -> None:
    """One token for this recipe: a second click starts nothing, and other answers are not taken for those that started before."""
    if not form.token or form.token_for != digest:
        form.token, form.token_for = new_token(), digest


def recipe_of(workspace: Workspace, form: Form) -> LoadedRecipe:
    """The recipe of the answers, checked as one read from a file is; it lies, as it were, in the workspace's folder."""
    audits = audits_for(form.policies)
    if form.demo:
        example = RECIPES[form.demo](form.hide_groups)
        wanted = [*example.get("audits", {}).get("include", ()), *audits]
        mapping = with_choices(example, form.choices(tuple(dict.fromkeys(wanted))))
    else:
        assert form.table is not None
        mapping = compose(form.table.sample, form.table.source, form.answers(audits))
    return parse_recipe(mapping, "the new run", workspace.root)


def _checked(loaded: LoadedRecipe) -> Checked:
    """The check of this very recipe, made once in a session."""
    known = st.session_state.get(_KEY)
    if isinstance(known, Checked) and known.digest == loaded.digest:
        return known
    with st.spinner("Reading the rows and timing a few steps of training"):
        made = _check(loaded)
    st.session_state[_KEY] = made
    return made


def _check(loaded: LoadedRecipe) -> Checked:
    try:
        planned = pipeline.plan(loaded)
        found = estimate(planned.recipe, planned.data, planned.base)
    except RaiError as error:
        return Checked(loaded.digest, problem=str(error))
    return Checked(loaded.digest, found=found, groups=group_rows(planned), origin=planned.data.origin)


def _twin(seconds: float) -> tuple[tuple[str, str], ...]:
    about = f"about {duration(seconds)} more, if no run did so on this machine"
    return (("Training without mitigation, to compare", about),) if seconds else ()


def _say(checked: Checked, found: Mapping[str, Any]) -> None:
    needed, free = (found[name] / 2**30 for name in ("memory_bytes", "memory_free_bytes"))
    literal(
        "new-check",
        Heading(3, "Time and memory on this machine"),
        Facts(
            (
                ("Training", f"about {duration(found['training_s'])}, from {found['timed_steps']} timed steps"),
                *_twin(found["twin_s"]),
                ("Audits after it", "not estimated; they take longer with more rows and more policies"),
                ("Memory", f"about {needed:.1f} GiB of {free:.1f} GiB that are free"),
                ("Runs on", f"{found['device']} ({found['precision']})"),
                ("Weights trained", f"{found['trained_parameters']:,} of {found['parameters']:,}"),
            )
        ),
        *((Paragraph("More memory is needed than is free: the run would be slow or stop."),) if needed > free else ()),
        Heading(3, "Rows"),
        Table(
            "Rows in each part",
            {"Part": "", "Rows": "number", "Texts that would be cut": "number", "What for": "wide"},
            tuple(
                (
                    Cell(split),
                    Cell(f"{counts['rows']:,}"),
                    Cell(f"{counts['truncated']:,}"),
                    Cell(_PARTS.get(split, "")),
                )
                for split, counts in found["splits"].items()
            ),
        ),
        Bullets(tuple(sentence(note) for note in found["notes"])),
    )
    _say_groups(checked.groups)


_PARTS = {
    "train": "the model learns from these",
    "validation": "the best pass and the threshold are chosen on these",
    "test": "nothing is chosen on these; everything is measured on them",
}


def _say_groups(groups: tuple[GroupRows, ...]) -> None:
    few = sum(row.few for row in groups)
    if not groups:
        literal(
            "new-check-groups",
            Heading(3, "Groups"),
            Paragraph("No groups are named, so nobody's treatment is compared."),
        )
        return
    literal(
        "new-check-groups",
        Heading(3, "Groups"),
        Paragraph(
            f"{few} of {len(groups)} groups have too few test rows to be compared. Evidence about them stays insufficient, which is never a pass."
            if few
            else "Every group has enough test rows to be compared. How many a policy wants is its own matter; the verdict says it."
        ),
        Table(
            "Rows of each group",
            {"Attribute": "", "Group": "", "Train": "number", "Validation": "number", "Test": "number", "Enough": ""},
            tuple(
                (
                    Cell(named(row.attribute)),
                    Cell(named(row.group)),
                    Cell(f"{row.train:,}"),
                    Cell(f"{row.validation:,}"),
                    Cell(f"{row.test:,}"),
                    Cell("▲ too few" if row.few else "✓ enough", tone="insufficient" if row.few else ""),
                )
                for row in groups
            ),
        ),
    )


def _recipe(loaded: LoadedRecipe) -> None:
    text = recipe_yaml(loaded.recipe.model_dump(mode="json", exclude_defaults=True))
    with st.expander("The recipe"):
        literal(
            "new-recipe-said",
            Paragraph(
                "Everything above as one file. 'raitune run' takes it; save it in the folder of the workspace, because the path of the table in it "
                "begins there.",
                muted=True,
            ),
        )
        st.code(text, language="yaml", height=400)
        st.download_button(
            "Download the recipe",
            text.encode(),
            file_name=f"{run_name(loaded.recipe.name)}.yaml",
            mime="application/yaml",
            on_click="ignore",
            key="new-recipe",
        )


def _neighbours(workspace: Workspace) -> None:
    others = at_work(workspace)
    if others:
        names = ", ".join(run.id for run in others[:5])
        count = "Another run is" if len(others) == 1 else f"{len(others)} other runs are"
        literal(
            "new-neighbours",
            Paragraph(
                f"{count} at work in this workspace ({names}). Nothing waits in a queue: they share the machine, and each takes longer."
            ),
        )


def _start(workspace: Workspace, loaded: LoadedRecipe, form: Form) -> None:
    """Start, once for a form however often the button was hit, and go where one can watch."""
    who = identity(workspace)
    start_detached(workspace, loaded, token=form.token, author_key=who.signer.key_id if who else None)
    set_parameter(START, form.token)
    st.rerun()


def _say_author(workspace: Workspace) -> None:
    """Whose run it will be: its author may not approve it."""
    who = identity(workspace)
    said = (
        f"The run is on record as {clean(who.person)}'s, who then cannot review or approve it."
        if who
        else "Nobody signs in this session, so the run names no author; whoever signs as its author first is taken for that."
    )
    literal("new-author", Paragraph(said, muted=True))

"""Step 2 of a new run: what each column is, and which outcome is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.data import hiring_recipe, lending_recipe
from rai_tune.recipe import roles as roles_of
from rai_tune.recipe.answers import compose, outcome_of, warnings
from rai_tune.reporting.text import clean, named
from rai_tune.review.components import Bullets, Cell, Facts, Heading, Paragraph, Table, literal
from rai_tune.review.sections.new_form import Form, buttons, ended, entered, go_to, head, tried

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.recipe.answers import OutcomeGuess, Role
    from rai_tune.recipe.sample import TableSample

ROLES: dict[Role, str] = {
    "label": "Outcome to learn",
    "text": "Text to read",
    "part": "Part of the line to read",
    "group": "Group of people",
    "id": "Name of the row",
    "entity": "Person or household",
    "weight": "Row weight",
    "out": "Left out",
}
"""What a person chooses among. The words are ours: the table's editor shows them."""

_BY_WORDS: dict[str, Role] = {words: role for role, words in ROLES.items()}
MEANINGS = (
    ("Outcome to learn", "what was decided; exactly one column"),
    ("Text to read", "a text that the model reads; one column, and then no parts of a line"),
    (
        "Part of the line to read",
        "a fact known before the outcome; these columns become one short line of text for each row",
    ),
    (
        "Group of people",
        "sex, age and the like: treatment is measured by it, and the model does not read it unless you say so",
    ),
    ("Name of the row", "an identifier that is different in every row"),
    ("Person or household", "rows that share it stay together, so that nobody is both learned from and tested on"),
    ("Row weight", "how much a row counts when the model learns"),
    ("Left out", "not used at all"),
)
RECIPES = {"lending": lending_recipe, "hiring": hiring_recipe}


def show_columns(form: Form) -> None:
    """Draw the step."""
    if form.demo:
        _example(form)
        return
    assert form.table is not None
    head(
        2,
        "These are guesses. Look at each row of the table, above all where something is to be checked, and change the role where it is wrong.",
    )
    literal("new-roles-said", Facts(MEANINGS))
    _edit_roles(form)
    table = form.table.sample
    _outcome(form, table)
    _edges(form, table)
    _words(form)
    if buttons(1, "Next: model and fairness"):
        tried("This does not fit together yet", lambda: _onward(form, table))


def _onward(form: Form, table: TableSample) -> None:
    compose(table, "table", form.answers(()))
    go_to(3)


def _edit_roles(form: Form) -> None:
    edited = st.data_editor(
        entered("roles", _frame(form)),
        key="new-roles",
        hide_index=True,
        num_rows="fixed",
        disabled=["Column", "Why", "Please check", "Different", "Empty", "Examples"],
        column_config={
            "Column": st.column_config.TextColumn(width="medium"),
            "Role": st.column_config.SelectboxColumn(options=list(_BY_WORDS), required=True, width="medium"),
            "Why": st.column_config.TextColumn(width="large"),
            "Please check": st.column_config.TextColumn(width="large"),
            "Different": st.column_config.NumberColumn(width="small"),
            "Empty": st.column_config.NumberColumn(width="small"),
        },
        alt="Columns of the table with their roles",
    )
    # By place: what is shown of a name need not be the name.
    for column, words in zip(form.guesses, edited["Role"].tolist(), strict=True):
        form.roles[column.name] = _BY_WORDS[words]


def _frame(form: Form) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "Column": [_cell(column.name) for column in form.guesses],
            "Role": [ROLES[form.roles[column.name]] for column in form.guesses],
            "Please check": [column.doubt for column in form.guesses],
            "Why": [ended(column.reason) for column in form.guesses],
            "Different": [column.distinct for column in form.guesses],
            "Empty": [column.missing for column in form.guesses],
            "Examples": [_cell(", ".join(clean(example) for example in column.examples)) for column in form.guesses],
        }
    )


def _cell(text: str) -> str:
    """Text of data for a grid that can be saved as CSV: what a spreadsheet would run gets a quote before it."""
    shown = clean(text, 200)
    return f"'{shown}" if shown[:1] in {"=", "+", "-", "@"} else shown


def _outcome(form: Form, table: TableSample) -> None:
    labels = [name for name, role in form.roles.items() if role == "label"]
    literal("new-outcome-head", Heading(3, "The outcome"))
    if len(labels) != 1:
        literal("new-outcome", Paragraph(f"Exactly one column is the outcome to learn; now {len(labels)} are."))
        return
    try:
        found = outcome_of(table, labels[0])
    except UsageError as error:
        literal("new-outcome", Paragraph(ended(str(error))))
        return
    if form.label != labels[0]:
        form.label = labels[0]
        # What the words do not say is asked, and nothing stands there beforehand that somebody could leave as it is.
        form.positive = None if "data.positive" in found.doubts else found.outcome.positive
        form.favourable = None if "data.favourable" in found.doubts else found.outcome.favourable
    _say_classes(table, found, labels[0])
    _choose(form, found, labels[0])


def _say_classes(table: TableSample, found: OutcomeGuess, label: str) -> None:
    counts, names = table.column(label).counts, found.outcome.label_names
    rows = tuple(
        (Cell(named(names.get(value, value))), Cell(named(value)), Cell(f"{count:,}"))
        for value, count in counts.most_common(20)
    )
    literal(
        "new-classes", Table("Outcomes in the rows read", {"Outcome": "", "Written as": "", "Rows": "number"}, rows)
    )


def _choose(form: Form, found: OutcomeGuess, label: str) -> None:
    classes = found.outcome.classes
    # Another column has other classes, so its widgets are others.
    place = list(form.roles).index(label)
    form.favourable = _one_of(
        "Which outcome does a person want for themselves?", classes, form.favourable, f"new-favourable-{place}"
    )
    literal("new-favourable-said", Paragraph("It is called favourable. Rates of treatment speak of it.", muted=True))
    if len(classes) == 2:
        form.positive = _one_of("Which outcome should the model find?", classes, form.positive, f"new-positive-{place}")
        literal(
            "new-positive-said",
            Paragraph(
                "It is called positive. Error rates speak of it; it may be the one that nobody wants, such as denied.",
                muted=True,
            ),
        )


def _one_of(label: str, classes: tuple[str, ...], now: str | None, key: str) -> str | None:
    index = classes.index(now) if now in classes else None
    place: int | None = st.selectbox(
        label,
        range(len(classes)),
        index=entered(key, index),
        format_func=lambda place: named(classes[place]),
        placeholder="Choose one",
        key=key,
    )
    return None if place is None else classes[place]


def _edges(form: Form, table: TableSample) -> None:
    numeric = [
        name for name, role in form.roles.items() if role == "group" and roles_of.needs_edges(table.column(name))
    ]
    if not numeric:
        return
    literal("new-edges-head", Heading(3, "Groups made of numbers"))
    for place, name in enumerate(numeric):
        column = table.column(name)
        low, high = column.numbers[0], column.numbers[-1]
        literal(
            f"new-edges-{place}",
            Paragraph(
                f"{named(name)} runs from {low:g} to {high:g}. Where should it be cut? 30, 50 makes three groups."
            ),
        )
        first = form.edges.get(name) or ", ".join(f"{edge:g}" for edge in roles_of.group_entry(column)["bins"])
        key = f"new-edge-{list(form.roles).index(name)}"
        form.edges[name] = st.text_input("Cut at these numbers", entered(key, first), key=key, max_chars=200)


def _words(form: Form) -> None:
    literal("new-words-head", Heading(3, "Words for the report"))
    form.name = st.text_input("Short name of the run", entered("name", form.name), key="new-name", max_chars=60)
    form.purpose = st.text_area(
        "What is the model for, and who does it decide about?",
        entered("purpose", form.purpose),
        key="new-purpose",
        max_chars=2000,
    )
    if form.table is not None:
        doubts = tuple(f"{named(guess.name)}: {guess.doubt}" for guess in form.guesses if guess.doubt)
        literal("new-warnings", Bullets((*doubts, *warnings(form.table.sample, form.answers(())))))


def _example(form: Form) -> None:
    """The roles of an example are settled; they are shown, so that one sees what such a table looks like."""
    head(
        2, "The columns of the example have their roles already. With a table of your own you would look at each here."
    )
    data = RECIPES[str(form.demo)](form.hide_groups)["data"]
    literal(
        "new-example",
        Facts(
            (
                (ROLES["label"], data["label"]),
                ("Favourable outcome", data["favourable"]),
                ("Positive outcome", data["positive"]),
                ("Groups of people", ", ".join(group["name"] for group in data["groups"])),
                ("Line that the model reads", data["template"]),
            )
        ),
    )
    if buttons(1, "Next: model and fairness"):
        go_to(3)

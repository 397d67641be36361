"""Step 1 of a new run: which rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.recipe import propose_recipe
from rai_tune.recipe.answers import guess
from rai_tune.reporting.text import named
from rai_tune.review.components import Facts, Paragraph, literal
from rai_tune.review.sections.new_form import Form, buttons, entered, go_to, head, tried
from rai_tune.workspace.uploads import MAX_BYTES, KeptTable, keep_table, listed_files, read_listed, without_path

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

DATA_FOLDER = "RAITUNE_DATA_DIR"
_UPLOAD, _FOLDER, _EXAMPLE = "Upload a table", "A table in the data folder", "An example that comes with the tool"
_KINDS = ["csv", "jsonl", "ndjson", "parquet", "pq"]
EXAMPLES = {
    "lending": "Lending: 2,380 mortgage applications, Boston 1990",
    "hiring": "Hiring: 4,870 resumes sent to employers, 2001 and 2002",
}


def show_data(workspace: Workspace, form: Form) -> None:
    """Draw the step."""
    head(
        1,
        "One row for each decision that was made: what was known, and how it was decided. Groups of people, if there are any, in columns.",
    )
    first = _EXAMPLE if form.demo else _UPLOAD
    ways = [_UPLOAD, _FOLDER, _EXAMPLE]
    way = st.radio("Where do the rows come from?", ways, index=ways.index(entered("way", first)), key="new-way")
    chosen = _example(form) if way == _EXAMPLE else _upload() if way == _UPLOAD else _listed()
    _say_chosen(form)
    if buttons(None, "Next: columns"):
        tried("This table cannot be used", lambda: _take(workspace, form, way, chosen))


def _upload() -> tuple[str, bytes] | None:
    found = st.file_uploader(
        "Table with a header line: CSV, JSON Lines or Parquet",
        type=_KINDS,
        key="new-upload",
        max_upload_size=MAX_BYTES // 2**20,
    )
    literal(
        "new-upload-said",
        Paragraph(
            "The table is kept in the workspace, and stays there until whoever keeps the workspace removes it.",
            muted=True,
        ),
    )
    return None if found is None else (found.name, found.getvalue())


def _listed() -> str | None:
    folder = _data_folder()
    names = listed_files(folder) if folder else ()
    if not names:
        why = f"{DATA_FOLDER} names no folder" if folder is None else "There is no table in the data folder"
        literal("new-folder-said", Paragraph(f"{why}. Whoever runs this server can set it."))
        return None
    place = st.selectbox("File", range(len(names)), format_func=lambda place: named(names[place]), key="new-file")
    return names[place]


def _example(form: Form) -> str:
    names = list(EXAMPLES)
    return st.radio(
        "Example",
        names,
        index=names.index(entered("demo", form.demo or names[0])),
        format_func=EXAMPLES.__getitem__,
        key="new-example",
    )


def _data_folder() -> Path | None:
    given = os.environ.get(DATA_FOLDER)
    return Path(given).expanduser() if given else None


def _say_chosen(form: Form) -> None:
    if form.table is None:
        return
    sample = form.table.sample
    more = "" if sample.complete else " read so far"
    literal(
        "new-chosen",
        Facts(
            (
                ("Chosen before", named(form.table.shown)),
                ("Size", f"{sample.rows:,} rows{more}, {len(sample.columns):,} columns"),
            )
        ),
    )


def _take(workspace: Workspace, form: Form, way: str, chosen: object) -> None:
    if way == _EXAMPLE:
        if form.demo != chosen:
            form.table, form.demo, form.name = None, str(chosen), str(chosen)
            form.guesses, form.roles = (), {}
        go_to(2)
    if chosen is None and (way == _UPLOAD and form.table is not None):
        go_to(2)
    if chosen is None:
        raise UsageError("choose a table first")
    if isinstance(chosen, tuple):
        name, data = chosen
    else:
        folder = _data_folder()
        assert folder is not None  # a file was listed in it
        name, data = str(chosen), read_listed(folder, str(chosen))
    _begin_with(workspace, form, keep_table(workspace.root, data, name))
    go_to(2)


def _begin_with(workspace: Workspace, form: Form, table: KeptTable) -> None:
    """Guess what the columns are, unless it is the table that was chosen before."""
    if form.table is not None and form.table.path == table.path:
        return
    try:
        guesses = guess(table.sample, propose_recipe(table.path, base_dir=workspace.root))
    except UsageError as error:
        raise UsageError(without_path(str(error), table.path)) from error
    form.table, form.demo, form.guesses = table, None, guesses
    form.roles = {column.name: column.role for column in guesses}
    form.label = form.positive = form.favourable = None
    form.edges = {}
    form.name = Path(table.shown).stem[:60]

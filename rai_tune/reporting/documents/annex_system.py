"""Sections 1 to 4 of the technical documentation, from what a run holds. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.controls import metric_words
from rai_tune.reporting.documents.annex_parts import (
    DOCUMENTATION,
    AnnexSection,
    Statement,
    from_recipe,
    item,
    said,
    whole_section,
)
from rai_tune.reporting.documents.limits import limits
from rai_tune.reporting.documents.markdown import code, literal, table
from rai_tune.reporting.documents.model_card import (
    before_after_table,
    bullets,
    controls_table,
    facts_table,
    group_table,
    measures,
    mitigation_methods,
    pair_table,
)
from rai_tune.reporting.documents.names import data_facts, system_facts
from rai_tune.reporting.documents.subject import Source, purpose, stated
from rai_tune.reporting.evidence import EXPLAIN, GROUPS, PROFILE, QUALITY
from rai_tune.reporting.mitigation import AUDIT as MITIGATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.reporting.documents.annex_parts import Asked
    from rai_tune.reporting.documents.subject import Subject

_ROBUSTNESS = ("calibration", "harmless_edits", "paired_swaps", "near_duplicates")


def general(subject: Subject) -> AnnexSection:
    """Section 1: what the system is and who provides it."""
    hardware = [("EUAIA-13-3", "Resources, lifetime and maintenance")]
    items = (
        item(subject, "a", "Intended purpose", said(subject, purpose(subject.recipe))),
        item(subject, "a", "Provider", from_recipe(subject, "provider"), _contact(subject)),
        item(subject, "a", "Version and relation to earlier ones", from_recipe(subject, "version"), _identity(subject)),
        item(subject, "b", "What it works with and is not part of", from_recipe(subject, "interactions")),
        item(subject, "c", "Versions of the software it needs", _software(subject)),
        item(subject, "d", "Forms in which it is placed on the market"),
        item(subject, "e", "Hardware it is meant to run on", people=hardware),
        item(subject, "f", "Product it is part of, where it is"),
        item(subject, "g", "User interface given to the deployer"),
        item(subject, "h", "Instructions for use", people=["EUAIA-13-3"]),
    )
    return AnnexSection(
        1, "General description of the system", (*whole_section(subject, "General description"), *items)
    )


def _contact(subject: Subject) -> Statement | None:
    """Whom to ask, as written; it names no provider by itself."""
    contact, source = stated(subject.recipe, "contact"), subject.recorded("recipe", "recipe_digest")
    if contact is None or source is None or stated(subject.recipe, "provider") is None:
        return None
    return Statement(f"Contact: {code(contact)}", (source,))


def _identity(subject: Subject) -> Statement | None:
    """Which bytes this is about; alone it is no version that a provider stated."""
    source = subject.recorded("model", "model_digest")
    if source is None or from_recipe(subject, "version") is None:
        return None
    return Statement(f"These weights were made by run {code(subject.run_id)}.", (source,))


def _software(subject: Subject) -> Statement | None:
    view = subject.view
    if not view.packages:
        return None
    listed = ", ".join(f"{literal(each.name)} {literal(each.text)}" for each in view.packages)
    return Statement(f"{facts_table(view.environment)}\n\nPackages: {listed}.", (subject.record("environment"),))


def development(subject: Subject) -> AnnexSection:
    """Section 2: how the system was made, from which data, and how it was tested."""
    return AnnexSection(
        2,
        "Elements of the system and how it was developed",
        (
            *whole_section(subject, "Elements and development"),
            item(subject, "a", "Methods and steps, and the pre-trained model used", *_method(subject)),
            item(subject, "b", "Design: what it decides, what it is optimised for, and trade-offs", _design(subject)),
            item(subject, "b", "People it is meant to be used on and by", from_recipe(subject, "intended_users")),
            item(subject, "c", "Architecture and computing resources", _resources(subject)),
            item(subject, "d", "Data: origin, extent and main characteristics", *_data(subject)),
            item(subject, "d", "How the data were selected and labelled", people=["EUAIA-10-3", "EUAIA-10-2h"]),
            item(
                subject, "e", "Human oversight that is needed", from_recipe(subject, "oversight"), people=["EUAIA-14-4"]
            ),
            item(subject, "f", "Changes determined in advance", people=[("EUAIA-13-3", "Predetermined changes")]),
            item(subject, "g", "Validation and testing: procedure, metrics and results", *_tests(subject)),
            item(subject, "g", "Test reports dated and signed by the persons responsible", *_signed(subject)),
            item(subject, "h", "Cybersecurity", people=["EUAIA-15-5"]),
        ),
    )


def _method(subject: Subject) -> Iterator[Statement]:
    base, recipe = subject.recorded("base model", "base_digest"), subject.recorded("recipe", "recipe_digest")
    sources = tuple(each for each in (recipe, base, subject.record("training")) if each is not None)
    if recipe is not None:
        yield Statement(facts_table(system_facts(subject)), sources)
    if subject.view.training:
        yield Statement(facts_table(subject.view.training), (subject.record("training"),))
    if subject.view.mitigation is not None:
        yield Statement(mitigation_methods(subject.view.mitigation), (subject.record("training"),))


def _design(subject: Subject) -> Statement | None:
    recipe, source = subject.recipe, subject.recorded("recipe", "recipe_digest")
    if source is None:
        return None
    spec = recipe.data
    lines = [
        f"It puts texts into classes; the positive class is '{spec.positive or 'not named'}', the favourable outcome "
        f"'{spec.favourable or 'not named'}'.",
        f"The checkpoint kept is the best by {metric_words(recipe.training.select_best_by)} on validation rows.",
    ]
    notes = [note.text for note in subject.view.method_notes if note.name == "Decision threshold"]
    return Statement(bullets([*lines, *notes]), (source, subject.record("training")))


def _resources(subject: Subject) -> Statement | None:
    wanted = {"Device", "Threads", "Duration", "Real tokens a second", "Parameters trained"}
    found = [fact for fact in subject.view.training if fact.name in wanted]
    return Statement(facts_table(found), (subject.record("training"),)) if found else None


def _data(subject: Subject) -> Iterator[Statement]:
    data, source = subject.view.data, subject.recorded("data", "data_digest")
    if source is None:
        return
    recipe = subject.recorded("recipe", "recipe_digest")
    yield Statement(facts_table(data_facts(subject)), (source, *([recipe] if recipe else []), subject.record("data")))
    if data.splits:
        head = ("Split", "Rows", "Of each class")
        rows = (
            (literal(each.split), each.rows, ", ".join(f"{literal(one.name)} {one.text}" for one in each.classes))
            for each in data.splits
        )
        yield Statement(table(head, rows), (subject.record("data"),))
    if data.notes:
        yield Statement(bullets(data.notes), (subject.record("data"),))
    if subject.audit(PROFILE) is not None and data.checks:
        yield Statement(measures(data.checks), (subject.audit_source(PROFILE),))


def _tests(subject: Subject) -> Iterator[Statement]:
    yield from _quality(subject)
    yield from _by_group(subject)
    yield from _before_and_after(subject)
    yield from _decided(subject)
    for chapter in subject.view.chapters:
        if chapter.audit in _ROBUSTNESS and chapter.rows and subject.audit(chapter.audit) is not None:
            yield Statement(
                f"**{literal(chapter.title)}.** {literal(chapter.sentence)}\n\n{measures(chapter.rows)}",
                (subject.audit_source(chapter.audit),),
            )


def _quality(subject: Subject) -> Iterator[Statement]:
    rows = [row for row in subject.view.quality if row.split == "test"]
    if rows and subject.audit(QUALITY) is not None:
        yield Statement(measures(rows), (subject.audit_source(QUALITY), *_predictions(subject)))


def _predictions(subject: Subject) -> tuple[Source, ...]:
    found = subject.recorded("predictions", "predictions_digest")
    return (found,) if found else ()


def _by_group(subject: Subject) -> Iterator[Statement]:
    if subject.audit(GROUPS) is None:
        return
    for found in subject.view.groups:
        tables = [group_table(found), *([pair_table(found)] if found.pairs else [])]
        head = f"**{literal(found.title)}.** {literal(found.basis)}"
        yield Statement("\n\n".join([head, *tables]), (subject.audit_source(GROUPS), *_predictions(subject)))


def _before_and_after(subject: Subject) -> Iterator[Statement]:
    told = subject.view.mitigation
    if told is None or not told.rows or subject.audit(MITIGATION) is None:
        return
    facts = f"\n\n{facts_table(told.facts)}" if told.facts else ""
    words = f"**Mitigation, before and after.** {literal(told.sentence)}\n\n{before_after_table(told)}{facts}"
    yield Statement(words, (subject.audit_source(MITIGATION), *_predictions(subject)))


def _decided(subject: Subject) -> Iterator[Statement]:
    for decision, source in zip(subject.view.decisions, subject.decision_sources(), strict=True):
        head = f"**{literal(decision.title)} {literal(decision.version)}: {decision.icon} {literal(decision.word)}.**"
        yield Statement(f"{head} Policy sha256 {code(decision.digest)}.\n\n{controls_table(decision)}", (source,))


def _signed(subject: Subject) -> Iterator[Statement]:
    """Sign-offs of the present statement; the statement alone is not signed by a person."""
    digest = subject.real.statement
    valid = [each for each in subject.real.signoffs if digest and each.statement == digest]
    if valid:
        rows = ((literal(one.role), literal(one.person), literal(one.at), code(one.key_id)) for one in valid)
        yield Statement(table(("Role", "Person", "Signed", "Key"), rows), (Source("evidence statement", digest),))


def functioning(subject: Subject) -> AnnexSection:
    """Section 3: what it can do and for whom, its limits, its oversight and its input."""
    foreseen: list[Asked] = ["EUAIA-9-2", ("EUAIA-13-3", "Foreseeable risks")]
    whom = "" if subject.recipe.data.groups else "the recipe declares no groups"
    return AnnexSection(
        3,
        "Monitoring, functioning and control",
        (
            *whole_section(subject, "Monitoring, functioning and control"),
            item(subject, "", "Accuracy to expect overall", *_quality(subject)),
            item(subject, "", "Accuracy for particular groups of people", *_by_group(subject), why=whom),
            item(subject, "", "Limits of its performance", _limits(subject)),
            item(subject, "", "Uses outside its purpose", from_recipe(subject, "out_of_scope")),
            item(subject, "", "Unintended outcomes and risks that can be foreseen", people=foreseen),
            item(subject, "", "Human oversight", from_recipe(subject, "oversight"), people=["EUAIA-14-4"]),
            item(subject, "", "Technical means to interpret its outputs", *_explained(subject)),
            item(subject, "", "Specification of the input data", _input(subject)),
        ),
    )


def _limits(subject: Subject) -> Statement:
    """The limits, from the data's record and from audits that failed, hide cells or explain."""
    audits = [
        each.audit
        for each in subject.told.results
        if each.audit == EXPLAIN
        or each.status != "ok"
        or any(item.status == "suppressed" for item in each.measurements)
    ]
    return Statement(bullets(limits(subject)), (subject.record("data"), *map(subject.audit_source, audits)))


def _explained(subject: Subject) -> Iterator[Statement]:
    told = subject.view.explanations
    if subject.audit(EXPLAIN) is None or told.kind == "none":
        return
    lines = [f"**{told.icon} {literal(told.word)}.** {literal(told.sentence)}"]
    if told.tests:
        rows = ((literal(each.name), f"{each.icon} {each.word}", literal(each.sentence)) for each in told.tests)
        lines.append(table(("Check", "Outcome", "What was found"), rows))
    yield Statement("\n\n".join(lines), (subject.audit_source(EXPLAIN),))


def _input(subject: Subject) -> Statement | None:
    source = subject.recorded("recipe", "recipe_digest")
    if source is None:
        return None
    spec, model = subject.recipe.data, subject.recipe.model
    columns = subject.real.data.get("columns_in_text")
    named = ", ".join(literal(name) for name in columns) if isinstance(columns, list | tuple) else ""
    what = f"One text, from column {literal(spec.text)}" if spec.text else f"One text made from the columns {named}"
    return Statement(f"{what}; at most {model.max_tokens:,} tokens of it are read.", (source, subject.record("data")))


def metrics(subject: Subject) -> AnnexSection:
    """Section 4: whether the metrics suit the system. The lines come from policies; why they suit is for a person to say."""
    return AnnexSection(
        4,
        "Why the performance metrics are appropriate",
        (
            item(subject, "", "Metrics and the lines they are held against", *_lines(subject)),
            item(subject, "", "Why these metrics suit this system", people=[(DOCUMENTATION, "Performance metrics")]),
        ),
    )


def _lines(subject: Subject) -> Iterator[Statement]:
    for decision, source in zip(subject.view.decisions, subject.decision_sources(), strict=True):
        rows = [
            (literal(each.id), literal(each.title), literal(each.threshold), literal(each.origin), literal(each.source))
            for each in decision.controls
            if each.threshold
        ]
        if rows:
            yield Statement(table(("Control", "Measures", "Line", "Set by", "Source"), rows), (source,))

"""The view model: what every report shows, as plain frozen data (strings, floats, tuples). Stable API.

The terminal, the app, the PDF and the exports render a ``ReportView`` and compute nothing themselves. Rules for a renderer:

- ``text`` fields are finished and safe to show as literal text, never as markup.
- A number is a ``Shown``: show ``text`` and ``interval``; draw with ``estimate``, ``low`` and ``high`` when they are not None.
- ``ref`` says which measurement a number is; its strings are raw and are for look-ups only, not for showing.
- Every state has a word and an icon beside any colour.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.people import NOBODY, People

if TYPE_CHECKING:
    from rai_tune.reporting.chosen import ChosenView
    from rai_tune.reporting.row_texts import TextRow

VIEW_SCHEMA = "rai-tune/view/v1"


@dataclass(frozen=True)
class Ref:
    """Which measurement a displayed number is. Raw values, not for showing."""

    audit: str
    metric: str
    attribute: str | None = None
    group: str | None = None
    reference: str | None = None
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Shown:
    """One displayed number.

    ``text`` is the estimate ("64.4 %", "0.702") or, where there is none, the words why ("suppressed (k = 5)", "not
    estimable"). ``interval`` is "56.0 to 72.0 %" or empty. ``estimate``, ``low`` and ``high`` are for drawing, in the
    measurement's own unit (a rate is 0 to 1); ``high`` is None when unbounded. ``n`` is the rows behind it, None when
    that count is not shown. ``reason`` is a sentence when ``status`` is not "ok".
    """

    text: str
    interval: str
    estimate: float | None
    low: float | None
    high: float | None
    n: int | None
    n_text: str
    status: str
    reason: str
    confidence: float
    method: str
    ref: Ref


@dataclass(frozen=True)
class Fact:
    """A named piece of text that is not a measurement."""

    name: str
    text: str


@dataclass(frozen=True)
class Deciding:
    """A control that decided the overall verdict."""

    policy: str
    title: str
    reason: str


@dataclass(frozen=True)
class Headline:
    """The verdict over all decisions, the worst first. ``outcome`` is the gate's word, ``word`` the one to show."""

    outcome: str
    word: str
    icon: str
    sentence: str
    deciding: tuple[Deciding, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class MeasureRow:
    """A measurement with its name in plain words and what it means."""

    name: str
    meaning: str
    split: str
    value: Shown


@dataclass(frozen=True)
class GridRow:
    """One row of a ``Grid``: its name, the people behind its first number, and a number or nothing for each column."""

    name: str
    n_text: str
    cells: tuple[Shown | None, ...]


@dataclass(frozen=True)
class Grid:
    """Measurements side by side. ``head`` names the first column, ``legend`` says what the others mean.

    ``left_out`` counts rows that are only in the JSON.
    """

    title: str
    head: str
    columns: tuple[str, ...]
    rows: tuple[GridRow, ...]
    left_out: int
    legend: str


@dataclass(frozen=True)
class Chapter:
    """What an audit measured that has no chapter of its own design: tables, then a list of the rest.

    ``left_out`` counts measurements that are only in the JSON.
    """

    audit: str
    title: str
    sentence: str
    grids: tuple[Grid, ...]
    rows: tuple[MeasureRow, ...]
    left_out: int


@dataclass(frozen=True)
class GroupRow:
    """One group of an attribute. ``note`` says why cells are empty; ``measured`` is False when nothing can be drawn."""

    group: str
    rows: Shown | None
    selection_rate: Shown | None
    true_positive_rate: Shown | None
    false_positive_rate: Shown | None
    positive_predictive_value: Shown | None
    accuracy: Shown | None
    note: str
    measured: bool


@dataclass(frozen=True)
class PairRow:
    """Two groups of one attribute. ``ratio`` is the selection rate of ``group`` over that of ``reference``."""

    group: str
    reference: str
    ratio: Shown
    difference: Shown | None
    true_positive_rate_difference: Shown | None
    false_positive_rate_difference: Shown | None


@dataclass(frozen=True)
class GroupTable:
    """How the groups of one attribute are treated.

    ``rate_name`` is the favourable class ("approved"); ``basis`` says what every rate depends on. ``pairs`` is sorted the
    lowest ratio first, those without a number last; ``to_highest`` compares each group with the highest observed rate;
    ``detectable`` is the smallest gap that its rows could show; ``spreads`` are shown and decide nothing. What a chart of it
    shows is said by ``charts``.
    """

    attribute: str
    title: str
    rate_name: str
    positive: str
    seen_by_model: bool | None
    basis: str
    rows: tuple[GroupRow, ...]
    pairs: tuple[PairRow, ...]
    to_highest: tuple[MeasureRow, ...]
    detectable: tuple[MeasureRow, ...]
    spreads: tuple[MeasureRow, ...]


@dataclass(frozen=True)
class LeanRow:
    """A column or word that decisions lean on. ``value`` is None for a word without a measured share."""

    name: str
    text: str
    value: Shown | None
    identity: bool


@dataclass(frozen=True)
class TestedRow:
    """One check that the explanations of a run were put to: its outcome in a word, and what was found.

    ``value`` is the number that the check is judged by, None where the evidence holds none.
    """

    name: str
    outcome: str
    word: str
    icon: str
    sentence: str
    value: Shown | None = None


@dataclass(frozen=True)
class RelianceRow:
    """One group attribute: its share of attribution beside what a swap of nothing but it does to the same decisions.

    ``words`` is the share that its words are of all words; ``flips`` the share of decisions that the swap changes; ``shift`` the mean change of the
    probability; ``agreement`` the rank correlation of attribution and swap. Each is None where it was not measured. ``sentence`` says what the two
    mean together.
    """

    attribute: str
    reliance: Shown
    words: Shown | None
    flips: Shown | None
    shift: Shown | None
    agreement: Shown | None
    sentence: str


@dataclass(frozen=True)
class PictureRow:
    """One column or word over all explained texts, in logits. ``size`` is the mean of |attribution|, ``signed`` keeps the sign, ``p`` is of no direction."""

    name: str
    size: Shown
    signed: Shown | None
    p: Shown | None
    identity: bool


@dataclass(frozen=True)
class DifferenceRow:
    """How differently one column or word weighs for two groups, in logits: ``group`` minus ``reference``."""

    name: str
    attribute: str
    group: str
    reference: str
    difference: Shown
    p: Shown | None


@dataclass(frozen=True)
class Picture:
    """What weighs most over all explained texts. ``sentence`` says what a plot of ``rows`` shows, the strongest first."""

    rows: tuple[PictureRow, ...]
    differences: tuple[DifferenceRow, ...]
    sentence: str


NO_PICTURE = Picture((), (), "")


@dataclass(frozen=True)
class Explanations:
    """What decisions lean on, with the checks that say how far to believe it.

    ``kind`` is "columns", "words" or "none". ``verdict`` is "trusted", "not_trusted", "insufficient_evidence" or "not_checked"; ``word`` and
    ``icon`` say it. ``tests`` are the checks behind it, ``caveat`` what every number about deleted words needs beside it. ``reliance`` holds
    identity beside its swap, ``reliance_note`` by which lines its words were chosen; ``picture`` is empty where that audit did not run.
    """

    kind: str
    verdict: str
    word: str
    icon: str
    sentence: str
    tests: tuple[TestedRow, ...]
    caveat: str
    rows: tuple[LeanRow, ...]
    checks: tuple[MeasureRow, ...]
    identity: tuple[MeasureRow, ...]
    facts: tuple[Fact, ...]
    reliance: tuple[RelianceRow, ...] = ()
    reliance_note: str = ""
    picture: Picture = NO_PICTURE


@dataclass(frozen=True)
class SplitRow:
    """Rows of one split, per class. ``truncated`` is the number of texts that were cut."""

    split: str
    rows: str
    classes: tuple[Fact, ...]
    truncated: str


@dataclass(frozen=True)
class GroupDataRow:
    """What the data hold about one group."""

    attribute: str
    group: str
    representation: Shown | None
    label_rate: Shown | None
    favourable_rate: Shown | None


@dataclass(frozen=True)
class DataView:
    """Where the rows came from and what they are like."""

    facts: tuple[Fact, ...]
    splits: tuple[SplitRow, ...]
    groups: tuple[GroupDataRow, ...]
    checks: tuple[MeasureRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ReadingRow:
    """One measurement that a control looked at."""

    what: str
    value: Shown
    bound: str
    word: str
    note: str


@dataclass(frozen=True)
class ControlRow:
    """One control of a policy, with its outcome in words.

    ``word`` says of a waiver that holds until when; the outcome stays what it is. ``condition`` is its ``when:``, ``people`` sentences
    on who attested and who waived, both empty where there is nothing to say.
    """

    id: str
    reference: str
    title: str
    asks: str
    mode: str
    severity: str
    outcome: str
    word: str
    icon: str
    reason: str
    threshold: str
    origin: str
    source: str
    settle: str
    standing: str
    condition: str
    people: tuple[str, ...]
    sources: tuple[str, ...]
    readings: tuple[ReadingRow, ...]
    readings_left_out: int
    limit: float | None = None
    """The threshold in the unit of what is read, for drawing; None where it is none of a measurement."""


@dataclass(frozen=True)
class DecisionView:
    """The decision under one policy pack."""

    policy: str
    title: str
    version: str
    digest: str
    outcome: str
    word: str
    icon: str
    notes: tuple[str, ...]
    controls: tuple[ControlRow, ...]


@dataclass(frozen=True)
class HistoryRow:
    """One evaluation during training."""

    step: str
    epoch: str
    loss: str
    eval_loss: str
    eval_roc_auc: str
    best: bool


@dataclass(frozen=True)
class Command:
    """A command to run next, and why."""

    line: str
    why: str


@dataclass(frozen=True)
class LedgerHead:
    """Head of the workspace's ledger when the report was made. ``size`` counts entries, ``root`` is hex; ``how`` says how to check it.

    ``statement`` is the SHA-256 of the evidence statement that people sign, empty while there is none.
    """

    size: int
    root: str
    at: str
    text: str
    how: str
    statement: str


NO_LEDGER = LedgerHead(0, "", "", "", "", "")


@dataclass(frozen=True)
class MethodRow:
    """A method against bias in the words of its card. ``groups_at_training`` and ``groups_at_use`` are yes or no."""

    name: str
    title: str
    does: str
    groups_at_training: str
    groups_at_use: str
    law: str
    source: str


@dataclass(frozen=True)
class BeforeAfter:
    """One measure without mitigation, with it, and the change with its paired interval."""

    name: str
    before: Shown | None
    after: Shown | None
    change: Shown


@dataclass(frozen=True)
class MitigationView:
    """What was done about bias and what it did. ``rows`` are quality, then the spreads between groups; ``facts`` say against what, and the cost."""

    sentence: str
    methods: tuple[MethodRow, ...]
    rows: tuple[BeforeAfter, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class ReportView:
    """Everything a report shows about one run, or about a table of predictions."""

    schema: str
    run_id: str
    run_name: str
    state: str
    created_at: str
    purpose: str
    headline: Headline
    system: tuple[Fact, ...]
    quality: tuple[MeasureRow, ...]
    groups: tuple[GroupTable, ...]
    explanations: Explanations
    data: DataView
    decisions: tuple[DecisionView, ...]
    other: tuple[MeasureRow, ...]
    chapters: tuple[Chapter, ...]
    training: tuple[Fact, ...]
    history: tuple[HistoryRow, ...]
    environment: tuple[Fact, ...]
    packages: tuple[Fact, ...]
    digests: tuple[Fact, ...]
    audits: tuple[Fact, ...]
    method_notes: tuple[Fact, ...]
    commands: tuple[Command, ...]
    evidence_digest: str
    suppress_below: int
    kind: str = "run"
    """What it is about: a ``run``, or a ``table`` of predictions without a model."""
    ledger: LedgerHead = NO_LEDGER
    """Empty texts for a table of predictions, which no ledger knows."""
    people: People = NOBODY
    """Sign-offs, attestations and waivers, verified."""
    texts: tuple[TextRow, ...] = ()
    """Texts of explained rows, where somebody asked for them."""
    stated: tuple[Fact, ...] = ()
    """What the recipe's ``system:`` section states; empty where it states nothing."""
    mitigation: MitigationView | None = None
    """Methods against bias, before and after; None for a run without any."""
    search: ChosenView | None = None
    """The search that it was chosen from; None for a run that was not."""
    left_out_policies: tuple[Fact, ...] = ()
    """Policies that decided and are not in this view, with their verdicts."""

    def to_plain(self) -> dict[str, Any]:
        """The same as nested dictionaries and lists of JSON types."""
        return asdict(self)

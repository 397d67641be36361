"""The recipe's ``audits``: what is measured, and the settings of each suite of audits.

Stable API: ``AuditsSpec`` and its parts. A suite's section goes to every audit of that suite as its options, by field name.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from rai_tune.recipe.part import Name, Part

_RENAMED = {"integrated_gradients": "explanations"}


class FairnessSpec(Part):
    """How groups are compared, beyond what every run measures."""

    swap_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Changed texts that ``paired_swaps`` scores for each attribute at most, drawn evenly over groups; a few seconds on a CPU."""

    swap_terms: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    """Words per attribute and group, aligned by place, beside the packaged English lists; for free text only."""

    base_vs_tuned: bool = False
    """Also run ``base_vs_tuned``: what fine-tuning changed, against a probe on the frozen base; it costs one pass over all rows."""

    slices: Annotated[int, Field(ge=1, le=1000)] = 20
    """Slices that ``slice_discovery`` takes from the first half of the rows, for each outcome, to test on the second."""

    slice_min_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Fewest rows of the first half in a slice, and outside it."""

    slice_words: Annotated[int, Field(ge=0, le=200)] = 20
    """Most common words of the texts that a slice may be made of; 0 leaves texts aside."""

    calibration_bins: Annotated[int, Field(ge=2, le=1000)] = 10
    """Bins of like score in which ``score_fairness`` measures calibration by group; fewer where a bin would have under 20 rows."""

    control: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Attributes or columns within which ``simpson`` compares groups; by default every other group attribute."""

    cross: Annotated[tuple[tuple[str, ...], ...], Field(max_length=50)] = ()
    """Group attributes that ``intersections`` crosses, such as [[sex, race]]; by default every pair."""

    ll144_sex: Name | None = None
    """Group attribute that ``ll144`` takes as sex; by default one named exactly sex or gender."""

    ll144_race: Name | None = None
    """Group attribute that ``ll144`` takes as race/ethnicity; by default one named exactly race, ethnicity or race_ethnicity."""

    ll144_exclude_below: Annotated[float, Field(ge=0.0, le=0.02, allow_inf_nan=False)] = 0.0
    """Share of the rows under which ``ll144`` leaves a category out of impact ratios; the rule allows it under 2 %, so 0 leaves none out."""

    ll144_exclusion_reason: Annotated[str, Field(max_length=2000)] = ""
    """The auditor's justification for leaving categories out, which the rule wants published; needed where any may be."""

    @model_validator(mode="after")
    def _exclusions_are_justified(self) -> FairnessSpec:
        if self.ll144_exclude_below > 0 and not self.ll144_exclusion_reason.strip():
            raise ValueError("ll144_exclude_below needs ll144_exclusion_reason: 6 RCNY 5-301(d) wants it published")
        return self


class DataAuditSpec(Part):
    """What is looked for in the rows themselves."""

    near_duplicate_jaccard: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    """Share of common shingles (Jaccard) from which two texts are near-duplicates; 0.8 is the usual choice for web text."""


class RobustnessSpec(Part):
    """How decisions are tried under changes that should not matter."""

    calibration_bins: Annotated[int, Field(ge=2, le=1000)] = 10
    """Bins of like score in which calibration is measured; fewer are made where a bin would have under 20 rows."""

    edits: tuple[Name, ...] = ("typos", "case", "punctuation", "paraphrase")
    """Registered edits that each drawn text is tried under."""

    edit_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Evaluated rows drawn for the edits; each costs one pass of the model and one more for every edit."""


class ExplanationChecksSpec(Part):
    """What explanations must reach to be shown as trusted, and how much work goes into finding out. The organisation's numbers: no law names them."""

    completeness: Annotated[float, Field(ge=0.0, le=1.0)] = 0.10
    """Largest share of explained texts whose attributions do not add up to the output change."""

    comprehensiveness: Annotated[float, Field(ge=0.0, le=1.0)] = 0.50
    """Least share of leave-one-out's advantage over a random order that deleting the top words must reach; chance reaches 0."""

    sufficiency: Annotated[float, Field(ge=0.0, le=1.0)] = 0.50
    """The same for keeping nothing but the top words."""

    randomisation: Annotated[float, Field(ge=0.0, le=1.0)] = 0.50
    """Largest mean rank correlation with the attributions of the same model with random weights."""

    edits: Annotated[float, Field(ge=0.0, le=1.0)] = 0.50
    """Least mean cosine between attributions before and after a harmless edit."""

    agreement: Annotated[float, Field(ge=0.0, le=1.0)] = 0.20
    """Least mean rank correlation with another method."""

    documents: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    """Explained texts that faithfulness and agreement are measured on."""

    random_orders: Annotated[int, Field(ge=1, le=1000)] = 4
    """Random orders for each text that the method must beat."""

    randomisation_documents: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Texts explained again under random weights, at every stage."""

    edit_documents: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Texts explained again after each harmless edit."""

    agreement_with: Name | None = None
    """Attribution method to agree with; by default occlusion, or integrated gradients for occlusion itself."""


class ExplainSpec(Part):
    """How decisions are explained."""

    method: Name = "integrated_gradients"
    """Registered attribution method: integrated_gradients, gradient_shap, partition_shap or occlusion."""

    documents: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    """Test rows to explain, drawn evenly over label and group."""

    steps: Annotated[int, Field(ge=4, le=1024)] = 14
    """Points on the path from the baseline; more where completeness asks for it."""

    tolerance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    """Largest completeness error, as a share of the output change (or 0.01 logit where that is larger)."""

    evaluations: Annotated[int, Field(ge=4, le=1_000_000)] = 500
    """Masked texts that partition_shap may run for each explained text."""

    samples: Annotated[int, Field(ge=2, le=1_000_000)] = 64
    """Draws that gradient_shap begins with for each explained text."""

    checks: ExplanationChecksSpec = ExplanationChecksSpec()
    """What the explanations must pass to be shown as trusted."""

    swap_terms: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    """Words per attribute and group that count as identity in free text, beside the packaged English lists."""

    proxy_association: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    """Cramer's V with a group from which a column or word can be a proxy; 0.1 is a small effect in Cohen's words."""

    proxy_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    """Share of all attribution from which it is one."""

    reasons: Annotated[int, Field(ge=1, le=20)] = 4
    """Reasons given for an unfavourable decision at most; more than four are not likely to be helpful (12 CFR 1002.9(b)(2), comment 1)."""

    reason_draws: Annotated[int, Field(ge=1, le=100)] = 3
    """Attributions with other seeds that reasons are compared with."""

    counterfactual_documents: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Explained texts for which the smallest change that turns the decision is searched."""

    counterfactual_evaluations: Annotated[int, Field(ge=2, le=1_000_000)] = 400
    """Changed texts that may be scored in search of it, for each text."""

    rationales: Name | None = None
    """File of human rationales in the format of HateXplain, by row id; relative to the recipe. Without one ``plausibility`` is not measured."""

    global_documents: Annotated[int, Field(ge=2, le=1_000_000)] = 5
    """Fewest explained texts with a word, or with a word in a group, for a mean of it."""

    global_words: Annotated[int, Field(ge=1, le=1000)] = 20
    """Words listed in the global picture and as proxies; all are tested."""


class AuditsSpec(Part):
    """What is measured about the model."""

    include: tuple[Name, ...] = (
        "data_profile",
        "near_duplicates",
        "task_quality",
        "calibration",
        "group_rates",
        "paired_swaps",
        "explanations",
        "identity_reliance",
        "global_attributions",
    )
    """Registered audits to run, in order."""

    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """Level of the two-sided intervals in tables."""

    min_group_rows: Annotated[int, Field(ge=1)] = 10
    """Smallest group that a ratio may use; smaller ones are listed and leave the evidence insufficient."""

    suppress_below: Annotated[int, Field(ge=0)] = 5
    """Cells with fewer rows are suppressed when shown or exported; the gate reads them all the same."""

    fairness: FairnessSpec = FairnessSpec()
    """How groups are compared."""

    explain: ExplainSpec = ExplainSpec()
    """How decisions are explained."""

    data: DataAuditSpec = DataAuditSpec()
    """What is looked for in the rows."""

    robustness: RobustnessSpec = RobustnessSpec()
    """How decisions are tried."""

    @field_validator("include", mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        # Runs stored before the audit was renamed must open again.
        return (
            [_RENAMED.get(name, name) if isinstance(name, str) else name for name in given]
            if isinstance(given, list | tuple)
            else given
        )

    @model_validator(mode="after")
    def _no_repeats(self) -> AuditsSpec:
        if len(set(self.include)) != len(self.include):
            raise ValueError("an audit is listed twice in audits.include")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The audits to run: those of ``include``, and one that an option of a suite adds."""
        added = ("base_vs_tuned",) if self.fairness.base_vs_tuned and "base_vs_tuned" not in self.include else ()
        return (*self.include, *added)

    def options(self, suite: str) -> dict[str, Any]:
        """Options for an audit of this suite: the section of that name, and what all audits share."""
        section = getattr(self, suite, None)
        own = section.model_dump() if isinstance(section, Part) else {}
        return {"min_group_rows": self.min_group_rows, **own}

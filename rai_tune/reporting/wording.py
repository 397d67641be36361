"""Plain words for metrics, outcomes and methods. One place, so that every report says the same thing."""

from __future__ import annotations

from dataclasses import dataclass

from rai_tune.reporting.text import clean


@dataclass(frozen=True)
class Words:
    """A name to show and one sentence that says what it means."""

    name: str
    meaning: str = ""


OUTCOMES: dict[str, tuple[str, str]] = {
    "fail": ("Refused", "✗"),
    "insufficient_evidence": ("Not enough evidence", "?"),
    "awaiting_signoff": ("Waiting for sign-off", "…"),
    "pass": ("Passed", "✓"),
}
"""Overall outcome -> word and icon."""

CONTROL_OUTCOMES: dict[str, tuple[str, str]] = {
    "pass": ("met", "✓"),
    "fail": ("not met", "✗"),
    "insufficient_evidence": ("not enough evidence", "?"),
    "not_applicable": ("does not apply", "–"),
    "awaiting_signoff": ("waiting for a person", "…"),
}
"""Outcome of one control or reading -> word and icon."""

SEVERITIES = {"block": "blocks", "warn": "warns", "info": "for information"}
ORIGINS = {"law": "law", "guidance": "guidance", "organisation": "the organisation's choice"}

QUALITY: dict[str, Words] = {
    "roc_auc": Words("ROC AUC", "How often a positive row scores above a negative one; 0.5 is chance."),
    "average_precision": Words("Average precision", "Area under the precision-recall curve."),
    "accuracy": Words("Accuracy", "Share of rows decided as labelled."),
    "balanced_accuracy": Words("Balanced accuracy", "Mean recall over the classes."),
    "macro_f1": Words("Macro F1", "Mean F1 over the classes."),
    "precision": Words("Precision", "Share of positive decisions that are labelled positive."),
    "recall": Words("Recall", "Share of positive labels that are found."),
    "brier_score": Words("Brier score", "Mean squared error of the scores; lower is better."),
    "log_loss": Words("Log loss", "Mean negative log likelihood; lower is better."),
}

SPREADS: dict[str, Words] = {
    "demographic_parity_difference": Words(
        "Largest gap in selection rate", "Demographic parity difference: highest minus lowest group rate."
    ),
    "equalized_odds_difference": Words(
        "Largest gap in error rates", "Equalized odds difference: the larger of the TPR and FPR gaps between groups."
    ),
}

DETECTABLE = "Smallest gap in the rate that these rows would show 4 times in 5"

SWAPS: dict[str, Words] = {
    "swap_any_flip_rate": Words(
        "Decisions that change with the group",
        "Share of rows whose decision changes when only the named group changes.",
    ),
    "swap_mean_absolute_shift": Words(
        "Mean shift of the score", "Mean size of the change in the probability of the favourable outcome."
    ),
    "swap_flip_rate": Words("Decisions that change", "Share of these texts whose decision changes."),
    "swap_favourable_rate_change": Words(
        "Change in the favourable rate", "Favourable decisions after the swap minus before, on the same texts."
    ),
    "swap_score_shift": Words("Shift of the score", "Mean change in the probability of the favourable outcome."),
}

HIRING: dict[str, Words] = {
    "four_fifths_ratio": Words("Ratio to the highest rate", "Selection rate over that of the group with the highest."),
    "four_fifths_difference": Words("Difference to the highest rate", "Selection rate minus the highest."),
    "four_fifths_p_value": Words("Fisher's p-value", "How surprising these counts are if both rates are equal."),
    "four_fifths_p_value_adjusted": Words(
        "Fisher's p-value, adjusted", "The same, allowing for all pairs of groups (Holm)."
    ),
    "four_fifths_standard_deviations": Words(
        "Standard deviations", "Difference of the rates in pooled standard deviations."
    ),
    "four_fifths_disagreement": Words(
        "Rule and test disagree", "Whether the four-fifths rule and the test at 5 % point different ways."
    ),
    "ll144_assessed_rows": Words("People assessed", "Everyone on whom the tool decided."),
    "ll144_unknown_rows": Words("People of unknown category", "Assessed, and in no table."),
    "ll144_excluded_categories": Words("Categories left out", "Under 2 % of the data, with the auditor's reason."),
    "ll144_selection_rate": Words("Selection rate", "Share of the category that was selected."),
    "ll144_impact_ratio": Words("Impact ratio", "Selection rate over that of the most selected category."),
    "ll144_median_score": Words("Median score", "Of the full sample."),
    "ll144_scoring_rate": Words("Scoring rate", "Share of the category above the median score."),
    "ll144_scoring_impact_ratio": Words("Impact ratio of scores", "Scoring rate over the highest of any category."),
    "ll144_categories": Words("Categories", "Which group attributes are sex and race/ethnicity."),
}

DATA_CHECKS: dict[str, Words] = {
    "duplicate_overlap_share": Words(
        "Test texts seen in other splits", "Exactly equal texts in test and in train or validation."
    ),
    "normalised_overlap_share": Words(
        "The same, after normalising", "Equal after case, spacing and punctuation are ignored."
    ),
    "conflicting_label_share": Words("Equal texts, other label", "Rows whose text also occurs with another label."),
    "unknown_share": Words("Group unknown", "Rows without a group value; counted, never compared."),
    "missing_share": Words("Missing values", "Empty cells of a source column."),
}

EXPLANATION_CHECKS: dict[str, Words] = {
    "completeness_error": Words(
        "Completeness error, median", "Gap between summed attributions and the change in the model's output."
    ),
    "completeness_failed_share": Words(
        "Texts that miss the tolerance", "Share of explained texts whose attributions do not add up."
    ),
    "resolved_fraction": Words(
        "Tokens with a value of their own", "The rest share the value of a block that was not divided."
    ),
}

TRUST: dict[str, tuple[str, str]] = {
    "trusted": ("Trusted", "✓"),
    "not_trusted": ("Not trusted", "✗"),
    "insufficient_evidence": ("Not known whether to trust", "?"),
    "not_checked": ("Not checked", "?"),
}
"""Verdict on the explanations themselves -> word and icon."""

CHECK_OUTCOMES: dict[str, tuple[str, str]] = {
    "passed": ("passed", "✓"),
    "failed": ("failed", "✗"),
    "insufficient_evidence": ("not enough evidence", "?"),
    "not_applicable": ("does not apply", "–"),
}
"""Outcome of one check of the explanations -> word and icon."""

CHECK_NAMES: dict[str, str] = {
    "completeness": "It adds up",
    "comprehensiveness": "Without the words it names, the score falls",
    "sufficiency": "The words it names are enough",
    "randomisation": "It depends on what the model learned",
    "harmless_edits": "It survives harmless edits",
    "agreement": "Another method agrees",
}
"""Check -> what it asks, in the order of showing."""

METHODS: dict[str, Words] = {
    "interval": Words(
        "Intervals",
        "Tables show two-sided {confidence} intervals. An interval says which values the data leave open, if rows like "
        "these were drawn again; it does not cover other populations, other times or wrong labels.",
    ),
    "bounds": Words(
        "How controls decide",
        "A control reads a one-sided bound, not the estimate. For 'at least t' it is met only when the lower bound is at "
        "least t, and not met only when the upper bound, adjusted for the number of comparisons (Holm), is below t. "
        "Anything else is not enough evidence, and so is a number that is missing.",
    ),
    "pairs": Words(
        "Impact ratios",
        "The impact ratio of a group against another is its selection rate divided by the other's. Claims about all groups "
        "are claims about every ordered pair; picking the highest group from the same data would make wrong passes "
        "likely, so ratios to the highest group are shown and decide nothing here unless a policy says so.",
    ),
    "words": Words(
        "Positive and favourable",
        "'{positive}' is the positive class, of which TPR, FPR and precision speak. '{favourable}' is the favourable outcome, of "
        "which selection rates and impact ratios speak.",
    ),
    "threshold": Words(
        "Decision threshold",
        "A score at or above {threshold} decides '{positive}' (rule: {rule}). Every rate in this report depends on it.",
    ),
    "cutoffs": Words(
        "Decision thresholds by group",
        "A score at or above the cutoff of a person's group decides '{positive}' ({cutoffs}). The group of each person must be known when a decision "
        "is made, and every rate in this report depends on these cutoffs.",
    ),
    "gaps": Words(
        "Gaps",
        "A number that cannot be computed, such as a rate with nobody in its denominator, is 'not estimable' with its reason; it "
        "is never shown as zero. {suppression}",
    ),
    "spread": Words(
        "Gaps between the extremes",
        "The largest gap between groups is above zero even when all groups are treated alike, because the extremes are "
        "picked after looking. It is shown for comparison and is not a test.",
    ),
    "attribution": Words(
        "What decisions lean on",
        "Attributions divide a decision's score among the words of the text, and for templates among columns. That the parts add up does not "
        "say that a person would give the same reasons. They are called trusted only after six checks: they add up, the words they name carry "
        "the decision (two checks), they depend on what the model learned, they survive harmless edits, and another method agrees. The lines are the organisation's.",
    ),
}


def words_for(metric: str, *tables: dict[str, Words]) -> Words:
    """Words of a metric from the first table that has it, else its own name made readable."""
    for table in tables:
        if metric in table:
            return table[metric]
    return Words(clean(metric).replace("_", " ").capitalize())

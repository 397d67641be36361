"""Plain words for the audits that have no chapter of their own in a report, and for what they measure. Internal."""

from __future__ import annotations

from rai_tune.reporting.wording import HIRING, SWAPS, Words

AUDITS: dict[str, Words] = {
    "mitigation_effect": Words(
        "What mitigation did",
        "The model against its twin without mitigation on the same test rows: with minus without. The twin has the same recipe, rows, base and seed.",
    ),
    "base_vs_tuned": Words(
        "What fine-tuning did",
        "The tuned model against its own base on the same test rows: tuned minus base. The base decides by a linear probe on its frozen embeddings, "
        "fitted to the same training rows.",
    ),
    "selection": Words(
        "Chosen from a search",
        "This run was chosen among trials by validation rows, where the chosen one looks better than it is. The test rows, which no trial saw, say by how much.",
    ),
    "score_fairness": Words(
        "Scores by group", "Whether the score ranks people equally well in every group, and means the same in each."
    ),
    "inequality": Words(
        "Inequality of benefit",
        "How unevenly decisions benefit people: a wrong denial counts 0, a right decision 1, a wrong favour 2. Shown, and decides nothing.",
    ),
    "unknown_demographics": Words(
        "If the unknown were known", "How far each impact ratio could move if the rows of unknown group were known."
    ),
    "simpson": Words(
        "Does the gap hold within other groups?",
        "The gap between groups as it is, and after allowing for another attribute (Mantel-Haenszel). An adjusted gap never replaces the plain one.",
    ),
    "intersections": Words(
        "Groups by two attributes at once",
        "Each cell as counted, and drawn towards the mean of all cells because small cells swing by chance (pooled).",
    ),
    "regression_gaps": Words("Predicted numbers by group", "In the unit of the predicted number."),
    "paired_swaps": Words(
        "The same text about another group",
        "Only the named group changes in a text; what then changes in the decision is owed to the group's name alone.",
    ),
    "identity_reliance": Words(
        "What decisions owe to who a person is",
        "How much of an explanation is on identity, beside what a swap of identity does to the same texts; and other columns or words "
        "that tell the group and receive weight (proxies).",
    ),
    "global_attributions": Words(
        "What weighs most over all explained texts",
        "Mean attribution of columns or words, overall and per group. Texts are drawn evenly over label and group, so these are not means "
        "over all rows.",
    ),
    "four_fifths": Words(
        "Four-fifths rule and significance",
        "29 CFR 1607.4(D): a rate below four fifths of the highest is generally regarded as evidence of adverse impact.",
    ),
    "ll144": Words(
        "Tables of NYC Local Law 144", "6 RCNY 5-301: selection and scoring rates, and their impact ratios."
    ),
    "slice_discovery": Words(
        "Slices nobody named",
        "Found on one half of the rows and tested on the other: slice minus the rest. Intervals allow for having searched.",
    ),
    "calibration": Words("Calibration", "Whether a score of 0.7 means that it happens 7 times in 10."),
    "harmless_edits": Words(
        "Edits that should not matter",
        "Typos, letter case, punctuation and neutral frames, and the decisions they change.",
    ),
    "near_duplicates": Words("Near-duplicates", "Evaluated texts that are almost a text of another split."),
    "label_noise": Words(
        "Labels worth a second look",
        "Labels that the model, on rows it did not learn from, confidently contradicts. Suspects: a person must look.",
    ),
    "pii": Words("Personal data in texts", "Texts in which a detector finds a number, an address or an account."),
    "adverse_action_reasons": Words(
        "Reasons for unfavourable decisions",
        "Factors that pushed toward the unfavourable outcome, kept only where taking them away moves the score back. Columns that name a group are never given as reasons. "
        "Evidence for 12 CFR 1002.9(b)(2), not a notice to a person.",
    ),
    "minimal_counterfactuals": Words(
        "What would have turned the decision",
        "The smallest change found that turns the decision: columns given other values, or words taken away, which leaves texts unlike those in training.",
    ),
    "plausibility": Words(
        "Agreement with people",
        "Whether explanations mark the words that people marked (ERASER). It says nothing of faithfulness to the model.",
    ),
}
"""Audit -> title of its chapter and what it asks."""

_UNKNOWN = "with the unknown rows placed as badly as they could be for the group"

FIRST: dict[str, tuple[str, ...]] = {
    "mitigation_effect": (
        "equalized_odds_difference_change",
        "demographic_parity_difference_change",
        "before_equalized_odds_difference",
        "after_equalized_odds_difference",
        "before_demographic_parity_difference",
        "after_demographic_parity_difference",
        "roc_auc_change",
        "balanced_accuracy_change",
        "accuracy_change",
        "selection_rate_change",
        "selection_rate_gap_change",
        "favourable_gained_share",
        "favourable_lost_share",
        "favourable_flip_p_value",
    ),
    "base_vs_tuned": (
        "roc_auc_change",
        "accuracy_change",
        "selection_rate_change",
        "selection_rate_gap_change",
        "favourable_gained_share",
        "favourable_lost_share",
        "favourable_flip_p_value",
        "base_roc_auc",
        "base_accuracy",
        "base_selection_rate",
    ),
}
"""Metrics that lead a chapter, in this order; the others follow as they were measured."""

METRICS: dict[str, Words] = {
    **HIRING,
    **SWAPS,
    "chosen_on_validation": Words("On validation rows", "Where it was chosen."),
    "chosen_on_test": Words("On test rows", "Opened once, for the chosen one."),
    "winners_curse": Words("Validation flattered by", "Validation minus test, turned so that above 0 means that validation looked better."),
    "winners_curse_expected": Words(
        "Flattery expected beforehand", "Mean over random halves of the validation rows: chosen on one, looked at on the other."
    ),
    "identity_reliance": Words("Reliance on identity", "Share of all attribution that is on the column, or the words, of the attribute."),
    "identity_word_share": Words("Share of the words", "What the same words are of all words: their share of attribution if every word weighed alike."),
    "identity_reliance_ratio": Words("Reliance over share of the words", "Above 1: more weight than by count."),
    "swap_logit_change": Words("Change of the explained number under the swap", "Mean size in logits, on the same explained texts."),
    "swap_probability_change": Words("Change of the probability under the swap", "Mean size, either way, on the same explained texts."),
    "reliance_swap_correlation": Words(
        "Do attribution and swap agree?", "Rank correlation over texts of the attribution on identity with the effect of the swap; 1 is the same order."
    ),
    "proxy_association": Words("Tells the group", "Cramer's V of the column or word with the group: 0 tells nothing, 1 tells all."),
    "proxy_attribution_share": Words("Weight of what may tell the group", "Its mean share of all attribution, where a text has it."),
    "mean_attribution": Words("Mean attribution", "In logits, with sign: above 0 speaks for the explained outcome."),
    "mean_absolute_attribution": Words("Mean size of the attribution", "In logits, either way."),
    "mean_attribution_p_value_adjusted": Words("p-value of no direction, adjusted", "Allowing for all that were tested (Benjamini-Hochberg)."),
    "attribution_difference": Words("Mean attribution, difference", "The first group minus the second, in logits."),
    "attribution_difference_p_value_adjusted": Words(
        "p-value of no difference, adjusted", "Allowing for all that were tested (Benjamini-Hochberg)."
    ),
    "accuracy_change": Words("Accuracy, change", "Share of rows decided as labelled."),
    "accuracy_gap_change": Words("Accuracy gap, change", "Above 0: the first group gained on the second."),
    "roc_auc_change": Words("ROC AUC, change", "How often a positive row scores above a negative one."),
    "selection_rate_change": Words("Favourable rate, change", "Share of rows with the favourable outcome."),
    "selection_rate_gap_change": Words("Gap in the favourable rate, change", "Above 0: the first group gained on the second."),
    "true_positive_rate_change": Words("True positive rate, change"),
    "true_positive_rate_gap_change": Words("True positive rate gap, change", "Above 0: the first group rose against the second."),
    "false_positive_rate_change": Words("False positive rate, change"),
    "false_positive_rate_gap_change": Words("False positive rate gap, change", "Above 0: the first group rose against the second."),
    "before_accuracy": Words("Accuracy without mitigation"),
    "after_accuracy": Words("Accuracy with mitigation"),
    "before_balanced_accuracy": Words("Balanced accuracy without mitigation", "Mean of the true positive and the true negative rate."),
    "after_balanced_accuracy": Words("Balanced accuracy with mitigation", "Mean of the true positive and the true negative rate."),
    "balanced_accuracy_change": Words("Balanced accuracy, change", "Mean of the true positive and the true negative rate."),
    "before_roc_auc": Words("ROC AUC without mitigation", "0.5 is chance."),
    "after_roc_auc": Words("ROC AUC with mitigation", "0.5 is chance."),
    "before_selection_rate": Words("Favourable rate without mitigation", "Share of rows with the favourable outcome."),
    "after_selection_rate": Words("Favourable rate with mitigation", "Share of rows with the favourable outcome."),
    "before_true_positive_rate": Words("True positive rate without mitigation"),
    "after_true_positive_rate": Words("True positive rate with mitigation"),
    "before_false_positive_rate": Words("False positive rate without mitigation"),
    "after_false_positive_rate": Words("False positive rate with mitigation"),
    "before_demographic_parity_difference": Words("Demographic parity difference without mitigation", "Largest difference of favourable rates between groups."),
    "after_demographic_parity_difference": Words("Demographic parity difference with mitigation", "Largest difference of favourable rates between groups."),
    "demographic_parity_difference_change": Words("Demographic parity difference, change", "Below 0: groups came nearer."),
    "before_equalized_odds_difference": Words("Equalized odds difference without mitigation", "Largest difference of true or false positive rates between groups."),
    "after_equalized_odds_difference": Words("Equalized odds difference with mitigation", "Largest difference of true or false positive rates between groups."),
    "equalized_odds_difference_change": Words("Equalized odds difference, change", "Below 0: groups came nearer."),
    "base_accuracy": Words("Accuracy of the base", "Before fine-tuning."),
    "base_selection_rate": Words("Favourable rate of the base", "Before fine-tuning."),
    "base_roc_auc": Words("ROC AUC of the base", "Before fine-tuning; 0.5 is chance."),
    "favourable_gained_share": Words("Gained the favourable outcome", "Denied before and favoured after."),
    "favourable_lost_share": Words("Lost the favourable outcome", "Favoured before and denied after."),
    "favourable_flip_p_value": Words(
        "p-value of as many gains as losses", "How surprising these gains and losses are if either is equally likely (McNemar)."
    ),
    "subgroup_auc": Words(
        "Ranking within the group", "Subgroup AUC: how often one of its positives scores above one of its negatives; 0.5 is chance."
    ),
    "bpsn_auc": Words(
        "Its negatives below others' positives",
        "BPSN AUC: how often a positive outside scores above a negative of the group. Low: the group is overrated.",
    ),
    "bnsp_auc": Words(
        "Its positives above others' negatives",
        "BNSP AUC: how often a positive of the group scores above a negative outside. Low: the group is underrated.",
    ),
    "subgroup_auc_difference": Words("Ranking within the group, difference", "Subgroup AUC of the first minus the second."),
    "brier_score": Words("Brier score", "Mean squared error of the score; lower is better."),
    "brier_score_difference": Words("Brier score, difference", "The first minus the second; below 0 favours the first."),
    "calibration_in_the_large": Words(
        "Mean score minus observed share", "Above 0: overrated on average; below 0: underrated."
    ),
    "calibration_in_the_large_difference": Words("Mean score minus observed share, difference", "The first minus the second."),
    "expected_calibration_error": Words("Calibration error", "Mean gap between score and share, over bins of like score."),
    "maximum_calibration_error": Words("Largest calibration error", "The widest gap of any bin."),
    "generalized_entropy_index": Words("Generalized entropy index", "Of benefit over all rows; 0 is equal."),
    "theil_index": Words("Theil index", "Of benefit over all rows; 0 is equal."),
    "between_group_generalized_entropy_index": Words("Generalized entropy between groups", "The part that groups explain; 0 is none."),
    "between_group_theil_index": Words("Theil index between groups", "The part that groups explain; 0 is none."),
    "differential_fairness_epsilon": Words(
        "Differential fairness of decisions", "Largest log ratio of any outcome's rates between two groups; 0 is equal."
    ),
    "label_differential_fairness_epsilon": Words("Differential fairness of labels", "The same of the true labels."),
    "impact_ratio_lowest": Words("Lowest possible impact ratio", f"The ratio {_UNKNOWN}."),
    "impact_ratio_highest": Words("Highest possible impact ratio", "The ratio with the unknown rows placed as well as they could be for the group."),
    "selection_rate_difference_marginal": Words("Gap in the favourable rate", "As it is, nothing allowed for."),
    "selection_rate_difference_adjusted": Words("Gap after allowing for it", "Common difference within its strata (Mantel-Haenszel)."),
    "impact_ratio_adjusted": Words("Impact ratio after allowing for it", "Common ratio within its strata (Mantel-Haenszel)."),
    "simpson_reversal": Words(
        "The gap turns round",
        "Yes: after allowing for the attribute, the other group is the one ahead (Simpson's reversal). Not settled: one of both gaps may be 0.",
    ),
    "group_size": Words("Rows", "Evaluated rows in the cell."),
    "selection_rate": Words("Favourable rate, as counted", "Share of the cell's rows with the favourable outcome."),
    "selection_rate_pooled": Words("Favourable rate, pooled", "Drawn towards the mean of all cells; not the cell's own rate."),
    "impact_ratio": Words("Impact ratio", "Selection rate of the first over that of the second."),
    "mean_prediction": Words("Mean prediction"),
    "mean_prediction_difference": Words("Mean prediction, difference", "The first minus the second."),
    "mean_residual": Words("Mean error", "Predicted minus true; above 0 the group is overestimated."),
    "mean_residual_difference": Words("Mean error, difference", "The first minus the second."),
    "mean_absolute_error": Words("Mean absolute error", "Size of the error, either way."),
    "mean_absolute_error_difference": Words("Mean absolute error, difference", "The first minus the second."),
    "slice_error_rate_difference": Words("Error rate, slice minus the rest", "On the half that played no part in finding it."),
    "slice_favourable_rate_difference": Words("Favourable rate, slice minus the rest", "On the half that played no part in finding it."),
    "edit_flip_rate": Words("Decisions that change", "Share of these texts whose decision changes under the edit."),
    "edit_flip_rate_difference": Words("Decisions that change, difference", "The first group minus the second."),
    "edit_score_shift": Words("Shift of the score", "Mean change of the positive class's score under the edit."),
    "near_duplicate_share": Words("Almost a text of another split", "Share of evaluated texts; exact copies are counted elsewhere."),
    "pii_rate": Words("Texts with personal data", "Share of texts in which the detector finds some."),
    "label_noise_rate": Words("Labels in doubt", "Estimated share of wrong labels, if the model's own mistakes were none."),
    "label_suspect_rate": Words("Suspect labels", "Share of these rows whose label the model confidently contradicts."),
    "label_suspect_rate_difference": Words("Suspect labels, difference", "The first group minus the second."),
    "decisions_with_reasons_share": Words("Decisions with a confirmed reason", "Of the explained unfavourable ones."),
    "prohibited_basis_share": Words("A group among the strongest reasons", "Unfavourable decisions in which a column or word that names a group is confirmed among the top factors."),
    "reasons_confirmed_share": Words("Top factors that removal confirms", "Mean share over decisions."),
    "reason_stability": Words("Reasons that stay under other seeds", "Mean overlap of the top factors with those of gradient SHAP under other seeds."),
    "reason_frequency": Words("Given as a reason", "Share of the unfavourable decisions."),
    "counterfactual_found_share": Words("Decisions that some change turns", "Within the budget of changed texts."),
    "counterfactual_size": Words("Changes that it takes, median", "Of the decisions that were turned."),
    "counterfactual_identity_share": Words("Turned by the group alone", "Only what names the group was changed."),
    "plausibility_token_f1": Words("Words marked by both (F1)", "Token F1, mean over texts."),
    "plausibility_iou_f1": Words("Stretches marked by both (IOU-F1)", "A stretch counts when it overlaps a person's by half or more."),
    "plausibility_auprc": Words("Ranking of marked words (AUPRC)", "Area under precision and recall, mean over texts."),
}  # fmt: skip

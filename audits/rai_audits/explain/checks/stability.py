"""Sensitivity to harmless edits: whether the explanation stays when only punctuation, letter case or a neutral frame changes.

The attributions of the words that both texts have are compared by the cosine, which weighs words by how much they carry: the order among words that
carry next to nothing is noise, and nobody reads it.
"""

from __future__ import annotations

from collections import defaultdict
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from rai_audits.explain.checks.case import cosine, drawn, named_words
from rai_audits.explain.checks.quantity import CheckResult, Quantity, mean_quantity
from rai_audits.explain.encoding import encode_text
from rai_audits.quality.measure import Estimate, Gap
from rai_audits.robustness.edits import apply_edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.checks.work import Work
    from rai_audits.explain.encoding import EncodedText

NAME = "harmless_edits"
METRIC = "edit_similarity"
_USABLE = "an edit that the model can see and words in common"


def check_stability(work: Work) -> CheckResult:
    """Mean cosine over documents (each the mean over its edits) of at least the threshold.

    An edit that leaves the token ids as they were says nothing about the explanation, and is not counted.
    """
    threshold = work.thresholds.edits
    cases = drawn([case for case in work.cases if case.usable], work.options.edit_documents, work.seed, NAME)
    edited = [
        (case, name, text) for case in cases for name in work.options.edits if (text := _edited(work, case, name))
    ]
    found = work.attribute(
        [text for _, _, text in edited], [case.target for case, _, _ in edited], "explaining edited texts"
    )
    by_case: dict[str, list[float]] = defaultdict(list)
    by_edit: dict[str, list[float]] = defaultdict(list)
    for (case, name, text), other in zip(edited, found, strict=True):
        alike = None
        if other is not None:
            alike = similarity(
                named_words(case.encoded, case.tokens.attributions), named_words(text, other.attributions)
            )
        if alike is not None:
            by_case[case.row_id].append(alike)
            by_edit[name].append(alike)
    means = [sum(values) / len(values) for values in by_case.values()]
    key = mean_quantity(METRIC, means, label="all edits", what=_USABLE)
    each = [mean_quantity(METRIC, by_edit[name], label=name, what=_USABLE) for name in work.options.edits]
    outcome = work.judge(key, threshold, at_least=True)
    return CheckResult(NAME, outcome, _sentence(work, key, threshold), threshold, key, (key, *each))


def similarity(before: Sequence[tuple[str, float]], after: Sequence[tuple[str, float]]) -> float | None:
    """Cosine of the attributions of words in common, matched in order; None without any that carry something."""
    blocks = SequenceMatcher(
        None, [word for word, _ in before], [word for word, _ in after], autojunk=False
    ).get_matching_blocks()
    pairs = [(before[item.a + step][1], after[item.b + step][1]) for item in blocks for step in range(item.size)]
    return cosine([one for one, _ in pairs], [two for _, two in pairs])


def _edited(work: Work, case: Case, name: str) -> EncodedText | None:
    text = apply_edit(name, case.encoded.text, row_id=case.row_id, seed=work.seed, protected=case.protected)
    encoded = encode_text(work.engine.model, text)
    return encoded if encoded.ids != case.encoded.ids and encoded.content_tokens else None


def _sentence(work: Work, key: Quantity, threshold: float) -> str:
    if isinstance(key.value, Gap):
        return f"Whether the explanation survives harmless edits is not known: {key.value.reason}."
    assert isinstance(key.value, Estimate)
    low, high = key.value.ends(1 - work.confidence, "two-sided")
    return (
        f"After harmless edits ({', '.join(work.options.edits)}) attributions are {key.value.point:.2f} alike ({low:.2f} to {high:.2f}, cosine over words in "
        f"common, {key.n} documents); at least {threshold:.2f} is asked for."
    )

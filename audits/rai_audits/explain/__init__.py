"""What single decisions lean on, and how far to believe it: attributions with their own error and their own checks.

Use ``attribute_texts`` and ``checked_texts`` from a notebook on any transformers sequence classifier; the registered audits of the suite
``explain`` do the same on a stratified sample of a run's test rows. The names below are stable. Nothing here imports torch before a
model is explained.

    from rai_audits import explain

    model = explain.TextModel(classifier, tokenizer, classes=("neutral", "hate"))
    found = explain.checked_texts(model, texts, positive="hate")
    found.checks.outcome          # trusted, not_trusted or insufficient_evidence
    found.attributions[0].words   # each word with its share of the score, in logits
"""

from rai_audits.explain.checking import CheckedTexts, checked_texts
from rai_audits.explain.folding import Unit
from rai_audits.explain.methods import METHODS
from rai_audits.explain.model import TextModel
from rai_audits.explain.texts import TextAttribution, attribute_texts

__all__ = ["METHODS", "CheckedTexts", "TextAttribution", "TextModel", "Unit", "attribute_texts", "checked_texts"]

"""What single decisions lean on: attributions with their own error, folded to words and to columns.

Use ``attribute_texts`` from a notebook on any transformers sequence classifier; the registered audit
``integrated_gradients`` does the same on a stratified sample of a run's test rows. ``TextModel``, ``attribute_texts``,
``TextAttribution`` and ``Unit`` are stable. Nothing here imports torch before a model is explained.
"""

from rai_audits.explain.folding import Unit
from rai_audits.explain.model import TextModel
from rai_audits.explain.texts import TextAttribution, attribute_texts

__all__ = ["TextAttribution", "TextModel", "Unit", "attribute_texts"]

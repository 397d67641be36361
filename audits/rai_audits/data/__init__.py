"""Data audits: representation, labels, missing values and leakage. Stable API: ``normalise_text``."""

from rai_audits.data.normalise import normalise_text

__all__ = ["normalise_text"]

"""What may be promoted, and on which evidence. Stable API: ``collect_evidence``."""

from rai_tune.promotion.evidence import collect_evidence

__all__ = ["collect_evidence"]

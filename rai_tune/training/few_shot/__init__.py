"""Learning from a few rows of each class: a contrastive warm start of the encoder, then a head on its embeddings.

Stable API: ``check_few_shot``, ``check_shots``, ``draw_seed``, ``with_shots`` (light) and, from ``rai_tune.training.few_shot.learning``,
``learn_few_shot``, which needs no workspace.
"""

from rai_tune.training.few_shot.checking import check_few_shot
from rai_tune.training.few_shot.shots import check_shots, draw_seed, learned_from, with_shots

__all__ = ["check_few_shot", "check_shots", "draw_seed", "learned_from", "with_shots"]

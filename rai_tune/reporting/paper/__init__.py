"""What a printed report says and in which order, before it is PDF, HTML or Markdown. Stable API.

``paper_for`` makes the whole report, or the variant of one policy, from a run's inputs; ``full_paper`` makes it from a view. A renderer
shows the blocks of a ``Paper`` in their order and adds no content.
"""

from rai_tune.reporting.paper.blocks import Paper
from rai_tune.reporting.paper.full import full_paper
from rai_tune.reporting.paper.variants import paper_for

__all__ = ["Paper", "full_paper", "paper_for"]

"""The controls of every policy of one run: ``/policy?run=ID``, ``&control=ID`` for one of them, ``&as_of=YYYY-MM-DD`` for another day."""

from rai_tune.review.frame import run_page
from rai_tune.review.sections.policy import show_policy

run_page("policy", show_policy)

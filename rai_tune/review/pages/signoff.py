"""Sign-off of one run: ``/signoff?run=ID``."""

from rai_tune.review.frame import run_page
from rai_tune.review.sections.signing import show_signing

run_page("signoff", show_signing)

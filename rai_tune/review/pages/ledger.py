"""The ledger of the workspace: ``/ledger``, one of its entries: ``/ledger?entry=N``."""

from __future__ import annotations

from rai_tune.review.frame import workspace_page
from rai_tune.review.sections.ledger import show_ledger

workspace_page("Ledger", show_ledger)

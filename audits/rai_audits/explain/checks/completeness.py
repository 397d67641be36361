"""Completeness, measured again: whether the presented attributions sum to the output change of *this* model.

The method's own status is not taken on trust. The model is run at the text and at the baseline, so attributions of another model are caught too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rai_audits.explain.checks.quantity import CheckResult, share_quantity
from rai_audits.explain.jobs import Job, allowed_error, measured, settled
from rai_audits.explain.methods import load_method
from rai_audits.quality.measure import Estimate

if TYPE_CHECKING:
    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.checks.work import Work

NAME = "completeness"
METRIC = "completeness_recheck_failed_share"


def check_completeness(work: Work) -> CheckResult:
    """Share of documents whose attribution is undefined, failed, or does not sum to the output change within the tolerance."""
    threshold = work.thresholds.completeness
    if not load_method(work.settings.method).sums:
        told = "The method does not promise attributions that sum to the output change."
        return CheckResult(NAME, "not_applicable", told)
    failed = sum(not ok for ok in _sums(work))
    quantity = share_quantity(METRIC, failed, len(work.cases))
    outcome = work.judge(quantity, threshold, at_least=False)
    told = f"The attributions of {failed} of {len(work.cases)} documents do not sum to the output change, or have none to sum to"
    told += f"; at most {threshold:.0%} may." if isinstance(quantity.value, Estimate) else f": {quantity.value.reason}."
    return CheckResult(NAME, outcome, told, threshold, quantity, (quantity,))


def _sums(work: Work) -> list[bool]:
    jobs = [Job(place, case.encoded, case.target) for place, case in enumerate(work.cases) if case.usable]
    found = {job.place: job for job in measured(work.engine, jobs)} if jobs else {}
    return [place in found and _sum_holds(case, found[place], work) for place, case in enumerate(work.cases)]


def _sum_holds(case: Case, job: Job, work: Work) -> bool:
    if settled(job) is not None:
        return False
    # A hair above the tolerance: sums were taken in another batch of the same model.
    slack = 1e-4 * max(1.0, abs(job.change))
    error = abs(math.fsum(case.tokens.attributions) - job.change)
    return error <= allowed_error(job.change, work.settings.tolerance) + slack

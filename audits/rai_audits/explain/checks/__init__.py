"""The checks that an explanation must pass before it is shown as trusted.

``run_checks`` puts presented attributions to completeness, comprehensiveness and sufficiency, weight randomisation, harmless edits and agreement with
another method; ``Checks.outcome`` is ``trusted``, ``not_trusted`` or ``insufficient_evidence``. ``check_measurements`` turns them into Measurements.
Stable API: the names below and the functions of ``eraser``. Nothing here imports torch before a check is run.
"""

from rai_audits.explain.checks.case import Case
from rai_audits.explain.checks.faithfulness import OFF_DISTRIBUTION
from rai_audits.explain.checks.measurements import check_measurements
from rai_audits.explain.checks.quantity import CheckResult, Quantity
from rai_audits.explain.checks.thresholds import Options, Thresholds
from rai_audits.explain.checks.verdict import Checks, Verdict, run_checks, verdict_of

__all__ = [
    "OFF_DISTRIBUTION",
    "Case",
    "CheckResult",
    "Checks",
    "Options",
    "Quantity",
    "Thresholds",
    "Verdict",
    "check_measurements",
    "run_checks",
    "verdict_of",
]

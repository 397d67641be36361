"""From a person's own table of predictions to audit results, without a model.

``audit_table`` is what ``rai_audits.fairness.audit`` calls. Stable API: ``audit_table``, ``TableSpec``, ``TableAudit``.
"""

from rai_audits.fairness.table.outcome import TableAudit
from rai_audits.fairness.table.run import audit_table
from rai_audits.fairness.table.spec import TableSpec

__all__ = ["TableAudit", "TableSpec", "audit_table"]

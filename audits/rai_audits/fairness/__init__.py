"""How a model's decisions fall on groups of people.

``counts`` (mergeable confusion counts per group), ``group_rates`` (the audit of rates, impact ratios and differences). Audits are
loaded by name through ``rai_audits.core.load_audit``; nothing is imported here. Stable API: ``counts`` and the audits' metric names.
"""

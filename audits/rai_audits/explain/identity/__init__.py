"""The audit ``identity_reliance``: whether decisions lean on who a person is, by attribution and by what a swap does.

Loaded by name through ``rai_audits.core.load_audit``; nothing is imported here. Stable API: the audit's metric names.
"""

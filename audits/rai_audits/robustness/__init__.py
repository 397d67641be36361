"""Whether scores mean what they say, and whether decisions hold under edits that should not matter.

``calibration`` (reliability of the scores, no model needed) and ``harmless_edits`` (needs the model). Audits are loaded by name
through ``rai_audits.core.load_audit``; nothing is imported here.
"""

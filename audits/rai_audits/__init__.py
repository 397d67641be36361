"""rai_audits: measure how a model treats people, with honest uncertainty.

Usable alone on a table of predictions or on any transformers sequence classifier; imports nothing of ``rai_tune``.
"""

__version__ = "0.1.0"

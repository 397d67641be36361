"""rai_tune: the fine-tuning run a regulator can check."""

__version__ = "0.1.0"

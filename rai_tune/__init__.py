"""rai_tune: the fine-tuning run a regulator can check. ``rai_tune.load("production")`` serves what was promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rai_tune.served import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # torch comes with it, and most who import the package only want its version or a command.
    if name == "load":
        from rai_tune.served import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

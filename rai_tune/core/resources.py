"""One way to find packaged data (policy packs, report templates), installed or in a checkout.

An editable install does not see force-included files in place, so the checkout's own folder is the second place to look.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_path(*parts: str) -> Path:
    """Path of a resource such as ``resource_path("policies", "baseline.yaml")``.

    Raises ``FileNotFoundError`` naming both places that were looked at, and ``ValueError`` for a part that climbs out.
    """
    if any(part in {"", ".", ".."} or "/" in part or "\\" in part for part in parts):
        raise ValueError(f"not a resource name: {parts!r}")
    packaged = _PACKAGE.joinpath(*parts)
    checkout = _PACKAGE.parent.joinpath(*parts)
    for candidate in (packaged, checkout):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"resource {'/'.join(parts)} is neither at {packaged} nor at {checkout}")

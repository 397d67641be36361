"""Finding and reading policy packs. Stable API: ``load_policy``, ``known_policies``.

A pack is named by id, looked up among the packs that come with the tool, or by the path of a YAML file. An id never
becomes a path unchecked.
"""

from __future__ import annotations

import re
from pathlib import Path

from rai_tune.core import UsageError, did_you_mean, resource_path
from rai_tune.core.safe_yaml import load_yaml_file
from rai_tune.gate.checks import KINDS, RetentionCheck
from rai_tune.gate.decision import Threshold
from rai_tune.gate.policy import POLICY_ID, Control, LoadedPolicy, Policy, RetentionRule, policy_digest
from rai_tune.gate.problems import parse

_SUFFIXES = frozenset({".yaml", ".yml"})


def known_policies() -> tuple[str, ...]:
    """Ids of the packs that come with the tool, sorted."""
    return tuple(sorted(path.stem for path in resource_path("policies").glob("*.yaml")))


def load_policy(name_or_path: str | Path) -> LoadedPolicy:
    """Load a pack by id (``baseline``) or by path (a ``Path``, or text with a folder or a YAML ending).

    Raises ``UsageError`` for an unknown id (with the nearest known one), a file that cannot be read, an unknown key or kind,
    a threshold without origin or source, two controls with one id, or a condition that is malformed or reads something unknown.
    """
    if isinstance(name_or_path, Path) or _is_path(name_or_path):
        return _read(Path(name_or_path))
    if not re.fullmatch(POLICY_ID, name_or_path):
        raise UsageError(
            f"{name_or_path!r} is not a policy id (lower-case letters, digits, hyphens) nor the path of a YAML file."
        )
    if name_or_path not in known_policies():
        raise UsageError(f"unknown policy {name_or_path!r}.{did_you_mean(name_or_path, known_policies())}")
    loaded = _read(resource_path("policies", f"{name_or_path}.yaml"))
    if loaded.policy.id != name_or_path:
        raise UsageError(f"{loaded.path}: id: {loaded.policy.id!r} does not match the name of the file.")
    return loaded


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or Path(text).suffix.lower() in _SUFFIXES


def _read(path: Path) -> LoadedPolicy:
    policy = parse(
        Policy,
        load_yaml_file(path),
        str(path),
        parts={
            "controls": Control,
            "threshold": Threshold,
            "people": Threshold,
            "texts_days": Threshold,
            **{name: kind.settings for name, kind in KINDS.items()},
            "retention": (RetentionCheck, RetentionRule),
        },
        kinds=KINDS,
    )
    return LoadedPolicy(policy=policy, digest=policy_digest(policy), path=path)

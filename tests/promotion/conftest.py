"""The story of a small workspace, for the tests of bundles."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def story() -> ModuleType:
    """The module ``story.py`` beside this file; tests are no package, so it is loaded by path."""
    path = Path(__file__).with_name("story.py")
    spec = importlib.util.spec_from_file_location("bundle_story", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

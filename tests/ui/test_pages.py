"""What the pages say, in every state that a store can be in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from conftest_helpers import APP, HOSTILE, MARKDOWN

from rai_tune.review.explained import explained_rows, visible
from rai_tune.review.listing import age
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest


"""What the table of before and after says of measures that are not those of the quality section: one class of three, and rows without weights."""

from __future__ import annotations

import pandas as pd
import pytest

from rai_audits.core import AuditContext, PlainDecisions, TaskInfo, load_audit, run_audit
from rai_tune.reporting.mitigation import mitigation_view


class Sink:
    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return f"{name} of {len(table)} rows"


def view_of(classes: tuple[str, ...], weights: list[float] | None = None):
    rows = 90
    frame = pd.DataFrame(
        {
            "row_id": [f"r{place}" for place in range(rows)],
            "split": "test",
            "label": [classes[place % len(classes)] for place in range(rows)],
            "prediction": [classes[place * 7 // 3 % len(classes)] for place in range(rows)],
            "score": [place * 37 % rows / rows for place in range(rows)],
            "group:sex": ["f" if place // 3 % 2 else "m" for place in range(rows)],
        }
    )
    if weights:
        frame["weight"] = weights * (rows // len(weights))
    twin = PlainDecisions(frame.assign(prediction=classes[0]), {"source": "trained", "threshold": None})
    task = TaskInfo(classes, classes[0], classes[1], 0.5, {"sex": ("f", "m")})
    result = run_audit(load_audit("mitigation_effect"), AuditContext(frame, task, Sink(), before=lambda: twin), {})
    assert result.status == "ok", result.reason
    found = mitigation_view((result,), {"mitigation": {"methods": []}})
    assert found is not None
    return found


@pytest.mark.parametrize(("classes", "end"), [(("no", "yes"), ""), (("no", "yes", "later"), " of no against the rest")])
def test_measures_of_one_class_of_several_say_so(classes, end):
    names = [row.name for row in view_of(classes).rows]
    assert names == [
        f"ROC AUC{end}",
        f"Balanced accuracy{end}",
        "Accuracy",
        "Favourable rate",
        f"Equalized odds difference{end} by sex",
        "Demographic parity difference by sex",
    ]


def test_rows_that_have_weights_are_said_to_count_alike():
    told = {fact.name: fact.text for fact in view_of(("no", "yes"), [1.0, 3.0]).facts}
    assert "every row counts alike" in told["Row weights"]
    assert "Row weights" not in {fact.name for fact in view_of(("no", "yes")).facts}

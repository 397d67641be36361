"""The four-fifths rule beside a test, in the terminal: the disagreement is said, small groups stay hidden."""

import pandas as pd

from rai_tune.reporting import build_view
from rai_tune.reporting.terminal import summary_text
from rai_tune.table_audit import TableQuestion, audit_predictions


def lines(**groups):
    rows = [
        {"team": team, "hired": int(place < selected)}
        for team, (selected, everyone) in groups.items()
        for place in range(everyone)
    ]
    question = TableQuestion(table=pd.DataFrame(rows), prediction="hired", favourable="1", groups={"team": ()})
    return summary_text(build_view(audit_predictions(question).inputs)).splitlines()


def test_rule_and_test_stand_side_by_side_and_their_disagreement_is_said():
    text = lines(a=(30, 60), b=(7, 20), c=(31, 60), tiny=(1, 4), near=(3, 9))
    heads = [place for place, line in enumerate(text) if line.startswith("Four fifths of the highest rate")]
    section = text[heads[0] : heads[0] + 7]
    [below] = [line for line in section if line.strip().startswith("b / c")]
    assert "0.677" in below and "disagree" in below
    [equal] = [line for line in section if line.strip().startswith("a / c")]
    assert "0.968" in equal and "disagree" not in equal
    # "near" goes with "tiny": 153 people in all and 140 in the other groups would give 4 away.
    for name in ("tiny", "near"):
        [hidden] = [line for line in section if name in line]
        assert "suppressed" in hidden and "0." not in hidden
    assert max(map(len, section)) <= 80

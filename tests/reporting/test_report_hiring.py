"""The four-fifths rule beside a test, in the terminal: the disagreement is said, small groups stay hidden."""

import pandas as pd

from rai_tune.reporting import build_view
from rai_tune.reporting.terminal import summary_text
from rai_tune.table_audit import TableQuestion, audit_predictions, table_settings


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


def local_law(rows, *settings, policies=()):
    question = TableQuestion(
        table=pd.DataFrame(rows), prediction="hired", favourable="1", groups={"sex": (), "race": ()}
    )
    found = audit_predictions(question, policies, table_settings(settings))
    return summary_text(build_view(found.inputs)).splitlines()


def people(counts):
    return [
        {"sex": sex, "race": race, "hired": int(place < selected)}
        for (sex, race), (selected, everyone) in counts.items()
        for place in range(everyone)
    ]


def test_local_law_144_has_its_tables_with_the_unknown_counted():
    counts = {
        ("f", "B"): (20, 100),
        ("f", "w"): (40, 100),
        ("m", "B"): (30, 100),
        ("m", "w"): (40, 80),
        (None, "w"): (5, 10),
    }
    text = local_law(people(counts))
    start = next(place for place, line in enumerate(text) if line.startswith("Tables of NYC Local Law 144"))
    rows = [line.split("  ") for line in text[start + 1 : start + 12]]
    cells = {row[1].strip(): [cell.strip() for cell in row[2:] if cell.strip()] for row in rows if len(row) > 3}
    assert cells["f"] == ["200", "30.0 %", "0.771"]
    assert cells["m x w"] == ["80", "50.0 %", "1.000"]
    assert cells["f x B"] == ["100", "20.0 %", "0.400"]
    [told] = [line for line in text if "assessed" in line]
    assert "390 assessed; 0 categories left out; unknown: sex 10, race 0" in told
    assert all(len(line) <= 80 for line in text)


def test_controls_for_a_person_share_a_line_in_the_summary():
    text = local_law(people({("f", "B"): (20, 100), ("m", "w"): (22, 100)}), policies=("nyc-ll144",))
    joined = " ".join(line.strip() for line in text)
    assert "4 for a person to attest: LL144-5-302a, LL144-auditor, LL144-5-303a, LL144-5-304" in joined
    assert joined.count("A person must attest to this") == 0

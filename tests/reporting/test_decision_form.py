"""One decision in finished words: stored counterfactuals and reasons, and what cannot be read."""

from __future__ import annotations

import pandas as pd
import pytest

from rai_tune.core import IntegrityError
from rai_tune.reporting.decision_form import given_reasons, signed, stored_turned


def turned(**changes: object) -> pd.DataFrame:
    row = {
        "row_id": "7", "kind": "columns", "size": 2, "changes": '["debt = low", "years = 9"]', "before": "denied",
        "after": "approved", "minimal": True, "evaluations": 1234, "identity_alone": False, **changes,
    }  # fmt: skip
    return pd.DataFrame([row])


def test_a_stored_counterfactual_is_said_as_a_fresh_one() -> None:
    assert stored_turned(turned()) == (
        "With debt = low, years = 9: approved (the smallest there is among those tried; 1,234 changed texts).",
        "Changing nothing but the group does not turn the decision.",
    )
    words = stored_turned(turned(kind="words", minimal=False, identity_alone=pd.NA))
    assert words[0].startswith(
        "Without the words debt = low, years = 9: approved (found, not shown to be the smallest;"
    )
    assert words[1:] == ("Words were taken away: the model was not trained on texts with gaps.",)


def test_no_counterfactual_found_is_not_the_same_as_none_searched() -> None:
    assert stored_turned(turned(after=None, changes="[]"))[0].startswith("No change that was tried turns the decision")
    assert stored_turned(None) == stored_turned(turned().iloc[:0]) == ()


@pytest.mark.parametrize("changes", [{"changes": "no list"}, {"evaluations": "many"}, {"changes": "7"}])
def test_a_stored_counterfactual_that_cannot_be_read_is_damage(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="a stored counterfactual cannot be read"):
        stored_turned(turned(**changes))


def test_reasons_are_confirmed_never_name_a_group_and_are_at_most_so_many() -> None:
    table = pd.DataFrame(
        [
            ("7", 3, "column", "years", 0.1, 0.05, True, False),
            ("7", 1, "column", "race", 0.9, 0.8, True, True),
            ("7", 2, "column", "debt\u202e", 0.4, 0.3, True, False),
            ("7", 4, "column", "loan", 0.05, -0.2, False, False),
        ],
        columns=["row_id", "rank", "kind", "factor", "attribution", "removal_effect", "confirmed", "identity"],
    )
    assert [(row.name, row.effect) for row in given_reasons(table, 4)] == [
        ("debt[U+202E]", "+0.300"),
        ("years", "+0.050"),
    ]
    assert [row.name for row in given_reasons(table, 1)] == ["debt[U+202E]"]
    with pytest.raises(IntegrityError, match="a stored reason cannot be read"):
        given_reasons(table.drop(columns="identity"), 4)


def test_a_part_has_its_sign() -> None:
    assert (signed(0.4), signed(-0.4), signed(0.0)) == ("+0.400", "−0.400", "0.000")

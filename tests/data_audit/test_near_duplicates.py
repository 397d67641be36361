"""Near-duplicates: planted edits are found, agree with brute force, and are not counted as copies too."""

import random

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.data.near import jaccard, nearest_in, shingles

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def text_of(draw, words=14):
    return " ".join("".join(draw.choices(LETTERS, k=draw.randint(3, 9))) for _ in range(words))


def one_word_changed(text, draw):
    words = text.split()
    words[draw.randrange(len(words))] = "changed"
    return " ".join(words)


def planted():
    """40 train rows; of 20 test rows, 5 are train rows with one word changed, 3 are copies in capitals, 12 are new."""
    draw = random.Random(5)
    train = [text_of(draw) for _ in range(40)]
    test = [one_word_changed(train[place], draw) for place in range(5)]
    test += [train[10 + place].upper() + "!" for place in range(3)]
    test += [text_of(draw) for _ in range(12)]
    return pd.DataFrame(
        {
            "row_id": [f"t{place:02}" for place in range(40)] + [f"e{place:02}" for place in range(20)],
            "split": ["train"] * 40 + ["test"] * 20,
            "text": train + test,
        }
    )


def run(rows, *, sink=None, source=None, **options):
    task = TaskInfo(classes=("no", "yes"), positive="yes", favourable="no", threshold=0.5, groups={})
    return load_audit("near_duplicates").run(
        AuditContext(
            predictions=rows[["row_id", "split"]].assign(label="no"),
            task=task,
            artifacts=sink or Sink(),
            rows=rows if source is None else source,
            options=options,
            seed=2,
        )
    )


def test_changed_words_count_and_copies_do_not():
    sink = Sink()
    output = run(planted(), sink=sink, near_duplicate_jaccard=0.7)
    (item,) = output.measurements
    assert (item.value, item.n_pos, item.n) == (0.25, 5, 20)
    assert item.bound("upper", 0.05).value > 0.25
    assert output.facts["rows_with_a_copy"] == 3
    pairs = sink.tables["near_duplicates"]
    assert pairs["other_row_id"].tolist() == [f"t{place:02}" for place in range(5)]
    assert list(pairs.columns) == ["row_id", "split", "other_row_id", "other_split", "jaccard"]
    assert pairs["jaccard"].between(0.7, 1, inclusive="left").all()


def test_row_order_and_seed_change_nothing_here():
    first, again = Sink(), Sink()
    one, two = run(planted(), sink=first), run(planted().sample(frac=1, random_state=3), sink=again)
    assert one.measurements == two.measurements
    assert one.facts == two.facts


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_what_hashing_finds_agrees_with_brute_force(threshold):
    draw = random.Random(8)
    known = [text_of(draw) for _ in range(80)]
    texts = []
    for text in known[:60]:
        changed = text
        for _ in range(draw.randint(1, 4)):
            changed = one_word_changed(changed, draw)
        texts.append(changed)
    exact = {}
    for place, text in enumerate(texts):
        alike = max((jaccard(shingles(text), shingles(other)), -at) for at, other in enumerate(known))
        if alike[0] >= threshold:
            exact[place] = (-alike[1], alike[0])
    found = {item.place: (item.other, item.jaccard) for item in nearest_in(texts, known, threshold=threshold, seed=1)}
    assert found.items() <= exact.items()
    assert len(exact) >= 5
    assert len(found) >= 0.95 * len(exact)


def test_shingles_by_hand():
    assert shingles("Abc, DEF!") == {"abc d", "bc de", "c def"}
    assert shingles("Hi") == {"hi"}
    assert shingles("  ") == frozenset()
    assert jaccard(shingles("abcdef"), shingles("abcdeg")) == pytest.approx(1 / 3)


def test_templates_missing_rows_and_lone_splits_are_no_number():
    rows = planted()
    assert run(rows.assign(segments=[[(0, 1, None)]] * 60)).measurements[0].status == "not_applicable"
    alone = rows[rows["split"] == "test"]
    assert "no split beside" in run(alone).measurements[0].reason
    blank = rows.assign(text="")
    assert run(blank).measurements[0].value == 0.0


def test_the_threshold_is_checked():
    with pytest.raises(UsageError, match="near_duplicate_jaccard"):
        run(planted(), near_duplicate_jaccard=80)

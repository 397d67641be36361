"""Counterfactual augmentation and logit pairing: which rows are made, what they say, and what training does with them."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from rai_tune.core import UsageError
from rai_tune.data.preparing import prepare
from rai_tune.recipe import Recipe
from rai_tune.training.mitigation import LossBatch, card_of, load_method
from rai_tune.training.mitigation.composing import apply_mitigation, attributes_of, check_mitigation, rows_of
from rai_tune.training.mitigation.counterfactual_augment import chosen_rows
from rai_tune.training.mitigation.counterfactuals import swapper
from rai_tune.training.mitigation.logit_pairing import pairing_gap

if TYPE_CHECKING:
    from pathlib import Path

SPLITS = {"0": "train", "1": "train", "2": "train", "3": "validation", "4": "test"}


def applicants(count: int = 40) -> list[dict[str, Any]]:
    """Rows whose split is stated; every tenth has no race, and age goes with it."""
    return [
        {
            "id": f"r{number}",
            "debt": ("low", "high")[number % 2],
            "race": ("black", "white", "asian", "")[(number // 2) % 4],
            "sex": ("man", "woman")[(number // 3) % 2],
            "age": 20 + 3 * (number % 10),
            "weight": 1 + number % 3,
            "deny": ("yes", "no")[number % 3 == 0],
            "part": SPLITS[str(number % 5)],
        }
        for number in range(count)
    ]


def setting(folder: Path, rows: list[dict[str, Any]], method: Any = "counterfactual_augment", **fields: Any):
    """A recipe and its prepared rows. ``mitigation`` and ``swap_terms`` go to their places, the rest to ``data``."""
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    mitigation = {"method": method, **fields.pop("mitigation", {})}
    terms = fields.pop("swap_terms", {})
    data = {
        "source": {"path": "rows.csv"},
        "template": "debt {{ debt }} {{ race }} {{ sex }} aged {{ age }}",
        "label": "deny",
        "positive": "yes",
        "favourable": "no",
        "groups": [{"column": "race"}, {"column": "sex"}],
        "intersections": [["race", "sex"]],
        "hide_groups": False,
        "id": "id",
        "split": {"column": "part"},
        **fields,
    }
    data = {name: value for name, value in data.items() if value is not None}
    recipe = Recipe.model_validate(
        {
            "name": "trial",
            "purpose": "A test.",
            "data": data,
            "mitigation": mitigation,
            "audits": {"fairness": {"swap_terms": terms}},
            "seed": 4,
        }
    )
    return recipe, prepare(recipe.data, recipe.seed, folder)


def swaps_of(recipe, data, row_id: str):
    frame = data.rows
    position = frame["row_id"].tolist().index(row_id)
    return swapper(recipe, data, frame, attributes_of(recipe, data))(position)


def added_to(applied):
    frame = applied.rows.frame
    return frame[frame["row_id"].str.startswith("about:")]


def test_a_templated_row_is_rendered_about_every_other_known_group(tmp_path):
    recipe, data = setting(tmp_path, applicants())
    found = swaps_of(recipe, data, "r0")
    assert [(item.attribute, item.group, item.text) for item in found] == [
        ("race", "asian", "debt low asian man aged 20"),
        ("race", "white", "debt low white man aged 20"),
        ("sex", "woman", "debt low black woman aged 20"),
    ]
    white = next(item.changes for item in found if item.group == "white")
    assert white["group:race"] == "white"
    assert white["group:race & sex"] == "white & man"
    assert white["col:race"] == "white"
    assert [white["text"][start:end] for start, end, column in white["segments"] if column == "race"] == ["white"]


def test_a_row_of_an_unknown_group_is_not_moved_out_of_it_and_none_is_moved_into_it(tmp_path):
    recipe, data = setting(tmp_path, applicants())
    unknown = swaps_of(recipe, data, "r6")
    assert [(item.attribute, item.group) for item in unknown] == [("sex", "woman")]
    assert unknown[0].changes["group:race & sex"] == "unknown"
    everything = [item.group for row in data.rows["row_id"] for item in swaps_of(recipe, data, row)]
    assert "unknown" not in everything


def test_a_crossing_is_swapped_by_its_parts(tmp_path):
    recipe, data = setting(tmp_path, applicants(), mitigation={"attributes": ["race & sex"]})
    assert [item.attribute for item in swaps_of(recipe, data, "r0")] == ["race", "race", "sex"]


def test_attributes_that_share_a_column_move_together(tmp_path):
    groups = [{"column": "age", "name": "age", "bins": [35]}, {"column": "age", "name": "decade", "bins": [30, 40]}]
    recipe, data = setting(
        tmp_path, applicants(), groups=groups, intersections=None, mitigation={"attributes": ["decade"]}
    )
    moved = {item.group: item.changes for item in swaps_of(recipe, data, "r0")}
    assert set(moved) == {"30 to under 40", "40 and over"}
    old = moved["40 and over"]
    assert old["group:age"] == "35 and over"
    assert old["col:age"] >= 40
    assert f"aged {int(old['col:age'])}" in old["text"]


def test_what_a_group_holds_is_read_from_training_rows_alone(tmp_path):
    rows = applicants()
    for row in rows:
        if row["part"] != "train" and row["race"] == "white":
            row["race"] = "caucasian"
    for number in range(60):
        rows.append({**rows[3], "id": f"more{number}", "race": "caucasian", "part": "test"})
    groups = [{"column": "race", "values": {"caucasian": "white"}}, {"column": "sex"}]
    recipe, data = setting(tmp_path, rows, groups=groups)
    assert "white" in next(item.text for item in swaps_of(recipe, data, "r0") if item.group == "white")


TEXTS = [
    ("the man is good", "man"),
    ("a woman film", "woman"),
    ("the film is bad", "woman"),
    ("a good woman", "man"),
    ("the woman is a good loan", ""),
]


def free_rows() -> list[dict[str, Any]]:
    return [
        {"id": f"t{number}", "text": TEXTS[number % 5][0], "sex": TEXTS[number % 5][1], "deny": ("yes", "no")[number % 2],
         "part": ("train", "train", "validation", "test")[(number // 5) % 4]}
        for number in range(40)
    ]  # fmt: skip


def free(folder: Path, method: Any = "counterfactual_augment", rows=None, **fields: Any):
    given = {"template": None, "text": "text", "groups": [{"column": "sex"}], "intersections": None, **fields}
    return setting(folder, rows or free_rows(), method, **given)


def test_free_text_goes_through_the_term_lists(tmp_path):
    recipe, data = free(tmp_path)
    (found,) = swaps_of(recipe, data, "t1")
    assert found.text == "a man film"
    assert found.changes["col:text"] == "a man film"
    # The packaged list is called gender; it shares woman and man with the attribute sex.
    assert found.changes["group:sex"] == "man"
    assert swaps_of(recipe, data, "t2") == ()


def test_words_about_others_leave_the_row_in_its_group(tmp_path):
    recipe, data = free(tmp_path)
    (found,) = swaps_of(recipe, data, "t3")
    assert (found.text, found.changes.get("group:sex", "left")) == ("a good man", "left")
    (found,) = swaps_of(recipe, data, "t4")
    assert "group:sex" not in found.changes


def test_own_terms_stand_beside_the_packaged_ones_and_an_attribute_picks_its_lists(tmp_path):
    terms = {"credit": {"loan": ["loan"], "film": ["film"]}}
    recipe, data = free(tmp_path, swap_terms=terms)
    assert {item.text for item in swaps_of(recipe, data, "t1")} == {"a man film", "a woman loan"}
    recipe, data = free(tmp_path, swap_terms=terms, mitigation={"attributes": ["sex"]})
    assert {item.text for item in swaps_of(recipe, data, "t1")} == {"a man film"}


def test_a_word_of_a_group_that_is_not_declared_leaves_the_group_unknown(tmp_path):
    recipe, data = free(tmp_path, swap_terms={"sex": {"man": ["man"], "person": ["person"]}})
    person = next(item for item in swaps_of(recipe, data, "t0") if item.group == "person")
    assert person.changes["group:sex"] == "unknown"
    assert person.changes["col:sex"] is None


def test_copies_keep_label_and_weight_and_only_training_rows_have_any(tmp_path):
    recipe, data = setting(tmp_path, applicants(), weight="weight", mitigation={"attributes": ["race"]})
    applied = apply_mitigation(recipe, data)
    train = data.split("train")
    known = train[train["group:race"] != "unknown"]
    added = added_to(applied)
    assert len(added) == 2 * len(known)
    assert applied.rows.frame["row_id"].is_unique
    assert not set(added["row_id"]) & set(data.rows["row_id"])
    assert set(added["split"]) == {"train"}
    assert added["label"].value_counts().to_dict() == {
        label: 2 * count for label, count in known["label"].value_counts().to_dict().items()
    }
    assert added["weight"].sum() == 2 * known["weight"].sum()
    # Every known row now stands once in each race, so each race has the same labels.
    frame = applied.rows.frame[applied.rows.frame["group:race"] != "unknown"]
    shares = frame.groupby("group:race")["label"].apply(lambda labels: (labels == "yes").mean())
    assert shares.nunique() == 1
    assert len(applied.validation.frame) == len(data.split("validation"))
    assert applied.facts()["counterfactual_augment"]["rows_added"] == len(added)
    assert sum(applied.facts()["counterfactual_augment"]["rows_added_by_group"].values()) == len(added)


def test_crossed_groups_of_copies_follow(tmp_path):
    recipe, data = setting(tmp_path, applicants())
    applied = apply_mitigation(recipe, data)
    frame, names = applied.rows.frame, applied.rows.group_names
    for place, (race, sex, text) in enumerate(zip(frame["group:race"], frame["group:sex"], frame["text"], strict=True)):
        index = applied.rows.groups[place]
        assert (index == -1) if race == "unknown" else (names[index] == f"{race} & {sex}")
        assert race == "unknown" or f"{race} {sex}" in text


def test_a_share_of_rows_is_chosen_by_seed_and_id_not_by_order(tmp_path):
    rows = applicants()
    recipe, data = setting(tmp_path, rows, mitigation={"counterfactual_augment": {"share": 0.25}})
    first = added_to(apply_mitigation(recipe, data))
    recipe, data = setting(tmp_path, rows[::-1], mitigation={"counterfactual_augment": {"share": 0.25}})
    applied = apply_mitigation(recipe, data)
    columns = ["row_id", "text", "label", "group:race", "group:sex"]
    again = added_to(applied)
    assert sorted(map(tuple, first[columns].to_numpy())) == sorted(map(tuple, again[columns].to_numpy()))
    assert applied.facts()["counterfactual_augment"]["rows_chosen"] == 6
    other = apply_mitigation(recipe.model_copy(update={"seed": 5}), data)
    assert set(added_to(other)["row_id"]) != set(first["row_id"])


def test_chosen_rows_by_count():
    ids = [f"id{number}" for number in range(100)]
    assert chosen_rows(ids, 1.0, 3) == list(range(100))
    assert len(chosen_rows(ids, 0.3, 3)) == 30
    assert len(chosen_rows(ids, 0.001, 3)) == 1
    assert set(chosen_rows(ids, 0.2, 3)) < set(chosen_rows(ids, 0.5, 3))


@pytest.mark.parametrize("method", ["counterfactual_augment", "logit_pairing"])
def test_a_hidden_column_is_refused_with_what_to_do(tmp_path, method):
    recipe, data = setting(tmp_path, applicants(), method, template="debt {{ debt }}", hide_groups=True)
    with pytest.raises(
        UsageError, match=rf"mitigation {method} .* never reads the column of race, sex.*hide_groups keeps"
    ):
        check_mitigation(recipe, data)


@pytest.mark.parametrize("method", ["counterfactual_augment", "logit_pairing"])
def test_free_text_without_a_word_of_the_lists_is_refused(tmp_path, method):
    rows = [{**row, "text": "the film is good"} for row in free_rows()]
    recipe, data = free(tmp_path, method, rows)
    with pytest.raises(
        UsageError, match=r"no training text holds a word of the term lists: .*audits\.fairness\.swap_terms"
    ):
        check_mitigation(recipe, data)


def test_words_in_test_rows_alone_change_nothing(tmp_path):
    rows = [{**row, "text": row["text"] if row["part"] == "test" else "the film is good"} for row in free_rows()]
    recipe, data = free(tmp_path, "logit_pairing", rows)
    with pytest.raises(UsageError, match="no training text"):
        check_mitigation(recipe, data)


def test_an_attribute_with_one_known_group_is_refused(tmp_path):
    rows = [{**row, "sex": "man"} for row in applicants()]
    recipe, data = setting(tmp_path, rows, "logit_pairing", mitigation={"attributes": ["sex"]})
    with pytest.raises(UsageError, match="two known groups"):
        check_mitigation(recipe, data)


def test_a_share_that_meets_no_row_says_so(tmp_path):
    rows = free_rows()
    first = {row["id"]: row for row in rows if row["part"] == "train"}
    lucky = next(iter(first))
    rows = [{**row, "text": "a good woman" if row["id"] == lucky else "the film is good"} for row in rows]
    recipe, data = free(tmp_path, rows=rows, mitigation={"counterfactual_augment": {"share": 0.05}})
    ids = data.split("train")["row_id"].tolist()
    assert [ids[place] for place in chosen_rows(ids, 0.05, recipe.seed)] != [lucky]
    with pytest.raises(UsageError, match="raise the share"):
        check_mitigation(recipe, data)


def test_without_declared_groups_a_template_is_refused_and_free_text_is_not(tmp_path):
    none = {"groups": [], "intersections": None}
    recipe, data = setting(tmp_path, applicants(), "logit_pairing", **none)
    with pytest.raises(UsageError, match=r"declares none: name them under data\.groups"):
        check_mitigation(recipe, data)
    recipe, data = free(tmp_path, "logit_pairing", **none)
    check_mitigation(recipe, data)


def test_cards_say_that_no_group_is_needed_at_use():
    for name, slots in (("counterfactual_augment", ("rows",)), ("logit_pairing", ("penalty",))):
        card = card_of(name)
        assert (card.name, card.slots, card.groups_at_training, card.groups_at_use) == (name, slots, False, False)
        assert "12 CFR 1002.6(b)" in card.law
        assert card.source


def pairing(strength: float = 1.0):
    from rai_tune.recipe.mitigation import MitigationSpec

    spec = MitigationSpec.model_validate({"method": "logit_pairing", "logit_pairing": {"strength": strength}})
    return load_method("logit_pairing").make(spec)


def batch(logits, pair_logits=None, pair_of=None):
    rows = torch.tensor(logits)
    return LossBatch(
        logits=rows,
        labels=torch.zeros(len(rows), dtype=torch.long),
        losses=torch.zeros(len(rows)),
        weights=torch.ones(len(rows)),
        groups=torch.zeros(len(rows), dtype=torch.long),
        pair_logits=None if pair_logits is None else torch.tensor(pair_logits),
        pair_of=None if pair_of is None else torch.tensor(pair_of, dtype=torch.long),
    )


def test_the_pairing_loss_by_hand():
    # Log-odds 1, 4, 0; the first row's counterfactuals have 3 and 0, the third's has 5: (mean(2, 1) + 0 + 5) / 3.
    given = batch([[0.0, 1.0], [0.0, 4.0], [2.0, 2.0]], [[0.0, 3.0], [1.0, 1.0], [-5.0, 0.0]], [0, 0, 2])
    assert float(pairing().penalty(given)) == pytest.approx((1.5 + 5.0) / 3)
    assert float(pairing(2.5).penalty(given)) == pytest.approx(2.5 * (1.5 + 5.0) / 3)


def test_the_pairing_loss_of_an_invariant_model_is_zero(tiny_base):
    """A model whose words for groups are one vector cannot tell the texts apart."""
    from rai_tune.tasks import load_task
    from rai_tune.training.tokens import load_tokenizer, tokenize

    tokenizer = load_tokenizer(str(tiny_base))
    model = load_task("text_classification").load_base(str(tiny_base), ("a", "b")).eval()
    ids = torch.tensor(tokenize(tokenizer, ["the man is good", "the woman is good"], 16).ids)
    place = {word: tokenizer.convert_tokens_to_ids(word) for word in ("man", "woman")}

    def penalty():
        with torch.no_grad():
            logits = model(input_ids=ids).logits
        return float(pairing_gap(logits[:1], logits[1:], torch.tensor([0])))

    assert penalty() > 1e-6
    with torch.no_grad():
        words = model.get_input_embeddings().weight
        words[place["woman"]] = words[place["man"]]
    assert penalty() == 0.0


def test_a_shift_of_all_logits_is_no_gap_and_without_pairs_there_is_no_penalty():
    given = batch([[0.0, 1.0, -1.0]], [[7.0, 8.0, 6.0]], [0])
    assert float(pairing().penalty(given)) == pytest.approx(0.0, abs=1e-6)
    assert pairing().penalty(batch([[0.0, 1.0]])) is None
    empty = replace(batch([[0.0, 1.0]]), pair_logits=torch.zeros((0, 2)), pair_of=torch.zeros(0, dtype=torch.long))
    assert pairing().penalty(empty) is None


def test_pairs_are_the_texts_of_the_swaps(tmp_path):
    recipe, data = setting(tmp_path, applicants(), "logit_pairing")
    applied = apply_mitigation(recipe, data)
    rows = rows_of(recipe, data, data.split("train"), ("race", "sex"))
    assert applied.pairs[0] == tuple(item.text for item in rows.swaps(0))
    facts = applied.facts()["logit_pairing"]
    assert facts == {"rows_paired": len(applied.pairs), "texts_beside": sum(map(len, applied.pairs))}
    assert len(applied.rows.frame) == len(data.split("train"))

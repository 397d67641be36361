"""Identity swaps: words and pronouns, exact rendering, and a planted effect that must be found to the row."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.explain import TextModel
from rai_audits.fairness.paired_swaps import measure
from rai_audits.fairness.term_swaps import TermSwap, english_terms, merged_terms
from rai_tune.data.rerender import rerenderer
from rai_tune.recipe.schema import DataSpec

WORDS = ["[PAD]", "[UNK]", "black", "white", "he", "she", "paid", "late"]
GENDER = english_terms()["gender"]


class Tables(dict):
    def put_table(self, name: str, table: pd.DataFrame) -> str:
        self[name] = table
        return f"digest-of-{name}"


class Planted(torch.nn.Module):
    """Logit of denial: 1 for "late", and ``effect`` for one planted word. Nothing else counts."""

    def __init__(self, word: str, effect: float) -> None:
        super().__init__()
        self.word, self.effect = WORDS.index(word), effect

    def forward(self, input_ids, attention_mask):
        real = attention_mask.bool()
        late = ((input_ids == WORDS.index("late")) & real).any(dim=1)
        named = ((input_ids == self.word) & real).any(dim=1)
        logit = 2.0 * late - 1.0 + self.effect * named
        return SimpleNamespace(logits=torch.stack([torch.zeros_like(logit), logit], dim=1))


def model(word: str, effect: float) -> TextModel:
    core = Tokenizer(models.WordLevel({name: place for place, name in enumerate(WORDS)}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]")
    return TextModel(Planted(word, effect), tokenizer, ("approved", "denied"), max_tokens=16)


DATA = DataSpec.model_validate(
    {
        "source": {"path": "x.csv"},
        "template": "{% if afam == 'yes' %}black{% else %}white{% endif %} {{ record }}",
        "label": "deny",
        "favourable": "approved",
        "groups": [{"column": "afam", "name": "race", "values": {"yes": "black", "no": "white"}}],
        "hide_groups": False,
    }
)


def context(
    of: TextModel, *, templated: bool, seen: bool = True, texts: list[str] | None = None, **options
) -> AuditContext:
    """Sixteen rows: black and white in turn, half of them paid late; or free texts."""
    afam = ["yes" if place % 2 == 0 else "no" for place in range(16)]
    record = ["late" if place % 4 < 2 else "paid" for place in range(16)]
    if texts is None:
        texts = [f"{'black' if a == 'yes' else 'white'} {r}" for a, r in zip(afam, record, strict=True)]
    ids = [f"r{place:02}" for place in range(len(texts))]
    race = ["black" if a == "yes" else "white" for a in afam][: len(texts)]
    rows = pd.DataFrame({"row_id": ids, "split": "test", "text": texts, "group:race": race})
    if templated:
        rows["col:afam"], rows["col:record"] = afam, record
        options["render"] = rerenderer(DATA, rows)
    predictions = pd.DataFrame(
        {"row_id": ids, "split": "test", "label": "approved", "prediction": "approved", "group:race": race}
    )
    return AuditContext(
        predictions=predictions,
        task=TaskInfo(
            ("approved", "denied"),
            "denied",
            "approved",
            0.5,
            {"race": ("black", "white")},
            seen_by_model={"race": seen},
        ),
        artifacts=Tables(),
        rows=rows,
        model=of,
        options={"group_columns": {"race": "afam"}, **options},
        seed=1,
        alphas=(0.05,),
    )


def pick(output, metric: str, **where: str):
    (item,) = [
        each
        for each in output.measurements
        if each.metric == metric and all(getattr(each, key) == value for key, value in where.items())
    ]
    return item


def test_a_planted_effect_is_found_exactly() -> None:
    # Logits: paid -1, late +1; "black" adds 1.5, so only those who paid are denied for it: half the rows of each direction.
    given = context(model("black", 1.5), templated=True)
    output = measure(given)
    flips = pick(output, "swap_flip_rate", group="black", reference="white")
    assert (flips.n, flips.n_pos, flips.estimate) == (8, 4, 0.5)
    gains = pick(output, "swap_favourable_rate_change", group="black", reference="white")
    loses = pick(output, "swap_favourable_rate_change", group="white", reference="black")
    assert (gains.estimate, loses.estimate) == (0.5, -0.5)
    sigmoid = torch.sigmoid(torch.tensor([-1.0, 0.5, 1.0, 2.5], dtype=torch.float64)).tolist()
    want = ((sigmoid[1] - sigmoid[0]) + (sigmoid[3] - sigmoid[2])) / 2
    shift = pick(output, "swap_score_shift", group="black", reference="white")
    assert shift.estimate == pytest.approx(want, abs=1e-6)
    assert pick(output, "swap_any_flip_rate", attribute="race").estimate == 0.5
    assert flips.bound("upper", 0.05) is not None
    table = given.artifacts["swaps"]
    assert table.set_index("row_id").loc["r02", ["text", "swapped"]].tolist() == ["black paid", "white paid"]
    assert {test["mid_p"] for test in output.facts["mcnemar"]} == {2 * 0.5**4 - 0.5**4}


def test_a_model_that_ignores_the_group_flips_nobody() -> None:
    output = measure(context(model("black", 0.0), templated=True))
    flips = pick(output, "swap_any_flip_rate", attribute="race")
    assert flips.estimate == 0.0
    assert flips.high > 0.15  # sixteen rows without a flip prove little
    assert pick(output, "swap_mean_absolute_shift", attribute="race").estimate == pytest.approx(0.0, abs=1e-7)


def test_a_column_that_the_model_never_sees_does_not_apply() -> None:
    output = measure(context(model("black", 1.5), templated=True, seen=False))
    (item,) = output.measurements
    assert (item.status, item.attribute) == ("not_applicable", "race")
    assert output.artifacts == {}


def test_free_text_is_swapped_by_terms() -> None:
    texts = ["he paid", "she paid", "He late", "paid late", "she late", "he paid"]
    output = measure(context(model("she", 1.5), templated=False, texts=texts))
    flips = pick(output, "swap_flip_rate", attribute="gender", group="man", reference="woman")
    assert (flips.n, flips.n_pos) == (3, 2)
    back = pick(output, "swap_favourable_rate_change", attribute="gender", group="woman", reference="man")
    assert (back.n, back.estimate) == (2, 0.5)
    assert pick(output, "swap_any_flip_rate", attribute="religion").status == "not_applicable"


def test_own_terms_join_the_packaged_ones_and_the_cap_holds() -> None:
    own = {"pay": {"good": ["paid"], "poor": ["late"]}}
    output = measure(context(model("she", 0.0), templated=False, texts=["he paid"] * 8, swap_terms=own, swap_rows=5))
    flips = pick(output, "swap_flip_rate", attribute="pay", group="good", reference="poor")
    assert (flips.n, flips.n_pos) == (5, 5)
    for wrong in ({"x": {"a": ["b"]}}, {"x": {"a": ["b"], "c": ["d", "e"]}}, {"x": {"a": [], "c": []}}):
        with pytest.raises(UsageError, match="swap_terms"):
            merged_terms(wrong)
    with pytest.raises(UsageError, match="swap_rows"):
        measure(context(model("she", 0.0), templated=False, swap_rows=0))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("She lost her keys; we told her.", "He lost his keys; we told him."),
        ("We saw her and left.", "We saw him and left."),
        ("The choice was hers.", "The choice was his."),
        ("MOTHER knows. Mothers do.", "FATHER knows. Fathers do."),
        ("an actress and a queen", "an actor and a king"),
        ("A woman and a sheriff", "A man and a sheriff"),
        ("she's herself", "he's himself"),
    ],
)
def test_woman_to_man(text: str, want: str) -> None:
    assert TermSwap(GENDER["woman"], GENDER["man"]).apply(text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("He took his coat. It was his.", "She took her coat. It was hers."),
        ("Ask him, a uncle", "Ask her, an aunt"),
        ("The human there", None),
    ],
)
def test_man_to_woman(text: str, want: str | None) -> None:
    assert TermSwap(GENDER["man"], GENDER["woman"]).apply(text) == want


def test_colours_alone_are_left_and_articles_follow() -> None:
    race = english_terms()["race"]
    assert TermSwap(race["white"], race["asian"]).apply("a white car") is None
    assert TermSwap(race["white"], race["asian"]).apply("a white man in a white car") == "an asian man in a white car"
    for groups in english_terms().values():
        assert len({len(words) for words in groups.values()}) == 1


def test_rendering_again_with_the_same_group_gives_the_same_text() -> None:
    given = context(model("black", 1.0), templated=True)
    for row in given.rows.to_dict("records"):
        assert given.options["render"](row, "race", row["group:race"]) == row["text"]
    assert given.options["render"](given.rows.iloc[0].to_dict(), "race", "unheard of") is None

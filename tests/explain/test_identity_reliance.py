"""Identity reliance on models whose attributions have a closed form: every word adds its planted number to the log-odds of denial."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from rai_audits.core import AuditContext, TaskInfo, UsageError, canonical_json, load_audit
from rai_audits.explain import TextModel

GROUPS = ("black", "white")
OWN_TERMS = {"race": {"black": ["black"], "white": ["white"]}}


class Tables(dict):
    def put_table(self, name, table):
        self[name] = table
        return f"digest-of-{name}"


class Planted(nn.Module):
    """Logit of denial: the sum of the words' numbers and ``bias``."""

    def __init__(self, vocabulary, worth, bias=0.0):
        super().__init__()
        self.words, self.bias = nn.Embedding(len(vocabulary), 1), bias
        with torch.no_grad():
            self.words.weight.zero_()
            for word, value in worth.items():
                self.words.weight[vocabulary[word]] = value

    def get_input_embeddings(self):
        return self.words

    def forward(self, input_ids, attention_mask):
        total = (self.words(input_ids).squeeze(-1) * attention_mask).sum(dim=1) + self.bias
        return SimpleNamespace(logits=torch.stack([torch.zeros_like(total), total], dim=1))


@pytest.fixture
def planted(tokenizer):
    def make(worth, bias=0.0):
        return TextModel(Planted(tokenizer.get_vocab(), worth, bias), tokenizer, ("approved", "denied"), max_tokens=64)

    return make


def render(row, attribute, group):
    return None if attribute != "race" else " ".join([group, *(row[f"col:{name}"] for name in ("income", "film"))])


def templated(model, incomes, races, films=None, **options):
    """Texts of three columns: race, income and film."""
    films = films or ["the"] * len(races)
    rows, predictions = [], []
    for place, (race, income, film) in enumerate(zip(races, incomes, films, strict=True)):
        text, spans = "", []
        for value, column in ((race, "afam"), (income, "income"), (film, "film")):
            start = len(text) + (1 if text else 0)
            text = f"{text} {value}" if text else value
            spans.append((start, len(text), column))
        cells = {"col:afam": race, "col:income": income, "col:film": film}
        rows.append({"row_id": f"r{place:03}", "split": "test", "text": text, "segments": spans, **cells})
        predictions.append(prediction(place, race))
    return context(model, rows, predictions, {"group_columns": {"race": "afam"}, "render": render, **options})


def free(model, texts, races=None, groups=GROUPS, **options):
    races = races or [groups[place % 2] for place in range(len(texts))]
    rows = [{"row_id": f"r{place:03}", "split": "test", "text": text} for place, text in enumerate(texts)]
    predictions = [prediction(place, race) for place, race in enumerate(races)]
    return context(model, rows, predictions, {"group_columns": {"race": "afam"}, **options}, groups)


def prediction(place, race):
    scores = {"score": 0.5, "score:approved": 0.5, "score:denied": 0.5}
    return {
        "row_id": f"r{place:03}",
        "split": "test",
        "label": "denied",
        "prediction": "denied",
        **scores,
        "group:race": race,
    }


def context(model, rows, predictions, options, groups=GROUPS):
    task = TaskInfo(("approved", "denied"), "denied", "approved", 0.5, {"race": groups})
    return AuditContext(
        pd.DataFrame(predictions), task, Tables(), pd.DataFrame(rows), model,
        options={"documents": 400, **options}, seed=5, alphas=(0.05, 0.01),
    )  # fmt: skip


def run(given):
    spec = load_audit("identity_reliance")
    assert (spec.suite, spec.needs_model, spec.ignores_weights) == ("explain", True, True)
    output = spec.run(given)
    canonical_json(output.facts)
    return output


def one(output, metric, **where):
    found = [
        item
        for item in output.measurements
        if item.metric == metric
        and all(getattr(item, name) == where.get(name) for name in ("attribute", "group", "label"))
    ]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def test_columns_have_their_closed_form(planted):
    # |afam| over all columns: black 2 / (2 + 3), white 1 / (1 + 3); the swap moves the log-odds by 1 whoever it is.
    model = planted({"black": 2.0, "white": 1.0, "high": -3.0}, bias=0.5)
    given = templated(model, ["high"] * 20, ["black"] * 12 + ["white"] * 8)
    output = run(given)
    assert one(output, "identity_reliance", attribute="race").value == pytest.approx((12 * 0.4 + 8 * 0.25) / 20)
    assert one(output, "identity_reliance", attribute="race", group="black").value == pytest.approx(0.4)
    white = one(output, "identity_reliance", attribute="race", group="white")
    assert (white.value, white.n) == (pytest.approx(0.25), 8)
    assert one(output, "identity_word_share", attribute="race").value == pytest.approx(1 / 3)
    assert one(output, "identity_reliance_ratio", attribute="race").value == pytest.approx(3 * 0.34)
    assert one(output, "swap_logit_change", attribute="race").value == pytest.approx(1.0, abs=1e-5)
    # Log-odds: black -0.5, white -1.5; nobody is denied either way.
    sigmoid = torch.sigmoid(torch.tensor([-0.5, -1.5], dtype=torch.float64)).tolist()
    moved = one(output, "swap_probability_change", attribute="race")
    assert moved.value == pytest.approx(sigmoid[0] - sigmoid[1], abs=1e-6)
    flips = one(output, "swap_any_flip_rate", attribute="race")
    assert (flips.value, flips.n, flips.bound("upper", 0.05).value) == (0.0, 20, pytest.approx(0.1191, abs=1e-3))
    same = one(output, "reliance_swap_correlation", attribute="race")
    assert (same.status, same.reason) == ("not_estimable", "attribution or swap effect is the same in every document")
    table = given.artifacts["identity"].set_index("row_id")
    assert table.loc["r000", ["group", "reliance_share", "identity_attribution"]].tolist() == [
        "black", pytest.approx(0.4), pytest.approx(2.0, abs=1e-5),
    ]  # fmt: skip
    assert len(table) == 20


def test_every_flip_is_counted_once_a_document(planted):
    model = planted({"black": 2.0, "high": -1.0})
    output = run(templated(model, ["high"] * 20, ["black", "white"] * 10))
    flips = one(output, "swap_any_flip_rate", attribute="race")
    assert (flips.value, flips.n_pos, flips.n) == (1.0, 20, 20)


def test_words_of_free_text_have_their_closed_form(planted):
    model = planted({"black": 2.0, "white": -1.0, "income": 1.0, "is": 0.5, "film": 4.0})
    texts = ["black income is"] * 6 + ["white income is ."] * 9 + ["film is"] * 5
    output = run(free(model, texts, swap_terms=OWN_TERMS))
    black, white = 2 / 3.5, 1 / 2.5
    overall = one(output, "identity_reliance", attribute="race")
    assert (overall.value, overall.n) == (pytest.approx((6 * black + 9 * white) / 15, abs=1e-5), 15)
    assert one(output, "identity_reliance", attribute="race", group="black").value == pytest.approx(black, abs=1e-5)
    assert one(output, "identity_reliance", attribute="race", group="white").n == 9
    words = one(output, "identity_word_share", attribute="race")
    assert words.value == pytest.approx((6 / 3 + 9 / 4) / 15)
    ratio = one(output, "identity_reliance_ratio", attribute="race")
    assert ratio.value == pytest.approx(overall.value / words.value)
    assert ratio.low < ratio.bound("lower", 0.05).value < ratio.value < ratio.bound("upper", 0.05).value < ratio.high
    assert one(output, "swap_logit_change", attribute="race").value == pytest.approx(3.0, abs=1e-5)
    for absent in ("gender", "religion", "orientation"):
        gone = one(output, "identity_reliance", attribute=absent)
        assert (gone.status, gone.reason) == (
            "not_applicable", "no evaluated text has a word that names these groups (20 texts)",
        )  # fmt: skip


def test_attribution_and_swap_need_not_agree(planted):
    # |attribution| 3, 1, 0; mean swap effect 2.5, 1.5, 2: ranks (3, 2, 1) against (3, 1, 2), so rho is one half.
    terms = {"race": {"black": ["black"], "white": ["white"], "low": ["low"]}}
    model = planted({"black": 3.0, "white": 1.0, "is": 1.0})
    texts = [f"{word} is" for word in ("black", "white", "low") for _ in range(10)]
    found = one(run(free(model, texts, swap_terms=terms)), "reliance_swap_correlation", attribute="race")
    assert (found.value, found.n) == (pytest.approx(0.5), 30)
    reach = 1.959964 * np.sqrt(1.125 / 27)
    assert (found.low, found.high) == (
        pytest.approx(np.tanh(np.arctanh(0.5) - reach)), pytest.approx(np.tanh(np.arctanh(0.5) + reach)),
    )  # fmt: skip


def test_names_of_the_tasks_groups_are_identity_words(planted):
    model = planted({"good": 2.0, "bad": 1.0, "film": 1.0})
    texts = ["good film", "bad film"] * 6
    output = run(free(model, texts, groups=("good", "bad", "unknown", "no")))
    # The task's race has a packaged list, which stays; an attribute of another name has its groups' names.
    assert one(output, "identity_reliance", attribute="race").status == "not_applicable"
    task = TaskInfo(("approved", "denied"), "denied", "approved", 0.5, {"taste": ("good", "bad", "no")})
    given = free(model, texts)
    predictions = given.predictions.assign(**{"group:taste": ["good", "bad"] * 6})
    taste = run(dataclasses.replace(given, task=task, predictions=predictions))
    assert one(taste, "identity_reliance", attribute="taste").value == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-5)
    assert one(taste, "swap_logit_change", attribute="taste").value == pytest.approx(1.0, abs=1e-5)


def test_an_attribute_without_words_does_not_apply(planted):
    given = free(planted({"film": 1.0}), ["good film"] * 8)
    task = dataclasses.replace(given.task, groups={"single": ("yes", "no")})
    predictions = given.predictions.assign(**{"group:single": "yes"})
    found = one(
        run(dataclasses.replace(given, task=task, predictions=predictions)), "identity_reliance", attribute="single"
    )
    assert found.status == "not_applicable"
    assert "list them under swap_terms" in found.reason


def test_words_that_only_unexplained_texts_hold_are_missing_evidence(planted):
    model = planted({"film": 1.0, "black": 1.0})
    texts = ["good film"] * 39 + ["black film"]
    given = free(model, texts, swap_terms=OWN_TERMS, documents=4)
    found = one(run(given), "identity_reliance", attribute="race")
    assert found.status == "not_estimable"
    assert found.reason.startswith("evaluated texts name these groups, but none of 4 explained texts")


def test_few_documents_give_no_number(planted):
    texts = ["black film"] * 3 + ["good film"] * 10
    output = run(free(planted({"film": 1.0, "black": 1.0}), texts, swap_terms=OWN_TERMS))
    about = [item for item in output.measurements if item.attribute == "race" and not item.metric.startswith("proxy")]
    assert [(item.metric, item.status, item.n) for item in about] == [("identity_reliance", "not_estimable", 3)]


def test_a_column_that_the_model_never_sees(planted):
    model = planted({"high": 1.0, "low": -1.0, "film": 1.0})
    given = templated(model, ["high", "low"] * 10, ["black", "white"] * 10)
    blind = dataclasses.replace(given, task=dataclasses.replace(given.task, seen_by_model={"race": False}))
    output = run(blind)
    found = one(output, "identity_reliance", attribute="race")
    assert (found.status, found.reason) == ("not_applicable", "the model never sees column afam")
    assert not [item for item in output.measurements if item.metric.startswith("swap")]
    # The income tells the race, and all decisions owe to it.
    assert [(item["label"], item["association"]) for item in output.facts["proxies"]] == [
        ("income", pytest.approx(1.0))
    ]


def test_a_proxy_needs_both_association_and_weight(planted):
    generator = np.random.default_rng(3)
    races = ["black", "white"] * 100
    copied = [race == "black" if generator.random() < 0.9 else race != "black" for race in races]
    incomes = ["high" if like else "low" for like in copied]
    coins = ["good" if generator.random() < 0.5 else "bad" for _ in races]
    both = {"high": 2.0, "low": -2.0, "good": 3.0, "bad": -3.0, "black": 0.5}
    output = run(templated(planted(both), incomes, races, coins))
    assert [(item["attribute"], item["label"]) for item in output.facts["proxies"]] == [("race", "income")]
    associated = one(output, "proxy_association", attribute="race", label="income")
    agree = np.asarray(incomes) == np.where(np.asarray(races) == "black", "high", "low")
    assert associated.value == pytest.approx(2 * agree.mean() - 1, abs=0.02)
    assert associated.low < associated.value < associated.high
    share = one(output, "proxy_attribution_share", attribute="race", label="income")
    assert share.value == pytest.approx((2 / 5.5 + 2 / 5) / 2, abs=1e-4)
    assert one(output, "proxy_association", attribute="race", label="film").low == 0.0
    assert not [item for item in output.measurements if item.label == "afam"]

    weightless = run(templated(planted({"good": 2.0, "bad": -2.0, "black": 1.0}), incomes, races, coins))
    assert weightless.facts["proxies"] == []
    high_floor = run(templated(planted(both), incomes, races, coins, proxy_association=0.95))
    assert high_floor.facts["proxies"] == []


def test_a_word_can_be_a_proxy(planted):
    texts = ["low income film"] * 30 + ["high income film"] * 30
    races = ["black"] * 30 + ["white"] * 30
    output = run(free(planted({"low": 1.0, "income": 1.0, "film": 2.0}), texts, races=races))
    assert [(item["label"], item["attribution_share"]) for item in output.facts["proxies"]] == [
        ("low", pytest.approx(0.25, abs=1e-4))
    ]
    assert one(output, "proxy_attribution_share", attribute="race", label="low").n == 30


def test_identity_words_are_no_proxies(planted):
    texts = ["black film is"] * 30 + ["white film is"] * 30
    races = ["black"] * 30 + ["white"] * 30
    output = run(free(planted({"black": 1.0, "film": 1.0}), texts, races=races, swap_terms=OWN_TERMS))
    assert not {item.label for item in output.measurements} & {"black", "white"}


@pytest.mark.slow
def test_chance_seldom_makes_a_proxy(planted):
    generator = np.random.default_rng(11)
    model = planted({"good": 1.0, "bad": -1.0, "high": 1.0, "low": -1.0, "black": 0.5})
    found = 0
    for _ in range(40):
        draw = [
            [str(value) for value in generator.choice(pair, 40)] for pair in (("high", "low"), GROUPS, ("good", "bad"))
        ]
        found += bool(run(templated(model, *draw)).facts["proxies"])
    # At 5 % a run, 7 or more of 40 happen once in 300.
    assert found <= 6


def test_order_of_rows_changes_nothing(bert_of, tokenizer):
    model = TextModel(bert_of(), tokenizer, ("approved", "denied"), max_tokens=64)
    given = templated(model, ["high", "low", "good"] * 8, ["black", "white"] * 12, ["film", "loan", "is", "a"] * 6)
    turned = dataclasses.replace(
        given, predictions=given.predictions.iloc[::-1], rows=given.rows.sample(frac=1.0, random_state=1), shared={}
    )
    first, second = run(given), run(turned)
    assert first.measurements == second.measurements
    pd.testing.assert_frame_equal(given.artifacts["identity"], turned.artifacts["identity"])


def test_table_survives_parquet_and_an_empty_split_is_said(planted, tmp_path):
    given = templated(planted({"high": 1.0}), ["high"] * 6, ["black", "white"] * 3)
    run(given)
    given.artifacts["identity"].to_parquet(tmp_path / "t")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t"), given.artifacts["identity"])
    empty = run(dataclasses.replace(given, eval_split="validation", shared={}))
    assert one(empty, "identity_reliance", attribute="race").status == "not_estimable"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proxy_share": 2}, "'proxy_share' must be a number from 0 to 1"),
        ({"proxy_association": "some"}, "'proxy_association' must be a number from 0 to 1"),
        ({"global_words": 0}, "'global_words' must be a whole number of at least 1"),
    ],
)
def test_bad_options_are_named(planted, options, message):
    with pytest.raises(UsageError, match=message):
        run(free(planted({"film": 1.0}), ["film is"] * 6, **options))

"""Audits without a chapter of their own design: plain words, a cut-off that says where the rest is, and what fine-tuning did."""

import pytest

from rai_audits.core import known_audits
from rai_tune.reporting import build_view
from rai_tune.reporting.audit_words import AUDITS
from rai_tune.reporting.chapters import MOST_ROWS, chapters
from rai_tune.reporting.evidence import KNOWN_AUDITS
from rai_tune.reporting.numbers import show
from rai_tune.reporting.terminal import summary_text


def pairs(kit, count):
    """Differences between every two of ``count`` groups, both ways."""
    names = [f"g{place:02}" for place in range(count)]
    where = [{"attribute": "race", "group": one, "reference": two} for one in names for two in names if one != two]
    return [kit.number("score_fairness", "subgroup_auc_difference", 0.1, 0.0, 0.2, 50, **each) for each in where]


def base_result(kit):
    name = "base_vs_tuned"
    black = {"attribute": "race", "group": "Black"}
    white = {"attribute": "race", "group": "white"}
    found = [
        kit.number(name, "base_roc_auc", 0.83, 0.78, 0.87, 596),
        kit.number(name, "roc_auc_change", -0.02, -0.06, 0.02, 596),
        kit.rate(name, "base_selection_rate", 520, 596),
        kit.number(name, "selection_rate_change", -0.031, -0.055, -0.008, 596),
        kit.rate(name, "base_selection_rate", 52, 85, **black),
        kit.number(name, "selection_rate_change", -0.165, -0.265, -0.069, 85, **black),
        kit.rate(name, "favourable_gained_share", 2, 85, **black),
        kit.rate(name, "favourable_lost_share", 16, 85, **black),
        kit.number(name, "selection_rate_gap_change", -0.18, -0.29, -0.08, 596, **black, reference="white"),
        kit.number(name, "selection_rate_change", 0.02, 0.0, 0.04, 511, **white),
    ]
    facts = {"base": {"model": "minilm", "decides_by": "a probe", "train_rows": 1426, "threshold": 0.648,
                      "threshold_rule": "match_base_rate"}}  # fmt: skip
    return kit.result(name, "fairness", found, facts=facts)


def test_every_audit_that_ships_has_a_title_and_says_what_it_asks():
    assert set(known_audits()) - set(KNOWN_AUDITS) == set(AUDITS)
    assert all(words.meaning for words in AUDITS.values())


def test_a_difference_stands_once_and_a_long_chapter_says_how_much_is_elsewhere(kit):
    (short,) = chapters((kit.result("score_fairness", "fairness", pairs(kit, 3)),))
    assert [row.name for row in short.rows] == [
        "Ranking within the group, difference: g00 against g01 (race)",
        "Ranking within the group, difference: g00 against g02 (race)",
        "Ranking within the group, difference: g01 against g02 (race)",
    ]
    assert short.left_out == 3
    (long,) = chapters((kit.result("score_fairness", "fairness", pairs(kit, 12)),))
    assert (len(long.rows), long.left_out) == (MOST_ROWS, 12 * 11 - MOST_ROWS)


def test_numbers_about_everybody_come_first_and_gaps_last(kit):
    found = [
        kit.rate("label_noise", "label_suspect_rate", 0, 0, attribute="race", group="none"),
        kit.rate("label_noise", "label_suspect_rate", 4, 40, attribute="race", group="white"),
        kit.rate("label_noise", "label_noise_rate", 20, 400),
    ]
    (chapter,) = chapters((kit.result("label_noise", "data", found),))
    assert [row.name for row in chapter.rows] == [
        "Labels in doubt",
        "Suspect labels: white (race)",
        "Suspect labels: none (race)",
    ]


@pytest.mark.parametrize(
    ("estimate", "low", "high", "text", "interval"),
    [(1.0, 1.0, 1.0, "yes", ""), (0.0, 0.0, 1.0, "no", "not settled"), (1.0, 0.0, 1.0, "yes", "not settled")],
)
def test_a_reversal_is_a_word_and_not_a_number(kit, estimate, low, high, text, interval):
    shown = show(kit.number("simpson", "simpson_reversal", estimate, low, high, 90))
    assert (shown.text, shown.interval) == (text, interval)


def test_the_control_of_a_simpson_row_is_named_as_one(kit):
    where = {"attribute": "race", "group": "Black", "reference": "white", "label": "marital status"}
    item = kit.number("simpson", "selection_rate_difference_adjusted", -0.33, -0.44, -0.23, 596, **where)
    (chapter,) = chapters((kit.result("simpson", "fairness", [item]),))
    (table,) = chapter.grids
    assert (table.title, table.rows[0].name) == (
        "Gap in the favourable rate by race, within marital status",
        "Black / white",
    )
    assert [cell.text if cell else None for cell in table.rows[0].cells] == [None, "−33.0 pp", None]


def test_the_terminal_shows_what_fine_tuning_did_in_80_columns(kit):
    inputs = kit.lending()
    view = build_view(kit.lending(results=(*inputs.results, base_result(kit))))
    lines = summary_text(view).splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "What fine-tuning did: tuned minus base, same test rows" in text
    (black,) = [line for line in lines if "'approved', Black" in line]
    assert black.split()[2:] == ["61.2", "%", "−16.5", "pp", "−26.5", "to", "−6.9", "pp", "2", "/", "16"]
    assert any("gap Black − white" in line and "−18.0 pp" in line for line in lines)
    (chapter,) = [chapter for chapter in view.chapters if chapter.audit == "base_vs_tuned"]
    said = "minilm; a probe; 1426 training rows, threshold 0.648, chosen on validation rows to match the base rate."
    assert chapter.sentence.endswith(said)
    assert [row.value.ref.metric for row in chapter.rows[:4]] == [
        "roc_auc_change",
        "selection_rate_change",
        "base_roc_auc",
        "base_selection_rate",
    ]
    assert "Other measurements" not in text


def test_other_audits_of_a_run_stand_by_title_with_their_first_numbers(kit):
    inputs = kit.lending()
    more = kit.result("score_fairness", "fairness", pairs(kit, 4))
    text = summary_text(build_view(kit.lending(results=(*inputs.results, more))))
    assert "Scores by group" in text
    assert "9 more in --json and --pdf" in text


def test_the_pdf_has_the_chapters_and_says_where_the_rest_is(kit):
    from io import BytesIO

    import pikepdf

    from rai_tune.reporting import render_report

    inputs = kit.lending()
    more = kit.result("score_fairness", "fairness", pairs(kit, 12))
    made = pikepdf.open(BytesIO(render_report(kit.lending(results=(*inputs.results, base_result(kit), more)))))
    titles = [str(item.title).lstrip("0123456789. ") for item in _flat(made)]
    place = titles.index("Other measurements")
    assert titles[place + 2 : place + 4] == ["What fine-tuning did", "Scores by group"]


def _flat(made):
    def walk(items):
        for item in items:
            yield item
            yield from walk(item.children)

    with made.open_outline() as outline:
        return list(walk(outline.root))

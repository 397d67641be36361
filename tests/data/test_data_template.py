"""Templates: what they may contain, what they render, and which span came from which column."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rai_tune.core import UsageError
from rai_tune.data import Rendered, TextTemplate, template_name

COLUMNS = ("age", "race", "note", "marital-status", "self", "loan_amount")


def make(template: str) -> TextTemplate:
    return TextTemplate.from_string(template, COLUMNS)


def render(template: str, **row: object) -> Rendered:
    return make(template).render({**dict.fromkeys(COLUMNS), **row})


def text(template: str, **row: object) -> str:
    return render(template, **row).text


def parts(rendered: Rendered) -> list[tuple[str, str | None]]:
    return [(rendered.text[start:end], column) for start, end, column in rendered.segments]


def refusal(template: str) -> str:
    with pytest.raises(UsageError) as caught:
        make(template)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ age }}", "41"),
        ("{{ age / 2 }} {{ age + 1 }} {{ -age }}", "20.5 42 -41"),
        ("{{ (age / 10)|round(1) }} {{ age|float }} {{ (age / 10)|int }}", "4.1 41 4"),
        ("{{ (age / 10)|round(0, 'ceil') }} {{ (age / 10)|round(method='floor') }}", "5 4"),
        ("{{ '%05.1f|%s'|format(age, race) }}", "041.0|Black"),
        ("{{ race|lower }} {{ race|upper }} {{ 'new york'|title }} {{ race|length }}", "black BLACK New York 5"),
        ("{{ note|trim('!')|replace('a', 'b') }} {{ 'x'|capitalize }}{{ race }}", "bc XBlack"),
        ("{% if age > 40 and race == 'Black' %}a{% elif age %}b{% else %}c{% endif %}", "a"),
        ("{{ 'old' if age >= 65 else 'young' }}{{ ' x' if race in ['Black', 'white'] }}", "young x"),
        ("{{ race ~ ' ' ~ age ~ 1.0 }}", "Black 411"),
        ("{{ self }} {{ marital_status }}", "me single"),
        ("  {# a comment #}{{ age }}\n\n", "41"),
        ("{{ note|default('none') }} {{ loan_amount|default('none') }} {{ loan_amount or 'zero' }}", "!ac! none zero"),
        ("{{ loan_amount|abs if loan_amount is not none else 0 }}{{ age }}", "041"),
    ],
)
def test_what_templates_render(template: str, expected: str):
    row = {"age": 41, "race": "Black", "note": "!ac!", "marital-status": "single", "self": "me"}
    assert text(template, **row) == expected


@pytest.mark.parametrize("missing", [None, float("nan"), "", " NA "])
def test_a_missing_value_reads_unknown_through_every_filter(missing: object):
    assert text("{{ age }} {{ age|round(2) }} {{ age|int }} {{ age|lower }} {{ '%d'|format(age) }}", age=missing) == (
        "unknown unknown unknown unknown unknown"
    )
    assert (
        text("{{ 'a' if age is none else 'b' }}{{ 'c' if age is defined else 'd' }}{{ 'e' if age == 3 }}", age=missing)
        == "ad"
    )


@pytest.mark.parametrize("template", ["{{ age + 1 }}", "{% if age > 3 %}x{% endif %}", "{{ -age }}"])
def test_computing_with_a_missing_value_says_what_to_do(template: str):
    with pytest.raises(UsageError, match=r"column 'age' is missing .*if age is none"):
        text(template)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "{{ age.__class__ }}",
            "the template reaches for an attribute ('.__class__') on line 1; only columns, filters and if",
        ),
        ("\n\n{{ age['__class__'] }}", "reaches into a value ('['__class__']') on line 3"),
        ("{{ age[0:1] }}", "reaches into a value ('[...]')"),
        ("{{ range(9) }}", "calls something ('range(...)')"),
        ("{{ race.format(1) }}", "calls something"),
        ("{% for x in race %}{{ x }}{% endfor %}", "loops ('for')"),
        ("{% set x = age %}{{ x }}", "sets a variable ('set')"),
        ("{% set x %}a{% endset %}{{ x }}", "sets a variable"),
        ("{% macro m() %}{% endmacro %}", "defines a macro"),
        ("{% import 'x' as y %}", "imports another template"),
        ("{% from 'x' import y %}", "imports another template"),
        ("{% include 'x' %}", "includes another template"),
        ("{% extends 'x' %}", "extends another template"),
        ("{% block b %}{% endblock %}", "defines a block"),
        ("{% with a = 1 %}{% endwith %}", "opens a scope"),
        ("{% filter upper %}x{% endfilter %}", "opens a filter block"),
        ("{% call age() %}{% endcall %}", "calls a macro"),
        ("{% autoescape true %}{% endautoescape %}", "changes escaping"),
        ("{{ 2 ** age }}", "raises to a power ('**')"),
        ("{{ [age] }}", "builds a list"),
        ("{{ (age, age) }}", "builds a list"),
        ("{{ {'a': age} }}", "builds a mapping"),
        ("{{ age in [race] }}", "builds a list"),
        ("{{ race|attr('x') }}", "the filter 'attr' on line 1, which is not allowed"),
        ("{{ race|uper }}", "Did you mean 'upper'"),
        ("{{ race|lower(*note) }}", "spreads arguments"),
        ("{{ note|format(age) }}", "the filter 'format' on line 1 in a way that is not allowed"),
        ("{{ '%(a)s'|format(age) }}", "'format'"),
        ("{{ '%9999d'|format(age) }}", "'format'"),
        ("{{ '%*d'|format(age, 3) }}", "'format'"),
        ("{{ '%c'|format(age) }}", "'format'"),
        ("{{ age is divisibleby 3 }}", "the test 'is divisibleby'"),
        ("{{ agee }}", "names 'agee' on line 1, which is not a column. Did you mean 'age'"),
        ("plain", "names no column"),
        ("{{ '\\x00' }}{{ age }}", "not text (NUL or half a pair)"),
        ("{{ '\\ud800' }}{{ age }}", "not text (NUL or half a pair)"),
        ("{{ age ", "the template cannot be read (line 1)"),
        ("{% if age %}", "the template cannot be read (line 1)"),
        ("{{ " + "9" * 5_000 + " }}{{ age }}", "the template cannot be read"),
        ("{{ " + "(" * 4_000 + "age" + ")" * 4_000 + " }}", "nested too deeply"),
        ("{{ age" + "|abs" * 200 + " }}", "nested more than 60 deep"),
        ("{{ age }}" + "x" * 10_000, "longer than 10,000 bytes"),
    ],
)
def test_what_is_refused_is_named_with_its_line(template: str, said: str):
    assert said in refusal(template)


def test_two_columns_that_are_spelled_alike_are_ambiguous():
    with pytest.raises(UsageError, match=r"could mean any of the columns \['a b', 'a-b'\]"):
        TextTemplate.from_string("{{ a_b }}", ["a b", "a-b"])
    assert TextTemplate.from_string("{{ a_b }}", ["a b", "a-b", "a_b"]).columns == ("a_b",)


@pytest.mark.parametrize(
    ("column", "name"), [("a", "a"), ("a b", "a_b"), ("2nd", "_2nd"), ("in", "in_"), ("größe", "größe"), ("", "_")]
)
def test_template_names_can_be_written_in_a_template(column: str, name: str):
    assert template_name(column) == name
    assert TextTemplate.from_string(f"{{{{ {name} }}}}", [column]).columns == (column,)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 1000000000 }}{{ age }}",
        "{{ race * age }}",
        "{{ race % age }}",
        "{{ race + age }}",
        "{{ age // 0 }}",
        "{{ race|round }}",
        "{{ race|int }}",
        "{{ age|round(999999999) }}",
        "{{ race > age }}",
        "{{ race|replace('', 'x') }}",
        "{{ '%d'|format(race) }}",
        "{{ '%d'|format() }}{{ age }}",
        "{{ race|lower(1, 2) }}",
        "{{ note|replace('a', note)|replace('a', note)|replace('a', note) }}",
        "{{ " + "note ~ " * 1_300 + "note }}",
        "{{ " + "note + " * 20 + "note }}",
        "{{ note }}" * 1_000,
        "{{ note|upper }}" * 600,
    ],
)
def test_what_fails_on_a_row_is_one_clear_error_and_quick(template: str):
    began = time.process_time()
    with pytest.raises(UsageError, match="the template fails on this row"):
        text(template, age=3, race="x", note="a" * 100_000)
    assert time.process_time() - began < 5


def test_a_failing_row_is_numbered_and_text_columns_are_named():
    with pytest.raises(UsageError, match=r"row 2: .*columns that hold text here: age"):
        make("{{ age + 1 }}").render_columns({"age": [1, "many"]})


def test_a_row_without_the_column_is_named():
    with pytest.raises(UsageError, match="the row has no column 'age'"):
        make("{{ age }}").render({"agee": 1})


def test_spans_know_their_columns():
    rendered = render(
        "Age {{ age }}{% if race == 'Black' %}, group {{ race }}{% elif note %}, other{% else %}, none{% endif %}"
        " {{ 'x' if age > 3 and note == 'n' else 'y' }}{{ 'fixed' }}.",
        age=41,
        race="Black",
        note="n",
    )
    assert parts(rendered) == [
        ("Age ", None),
        ("41", "age"),
        (", group Black", "race"),
        (" ", None),
        ("x", "age+note"),
        ("fixed.", None),
    ]
    other = render(
        "{% if race == 'a' %}p{% elif note %}q{% else %}r{% if age %}s{{ age }}{% endif %}{% endif %}!", age=1
    )
    assert parts(other) == [("r", "note+race"), ("s", "age+note+race"), ("1", "age"), ("!", None)]


def test_spans_follow_the_stripped_text():
    rendered = render("  {{ note }} {{ age }}  ", note="  ", age=3)
    assert parts(rendered) == [("unknown", "note"), (" ", None), ("3", "age")]
    assert render("{% if age %} {{ age }}{% endif %}  ", age=5) == Rendered("5", ((0, 1, "age"),))
    assert render("{% if age %}{% endif %} ", age=5) == Rendered("", ())


def test_marks_differ_between_templates_and_never_show():
    one, two = make("{{ note }}"), make("{{ note }}")
    assert one._token != two._token
    forged = two._token + "0\x00x"
    assert "\x00" not in one.render({"note": forged}).text
    assert two.render({"note": forged}).segments == ((0, len(two.render({"note": forged}).text), "note"),)


CELLS = st.one_of(
    st.none(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.text(max_size=12),
)
TEMPLATE = make(
    " {{ note }} [{{ race|upper }}] {% if age is none %}no age{% elif race == note %}{{ age }}{% else %} {{ note ~ age }} {% endif %}"
    "{{ self|default(' ') }}\n"
)


@given(st.fixed_dictionaries(dict.fromkeys(("note", "race", "age", "self"), CELLS)))
def test_segments_tile_the_text(row: dict[str, object]):
    rendered = TEMPLATE.render(row)
    position = 0
    for start, end, column in rendered.segments:
        assert start == position < end
        assert column is None or set(column.split("+")) <= set(row)
        position = end
    assert position == len(rendered.text)
    assert rendered.text == rendered.text.strip()
    assert all(first[2] != second[2] for first, second in zip(rendered.segments, rendered.segments[1:], strict=False))

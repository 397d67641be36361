"""Reading HateXplain's rationales: places in the text, majorities, and files that are not in the format."""

import json

import pytest

from rai_tune.core import UsageError
from rai_tune.data.rationales import read_rationales

TEXT = "they are good good people"
POST = {
    "post_tokens": ["they", "are", "good", "good", "people"],
    "rationales": [[0, 0, 0, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0]],
}


def write(tmp_path, value):
    path = tmp_path / "val.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_marks_of_half_or_more_at_their_own_place(tmp_path):
    found = read_rationales(write(tmp_path, {"p1": POST, "elsewhere": POST}), {"p1": TEXT, "p2": "x"})
    assert found == {"p1": ((14, 18),)}, "the second good, not the first"
    two = {**POST, "rationales": POST["rationales"][:2]}
    assert read_rationales(write(tmp_path, {"p1": two}), {"p1": TEXT}) == {"p1": ((9, 13), (14, 18), (19, 25))}
    nobody = {**POST, "rationales": []}
    assert read_rationales(write(tmp_path, {"p1": nobody}), {"p1": TEXT}) == {"p1": ()}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "not a JSON file"),
        ([POST], "object of posts by id"),
        ({"p1": {"rationales": []}}, "post 'p1': post_tokens must be a list of texts"),
        ({"p1": {**POST, "rationales": [[1, 0]]}}, "rationales must be lists of 5 marks"),
        ({"p1": {**POST, "rationales": [[2, 0, 0, 0, 0]]}}, "must be 0 or 1"),
        (
            {"p1": {**POST, "post_tokens": ["they", "are", "bad", "good", "people"]}},
            "token 3 of post_tokens is not in the text",
        ),
        ({"other": POST}, "none of its 1 posts has the id of a row"),
    ],
)
def test_files_of_another_form_are_named(tmp_path, value, message):
    with pytest.raises(UsageError, match=message):
        read_rationales(write(tmp_path, value), {"p1": TEXT})


def test_a_missing_file_names_the_field(tmp_path):
    with pytest.raises(UsageError, match=r"audits\.explain\.rationales: there is no file"):
        read_rationales(tmp_path / "no.json", {})


def test_the_published_validation_split_is_read_whole(test_data):
    path = test_data / "hatexplain_val" / "val.json"
    posts = json.loads(path.read_text(encoding="utf-8"))
    texts = {name: " ".join(post["post_tokens"]) for name, post in posts.items()}
    found = read_rationales(path, texts)
    assert len(found) == 1_922
    marked = sum(bool(spans) for spans in found.values())
    assert marked == sum(
        bool(post["rationales"])
        and any(2 * sum(marks) >= len(marks) for marks in zip(*post["rationales"], strict=True))
        for post in posts.values()
    )
    assert 1_000 < marked < 1_922

"""Human rationales in the format of HateXplain (Mathew et al., AAAI 2021): which words of a post annotators marked.

Stable API: ``read_rationales``. The file is a JSON object of posts by id, each with ``post_tokens`` and ``rationales``: one list of 0 and 1 a token for each annotator
who marked anything. A token counts as marked when at least half of those annotators marked it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAX_BYTES = 200_000_000
Spans = tuple[tuple[int, int], ...]


def read_rationales(path: Path, texts: Mapping[str, str]) -> dict[str, Spans]:
    """Row id -> character spans of its text that people marked; an empty tuple where they marked nothing.

    ``texts`` are the texts by row id; posts of other ids are left aside. Raises ``UsageError`` naming the post and field for a file of another form, tokens that do not
    occur in the text in their order, and a file in which no post is a row.
    """
    posts = _read(path)
    found = {}
    for post_id, post in posts.items():
        if post_id in texts:
            tokens, marks = _tokens(path, post_id, post), _marks(path, post_id, post)
            found[post_id] = _spans(path, post_id, texts[post_id], tokens, marks)
    if not found:
        raise UsageError(f"{path}: none of its {len(posts):,} posts has the id of a row")
    return found


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(f"audits.explain.rationales: there is no file {path}")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB")
    try:
        posts = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not a JSON file ({error})") from error
    if not isinstance(posts, dict):
        raise UsageError(f"{path}: rationales are an object of posts by id, in the format of HateXplain")
    return posts


def _tokens(path: Path, post_id: str, post: Any) -> list[str]:
    tokens = post.get("post_tokens") if isinstance(post, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(item, str) for item in tokens):
        raise UsageError(f"{path}: post {post_id!r}: post_tokens must be a list of texts")
    return tokens


def _marks(path: Path, post_id: str, post: Any) -> list[bool]:
    """Whether at least half of those who marked anything marked each token."""
    given, count = post.get("rationales", []), len(post["post_tokens"])
    if not isinstance(given, list) or not all(isinstance(each, list) and len(each) == count for each in given):
        raise UsageError(
            f"{path}: post {post_id!r}: rationales must be lists of {count} marks, one for each of post_tokens"
        )
    if any(mark not in (0, 1) for each in given for mark in each):
        raise UsageError(f"{path}: post {post_id!r}: a mark in rationales must be 0 or 1")
    if not given:
        return [False] * count
    return [2 * sum(each[place] for each in given) >= len(given) for place in range(count)]


def _spans(path: Path, post_id: str, text: str, tokens: Sequence[str], marks: Sequence[bool]) -> Spans:
    spans, reached = [], 0
    for place, (token, marked) in enumerate(zip(tokens, marks, strict=True)):
        start = text.find(token, reached)
        if start < 0:
            raise UsageError(
                f"{path}: post {post_id!r}: token {place + 1} of post_tokens is not in the text of the row where it should be"
            )
        reached = start + len(token)
        if marked and token:
            spans.append((start, reached))
    return tuple(spans)

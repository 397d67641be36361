"""From a notebook: any transformers classifier, without rai_tune."""

import subprocess
import sys

import pytest

from rai_audits import explain
from rai_audits.core import UsageError

TEXTS = [
    f"the {one} film is {two}, a {three} loan"
    for one in ("good", "bad")
    for two in ("high", "low", "black")
    for three in ("white", "good")
]


def test_texts_are_explained_and_checked_in_one_call(bert_model):
    found = explain.checked_texts(bert_model, TEXTS, positive="denied")
    alone = explain.attribute_texts(bert_model, TEXTS, positive="denied")
    assert [item.words for item in found.attributions] == [item.words for item in alone]
    assert found.checks.outcome in {"trusted", "not_trusted", "insufficient_evidence"}
    assert {item.name for item in found.checks.results} == {
        "completeness", "comprehensiveness", "sufficiency", "randomisation", "harmless_edits", "agreement",
    }  # fmt: skip


def test_few_or_no_texts_are_never_trusted(bert_model):
    for texts in ([], ["good film"], ["", "good"]):
        assert explain.checked_texts(bert_model, texts, positive="denied").checks.outcome == "insufficient_evidence"


def test_wrong_names_are_said(bert_model):
    with pytest.raises(UsageError, match="Did you mean 'occlusion'"):
        explain.checked_texts(bert_model, TEXTS, method="oclusion")
    with pytest.raises(UsageError, match=r"no setting 'step'.*Did you mean 'steps'"):
        explain.checked_texts(bert_model, TEXTS, step=3)
    with pytest.raises(UsageError, match="either 'positive' or 'target'"):
        explain.checked_texts(bert_model, TEXTS, positive="denied", target="denied")


def test_the_room_stands_without_the_engine():
    code = "import sys; from rai_audits import explain; sys.exit('rai_tune' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

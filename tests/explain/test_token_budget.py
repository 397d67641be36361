"""Passes stay under the bound of tokens, and shrink when memory runs out."""

import pytest
import torch

from rai_audits.explain.budget import OutOfMemoryError, TokenBudget


def test_batches_are_of_like_length_under_the_bound():
    seen = []
    items = ["aaaa", "b", "cc", "dddddddddd", "ee"]
    done = dict(TokenBudget(8, len).run(items, lambda batch: seen.append(list(batch)) or [len(i) for i in batch]))
    assert seen == [["b", "cc", "ee"], ["aaaa"], ["dddddddddd"]]
    assert done == {item: len(item) for item in items}


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory: 9 bytes")])
def test_memory_error_halves_until_it_fits(error):
    rows = []

    def work(batch):
        rows.append(len(batch))
        if len(batch) > 2:
            raise error
        return [item.upper() for item in batch]

    found = [result for _, result in TokenBudget(64, len).run(["aaaa"] * 10, work)]
    assert found == ["AAAA"] * 10
    assert rows == [10, 5, 2, 2, 2, 2, 2], "the smaller budget stays"


def test_one_row_that_does_not_fit_is_said_clearly():
    def work(batch):
        raise RuntimeError("out of memory")

    with pytest.raises(OutOfMemoryError, match="one text of 4 tokens"):
        list(TokenBudget(64, len).run(["aaaa", "bbbb"], work))


def test_other_errors_are_not_retried():
    def work(batch):
        raise RuntimeError("input is not compatible with the memory format")

    with pytest.raises(RuntimeError, match="memory format"):
        list(TokenBudget(64, len).run(["aaaa"], work))

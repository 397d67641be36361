"""Weight randomisation (Adebayo et al. 2018): an explanation that stays the same when the model forgets everything is not about the model.

Weights are drawn again from the top down: the last module, then the upper half, then all. Top is the end of the order in which modules were
registered, as in every transformers classifier. Each weight tensor is drawn from a normal of its own mean and standard deviation, so that signals
keep their size. The model's weights are afterwards what they were, bit for bit.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError
from rai_audits.explain.checks.case import drawn, rank_correlation, words_of
from rai_audits.explain.checks.quantity import CheckResult, Quantity, mean_quantity
from rai_audits.quality.measure import Estimate, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.checks.work import Work

NAME = "randomisation"
METRIC, SIGNED_METRIC = "randomisation_similarity", "randomisation_similarity_signed"
HEAD, UPPER_HALF, ALL = "head", "upper half", "all weights"
_USABLE = "attributions that can be ranked before and after"


@dataclass
class RandomWeights:
    """The modules that still have their own weights, and how to take more of them away."""

    modules: list[torch.nn.Module]
    generator: torch.Generator
    saved: dict[int, tuple[torch.nn.Parameter, torch.Tensor]] = field(default_factory=dict)
    done: int = 0

    def upto(self, count: int) -> None:
        """Draw the weights of the ``count`` topmost modules; those drawn before stay as they are."""
        for module in self.modules[self.done : count]:
            for weight in module.parameters(recurse=False):
                if id(weight) not in self.saved:
                    self.saved[id(weight)] = (weight, weight.detach().to("cpu", copy=True))
                    self._draw(weight)
        self.done = max(self.done, count)

    def _draw(self, weight: torch.nn.Parameter) -> None:
        import torch

        values = weight.detach().float()
        noise = torch.randn(values.shape, generator=self.generator)
        spread, middle = float(values.std(correction=0)), float(values.mean())
        with torch.no_grad():
            weight.copy_((noise * spread + middle).to(weight.device, weight.dtype))


@contextmanager
def random_weights(model: Any, seed: int) -> Iterator[RandomWeights]:
    """Random weights inside the block; what was drawn is put back at its end, whatever happened.

    Raises ``UsageError`` for packed (integer) weights, which cannot be drawn again.
    """
    import torch

    packed = [name for name, weight in model.named_parameters() if not weight.is_floating_point()]
    if packed:
        raise UsageError(f"weights such as {packed[0]} are packed into whole numbers and cannot be drawn at random")
    modules = [
        module for module in model.modules() if any(weight.numel() for weight in module.parameters(recurse=False))
    ]
    state = RandomWeights(modules[::-1], torch.Generator().manual_seed(seed))
    try:
        yield state
    finally:
        with torch.no_grad():
            for weight, before in state.saved.values():
                weight.copy_(before)


def check_randomisation(work: Work) -> CheckResult:
    """Mean rank correlation of the words' |attribution| with that under random weights, at most the threshold.

    Absolute, because the sign under random weights is that of a random head: a method that sees nothing but the text may come back with all signs
    turned. Its expectation under independence is 0 at every length, which that of |correlation| is not.
    """
    threshold = work.thresholds.randomisation
    cases = [case for case in work.cases if case.usable and len(words_of(case.encoded, case.tokens.attributions)) > 2]
    chosen = drawn(cases, work.options.randomisation_documents, work.seed, NAME)
    found = similarities(work, chosen) if chosen else {}
    quantities = []
    for stage in (ALL, UPPER_HALF, HEAD):
        pairs = found.get(stage, [])
        quantities.append(mean_quantity(METRIC, [size for size, _ in pairs], label=stage, what=_USABLE))
        quantities.append(mean_quantity(SIGNED_METRIC, [sign for _, sign in pairs], label=stage, what=_USABLE))
    key = quantities[0]
    outcome = work.judge(key, threshold, at_least=False)
    return CheckResult(NAME, outcome, _sentence(work, key, threshold), threshold, key, tuple(quantities))


def similarities(work: Work, cases: Sequence[Case]) -> dict[str, list[tuple[float, float]]]:
    """For each stage, one pair a document: rank correlation of |attribution| and of attribution, mean over draws."""
    model = work.engine.model.model
    per_stage: dict[str, list[list[tuple[float, float]]]] = {
        stage: [[] for _ in cases] for stage in (HEAD, UPPER_HALF, ALL)
    }
    for draw in range(work.options.randomisation_draws):
        with random_weights(model, work.seed * 1_000 + draw) as state:
            total = len(state.modules)
            # Draws but the first go to the stage that is judged.
            stages = {HEAD: 1, UPPER_HALF: (total + 1) // 2, ALL: total} if not draw else {ALL: total}
            for stage, count in stages.items():
                state.upto(count)
                for place, pair in enumerate(_compared(work, cases, stage)):
                    if pair is not None:
                        per_stage[stage][place].append(pair)
    return {
        stage: [
            (sum(size for size, _ in pairs) / len(pairs), sum(sign for _, sign in pairs) / len(pairs))
            for pairs in lists
            if pairs
        ]
        for stage, lists in per_stage.items()
    }


def _compared(work: Work, cases: Sequence[Case], stage: str) -> list[tuple[float, float] | None]:
    texts, targets = [case.encoded for case in cases], [case.target for case in cases]
    again = work.attribute(texts, targets, f"random weights: {stage}", low=True)
    pairs: list[tuple[float, float] | None] = []
    for case, other in zip(cases, again, strict=True):
        if other is None:
            pairs.append(None)
            continue
        before = words_of(case.encoded, case.tokens.attributions).values
        after = words_of(case.encoded, other.attributions).values
        size = rank_correlation([abs(item) for item in before], [abs(item) for item in after])
        sign = rank_correlation(before, after)
        pairs.append(None if size is None or sign is None else (size, sign))
    return pairs


def _sentence(work: Work, key: Quantity, threshold: float) -> str:
    if isinstance(key.value, Gap):
        return f"Whether the explanation changes when the model's weights are random is not known: {key.value.reason}."
    assert isinstance(key.value, Estimate)
    low, high = key.value.ends(1 - work.confidence, "two-sided")
    return (
        f"With all weights random, words are ranked with a correlation of {key.value.point:.2f} ({low:.2f} to {high:.2f}, {key.n} documents) "
        f"with the ranking shown; at most {threshold:.2f} is allowed, since 1 would mean that the explanation is not about this model."
    )

"""Do the checks tell sound explanations from wrong ones? A study with tiny models, whose truth is known because it was planted.

    python benchmarks/explanation_checks.py --first 5000 --runs 200

The unit is a run: a two-layer model is trained on texts in which one cue word alone decides the label, 36 texts are explained by integrated gradients, and
the checks are put to four sets of attributions: the sound ones, the same shuffled among the words' tokens of each text, those of the model with all weights drawn at
random, and those of another model trained on other cues; the last two are presented as this model's. Runs differ in seed, number of distractors, length of texts, label
noise and share of texts without a cue. Thresholds were set on seeds 1000 to 1099 only.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from rai_audits.explain import TextModel
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import Settings
from rai_audits.explain.checks import Case, Checks, Options, run_checks
from rai_audits.explain.checks.case import words_of
from rai_audits.explain.checks.randomisation import random_weights
from rai_audits.explain.encoding import EncodedText, encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import contrast_target
from rai_audits.stats.rates import wilson

KINDS = ("sound", "shuffled", "random weights", "other model")
TUNING, EVALUATION = 1_000, 5_000
DOCUMENTS = 36
BATCH = 40
LIGHT = Options(documents=24, random_orders=3, randomisation_documents=12, randomisation_draws=1, edit_documents=12)
"""Less work for the test of this study; the script itself takes the defaults."""
CLASSES = ("no", "yes")
CUES = ("never", "always")
OTHER_CUES = ("seldom", "often")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", ".")
_SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pa", "re", "si", "tu")


@dataclass(frozen=True)
class World:
    """What a run's texts are made of. ``noise`` is the share of wrong training labels, ``cueless`` that of training texts without a cue."""

    seed: int
    distractors: tuple[str, ...]
    shortest: int
    longest: int
    noise: float
    cueless: float


@dataclass(frozen=True)
class Outcomes:
    """One run: the checks by kind of attribution, and the share of documents in which the sound ones rank the cue first."""

    world: World
    checks: dict[str, Checks]
    cue_first: float
    accuracy: float


def world_of(seed: int) -> World:
    """A world drawn by its seed."""
    draw = random.Random(seed)
    words = [a + b for a in _SYLLABLES for b in _SYLLABLES if a != b]
    draw.shuffle(words)
    shortest = draw.randint(5, 8)
    return World(
        seed,
        tuple(words[: draw.choice((12, 25, 50, 100))]),
        shortest,
        shortest + draw.randint(2, 10),
        draw.choice((0.0, 0.0, 0.02, 0.05)),
        draw.choice((0.1, 0.2, 0.3)),
    )


def tokenizer_of(world: World) -> PreTrainedTokenizerFast:
    """One token a word; words of the harmless frames are unknown to it."""
    vocabulary = {word: place for place, word in enumerate((*_SPECIAL, *CUES, *OTHER_CUES, *world.distractors))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def text_of(world: World, draw: random.Random, cue: str | None) -> str:
    """Distractors with at most one cue among them; some texts have a full stop or a few unknown words, as real ones do."""
    words = [draw.choice(world.distractors) for _ in range(draw.randint(world.shortest, world.longest))]
    if cue is not None:
        words.insert(draw.randint(0, len(words)), cue)
    if draw.random() < 0.3:
        at = draw.choice((0, len(words)))
        words[at:at] = ["zz"] * draw.randint(1, 3)
    return " ".join(words) + (" ." if draw.random() < 0.5 else "")


def trained(world: World, tokenizer: Any, cues: tuple[str, str], steps: int = 70) -> TextModel:
    """A two-layer model of width 32 that has learned the cues. Both cue pairs occur, so that the other pair is a distractor."""
    draw = random.Random(world.seed + len(cues[0]))
    torch.manual_seed(world.seed)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            max_position_embeddings=48, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            initializer_range=0.1, pad_token_id=0,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, fused=True)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, steps)
    model.train()
    texts, labels = [], []
    for _ in range(steps * BATCH):
        label = draw.randint(0, 1)
        bare = draw.random() < world.cueless
        texts.append(text_of(world, draw, None if bare else cues[label]))
        labels.append(1 - label if draw.random() < world.noise else label)
    read = tokenizer(texts, padding=True, return_tensors="pt")
    for start in range(0, len(texts), BATCH):
        part = slice(start, start + BATCH)
        loss = model(
            input_ids=read["input_ids"][part],
            attention_mask=read["attention_mask"][part],
            labels=torch.tensor(labels[part]),
        ).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    return TextModel(model, tokenizer, CLASSES, max_tokens=48)


def run(
    seed: int, kinds: tuple[str, ...] = KINDS, method: str = "integrated_gradients", options: Options | None = None
) -> Outcomes:
    """Train, explain and check one tiny model."""
    torch.set_num_threads(1)
    world = world_of(seed)
    tokenizer = tokenizer_of(world)
    model = trained(world, tokenizer, CUES)
    draw = random.Random(seed + 1)
    labels = [draw.randint(0, 1) for _ in range(DOCUMENTS)]
    texts = [encode_text(model, text_of(world, draw, CUES[label])) for label in labels]
    target = contrast_target(CLASSES, "yes")
    settings = Settings(method=method, seed=seed)
    with opened(model) as engine:
        sound = attribute_opened(engine, texts, [target] * len(texts), settings)
        presented = {"sound": sound}
        if "shuffled" in kinds:
            presented["shuffled"] = tuple(_shuffled(text, item, draw) for text, item in zip(texts, sound, strict=True))
        if "random weights" in kinds:
            with random_weights(model.model, seed + 77) as state:
                state.upto(len(state.modules))
                presented["random weights"] = attribute_opened(engine, texts, [target] * len(texts), settings)
        if "other model" in kinds:
            with opened(trained(world, tokenizer, OTHER_CUES)) as other:
                presented["other model"] = attribute_opened(other, texts, [target] * len(texts), settings)
        checks = {
            kind: run_checks(
                engine,
                [
                    Case(f"d{place}", text, target, item)
                    for place, (text, item) in enumerate(zip(texts, presented[kind], strict=True))
                ],
                settings,
                options=options,
                seed=seed,
            )
            for kind in kinds
        }
    right = [int(np.argmax(item.logits)) == label for item, label in zip(sound, labels, strict=True)]
    return Outcomes(
        world,
        checks,
        float(np.mean([_cue_first(*pair) for pair in zip(texts, sound, strict=True)])),
        float(np.mean(right)),
    )


def _shuffled(text: EncodedText, item: Any, draw: random.Random) -> Any:
    """The same numbers on other content tokens: the sum, and so completeness, is what it was."""
    places = [place for place, special in enumerate(text.special) if not special]
    moved = places[:]
    draw.shuffle(moved)
    values = list(item.attributions)
    for old, new in zip(places, moved, strict=True):
        values[new] = item.attributions[old]
    return replace(item, attributions=tuple(values))


def _cue_first(text: EncodedText, item: Any) -> bool:
    """Whether the cue has the largest attribution toward the prediction among all words."""
    words = words_of(text, item.attributions)
    sign = 1.0 if item.logits[1] > item.logits[0] else -1.0
    best = max(range(len(words)), key=lambda place: sign * words.values[place])
    start, end = text.offsets[words.tokens[best][0]]
    return text.text[start:end] in CUES


def told(share: int, total: int) -> str:
    ends = wilson(share, total)
    return f"{share / total:6.1%} ({float(ends.low):.1%} to {float(ends.high):.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=EVALUATION, help="first seed; 1000 to 1099 set the thresholds")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--method", default="integrated_gradients")
    parser.add_argument(
        "--keys", action="store_true", help="print the number that each check judged, as quantiles over runs"
    )
    chosen = parser.parse_args()
    start = time.perf_counter()
    runs = [run(seed, method=chosen.method) for seed in range(chosen.first, chosen.first + chosen.runs)]
    total = len(runs)
    print(f"{total} runs from seed {chosen.first}, {chosen.method}, {DOCUMENTS} documents a run")
    print(f"{(time.perf_counter() - start) / total:.2f} s a run")
    print(
        f"accuracy of the models: mean {np.mean([item.accuracy for item in runs]):.3f}, least {min(item.accuracy for item in runs):.3f}"
    )
    first = [item.cue_first for item in runs]
    print(
        f"cue ranked first: {np.mean(first):.1%} of all documents; in at least 90 % of documents in {told(sum(s >= 0.9 for s in first), total)} of runs"
    )
    print(f"\n{'attributions':16}{'not trusted':28}{'trusted':28}{'insufficient':28}")
    for kind in KINDS:
        seen = Counter(item.checks[kind].outcome for item in runs)
        print(
            f"{kind:16}"
            + "".join(f"{told(seen[name], total):28}" for name in ("not_trusted", "trusted", "insufficient_evidence"))
        )
    print("\nshare of runs in which each check failed / passed")
    names = [item.name for item in runs[0].checks[KINDS[0]].results]
    print(f"{'':16}" + "".join(f"{name:>20}" for name in names))
    for kind in KINDS:
        cells = []
        for place in range(len(names)):
            seen = Counter(item.checks[kind].results[place].outcome for item in runs)
            cells.append(f"{seen['failed'] / total:.0%} / {seen['passed'] / total:.0%}")
        print(f"{kind:16}" + "".join(f"{cell:>20}" for cell in cells))
    alone = [
        sum(any(r.outcome == "failed" for r in item.checks[kind].results if r.name != "completeness") for item in runs)
        for kind in KINDS
    ]
    print(
        "\nnot trusted even if completeness were not asked for: "
        + ", ".join(f"{kind} {told(n, total)}" for kind, n in zip(KINDS, alone, strict=True))
    )
    if chosen.keys:
        _print_keys(runs)


def _print_keys(runs: list[Outcomes]) -> None:
    print("\nquantiles over runs (0, 5, 25, 50, 75, 95, 100 %) of the judged numbers")
    for kind in KINDS:
        for place, result in enumerate(runs[0].checks[kind].results):
            values = [item.checks[kind].results[place].key for item in runs]
            points = [key.value.point for key in values if key is not None and hasattr(key.value, "point")]
            shown = (
                " ".join(f"{q:7.2f}" for q in np.quantile(points, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]))
                if points
                else "none"
            )
            print(f"{kind:16}{result.name:20}{shown}  ({len(points)} runs)")
        for item in runs[:3]:
            print("   e.g.", [(r.name, r.outcome) for r in item.checks[kind].results])


if __name__ == "__main__":
    main()

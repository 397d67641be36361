"""The training engine on a tiny encoder: learning, guards, weights, exact resume."""

import shutil
from pathlib import Path

import pytest
import torch

from rai_tune.core import DivergedError, UsageError
from rai_tune.recipe.schema import AdapterSpec, TrainingSpec
from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter, check_method
from rai_tune.training.checkpoints import file_manifest, newest_sound, spent
from rai_tune.training.hardware import Hardware, choose_hardware
from rai_tune.training.hf import mean_loss, row_losses
from rai_tune.training.predicting import mean_embeddings, predict_logits
from rai_tune.training.tokens import load_tokenizer, tokenize
from rai_tune.training.trainer import Examples, TrainRequest, train
from tests.tools.training_logs import Log, Recorder

CPU = Hardware("cpu", "fp32", 1)
SPEC = TrainingSpec(epochs=4, batch_size=16, learning_rate=1e-2, select_best_by="loss")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def request(base, folder, *, adapter=None, spec=SPEC, log=None, recorder=None, resume=False, weights=None, classes=2):
    from transformers import set_seed

    set_seed(3)
    names = tuple("abcd"[:classes])
    tokenizer = load_tokenizer(str(base))
    texts = [
        f"debt {word} record {other}" for word in ("high", "low", "fair") for other in ("clean", "bad", "good")
    ] * 8
    records = ("clean", "bad", "good")
    labels = [int("high" in text) if classes == 2 else records.index(text.split()[-1]) for text in texts]
    ids = tokenize(tokenizer, texts, 32).ids
    model = apply_adapter(load_task("text_classification").load_base(str(base), names), adapter or AdapterSpec(rank=4))
    rows = Examples(ids, labels, weights)
    return TrainRequest(
        model=model,
        tokenizer=tokenizer,
        train=rows,
        validation=rows,
        classes=names,
        positive=names[1] if classes == 2 else None,
        spec=spec,
        hardware=CPU,
        seed=3,
        folder=Path(folder),
        checkpoints=log or Log(),
        recorder=recorder or Recorder(),
        resume=resume,
    )


def trained_bytes(result):
    return {name: weight.detach().clone() for name, weight in result.model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("method", ["lora", "full", "frozen", "ia3"])
def test_each_method_trains_only_its_own_weights(tiny_base, tmp_path, method):
    options = {"target_modules": ["query"], "feedforward_modules": []} if method == "ia3" else {}
    adapter = AdapterSpec(method=method, options={"target_modules": "all-linear"} if options else {})
    before = load_task("text_classification").load_base(str(tiny_base), ("a", "b")).state_dict()
    result = train(request(tiny_base, tmp_path, adapter=adapter, spec=SPEC.model_copy(update={"epochs": 1})))
    after = dict(result.model.named_parameters())
    word_table = next(name for name in after if name.endswith("word_embeddings.weight"))
    unchanged = torch.equal(after[word_table], before["bert.embeddings.word_embeddings.weight"])
    assert unchanged == (method != "full")
    assert result.best_step is not None


@pytest.mark.slow
def test_a_learnable_rule_is_learned(tiny_base, tmp_path):
    spec = SPEC.model_copy(update={"epochs": 12, "learning_rate": 3e-3})
    ask = request(tiny_base, tmp_path, adapter=AdapterSpec(method="full"), spec=spec)
    result = train(ask)
    logits = predict_logits(result.model, ask.train.ids, pad_id=0, batch_size=8, device="cpu")
    assert (logits.argmax(1) == ask.train.labels).mean() > 0.95


@pytest.mark.slow
def test_multi_class(tiny_base, tmp_path):
    spec = SPEC.model_copy(update={"select_best_by": "macro_f1", "epochs": 16, "learning_rate": 3e-3})
    result = train(request(tiny_base, tmp_path, classes=3, adapter=AdapterSpec(method="full"), spec=spec))
    assert result.best_metric is not None
    assert result.best_metric > 0.9


@pytest.mark.slow
def test_interrupted_then_resumed_is_bit_identical(tiny_base, tmp_path):
    spec = SPEC.model_copy(update={"checkpoint_every": 3})
    whole = trained_bytes(train(request(tiny_base, tmp_path / "whole", spec=spec)))
    log = Log()
    with pytest.raises(KeyboardInterrupt):
        train(request(tiny_base, tmp_path / "cut", spec=spec, log=log, recorder=Recorder(stop_at=11)))
    assert max(log.kept) == 9
    before = spent(tmp_path / "cut" / "checkpoint-9")
    resumed = train(request(tiny_base, tmp_path / "cut", spec=spec, log=log, resume=True))
    assert resumed.resumed_from == 9
    # What the first process spent up to there is counted as well.
    assert resumed.cpu_s > before > 0
    for name, weight in trained_bytes(resumed).items():
        assert torch.equal(weight, whole[name]), name


def test_a_tampered_checkpoint_is_never_opened(tiny_base, tmp_path):
    log = Log()
    train(request(tiny_base, tmp_path, spec=SPEC.model_copy(update={"checkpoint_every": 6}), log=log))
    newest = max(step for step in log.kept if (tmp_path / f"checkpoint-{step}").exists())
    target = tmp_path / f"checkpoint-{newest}"
    (target / "optimizer.pt").write_bytes(b"changed")
    shutil.copytree(target, tmp_path / "checkpoint-999")
    found = newest_sound(tmp_path, log.kept)
    assert found is None or found.name not in {f"checkpoint-{newest}", "checkpoint-999"}
    assert not (tmp_path / "checkpoint-999").exists()


def test_non_finite_loss_stops_at_once(tiny_base, tmp_path):
    recorder = Recorder()
    with pytest.raises(DivergedError, match=r"step \d+"):
        train(request(tiny_base, tmp_path, adapter=AdapterSpec(method="full"), spec=_explosive(), recorder=recorder))


def _explosive():
    return SPEC.model_copy(update={"learning_rate": 1e30, "max_grad_norm": 1e30, "warmup": 0.0, "schedule": "constant"})


@pytest.mark.slow
def test_early_stopping(tiny_base, tmp_path):
    spec = TrainingSpec.model_validate(
        {"epochs": 30, "batch_size": 16, "learning_rate": 1e-6, "early_stopping": {"patience": 1, "min_delta": 0.5}}
    )
    result = train(request(tiny_base, tmp_path, spec=spec))
    assert result.stopped_early
    assert result.epochs_done < 5


def test_weighted_loss_by_hand():
    logits = torch.tensor([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    labels = torch.tensor([0, 1, 0])
    plain = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    rows, classes = torch.tensor([1.0, 3.0, 0.5]), torch.tensor([2.0, 1.0])
    by_hand = (plain[0] * 2 + plain[1] * 3 + plain[2] * 0.5 * 2) / (2 + 3 + 1)
    assert mean_loss(*row_losses(logits, labels, rows, classes)) == pytest.approx(float(by_hand))
    assert mean_loss(*row_losses(logits, labels, None, None)) == pytest.approx(float(plain.mean()))


@pytest.mark.slow
def test_row_weights_change_what_is_learned(tiny_base, tmp_path):
    heavy = [5.0 if place % 3 else 0.2 for place in range(72)]
    plain = trained_bytes(train(request(tiny_base, tmp_path / "a")))
    weighted = trained_bytes(train(request(tiny_base, tmp_path / "b", weights=heavy)))
    assert any(not torch.equal(plain[name], weighted[name]) for name in plain)


def test_logits_do_not_depend_on_batching(tiny_base, tmp_path):
    ask = request(tiny_base, tmp_path)
    alone = predict_logits(ask.model, ask.train.ids, pad_id=0, batch_size=1, device="cpu")
    together = predict_logits(ask.model, ask.train.ids, pad_id=0, batch_size=64, device="cpu")
    assert alone == pytest.approx(together, abs=1e-5)


def test_scores_and_embeddings_that_are_no_numbers_are_never_handed_on(tiny_base, tmp_path):
    ask = request(tiny_base, tmp_path, adapter=AdapterSpec(method="full"))
    with torch.no_grad():
        ask.model.bert.embeddings.word_embeddings.weight[ask.train.ids[0][1]] = float("nan")
    with pytest.raises(DivergedError, match=r"embeddings of \d+ of 72 rows are not finite"):
        mean_embeddings(ask.model.bert, ask.train.ids, pad_id=0, batch_size=8, device="cpu")
    # Compared with a threshold such a score would decide, like a low one.
    with pytest.raises(DivergedError, match=r"scores of \d+ of 72 rows are not finite"):
        predict_logits(ask.model, ask.train.ids, pad_id=0, batch_size=8, device="cpu")


def test_truncation_is_counted(tiny_base):
    tokens = tokenize(load_tokenizer(str(tiny_base)), ["good film", "good " * 100_000, ""], 32)
    assert tokens.truncated == 1
    assert [len(row) for row in tokens.ids] == [4, 32, 2]


def test_unknown_adapter_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'lora'"):
        check_method("lorra")


def test_bf16_on_a_cpu_is_refused():
    with pytest.raises(UsageError, match="bf16"):
        choose_hardware(TrainingSpec(device="cpu", precision="bf16"))


def test_manifest_names_files_below_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"x")
    assert list(file_manifest(tmp_path)) == ["a/b.txt"]

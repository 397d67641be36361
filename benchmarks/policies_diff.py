"""`raitune policies diff` over 1,000 stored runs, beside deciding all of every run's evidence under both packs, one run after another.

python benchmarks/policies_diff.py [--runs 1000] [--repeats 3] [--from WORKSPACE]

One real run of the lending demo (or the newest run of the workspace that --from names) lends its evidence; every copy has its own numbers, so that no two runs
share a file. Both ways read and verify every artifact anew in each repeat. Two changes of the pack are timed: one threshold, and all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from rai_tune.core import canonical_json, sha256_bytes
from rai_tune.gate import LoadedPolicy, Policy, evaluate, load_policy, policy_digest
from rai_tune.promotion import collect_evidence
from rai_tune.redeciding import redecide
from rai_tune.reporting.stored import stored_results
from rai_tune.workspace import Workspace
from rai_tune.workspace.schema import ArtifactRow, OpeningRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 11


def lending_run(folder: Path) -> Workspace:
    """A real run of the lending demo, one epoch long: its evidence has the size of any other."""
    from rai_tune import pipeline
    from rai_tune.data import lending_recipe
    from rai_tune.recipe import parse_recipe

    workspace = Workspace.open(folder / "one")
    loaded = parse_recipe(lending_recipe(False), "lending", folder, ["training.epochs=1"])
    pipeline.start(pipeline.plan(loaded), workspace, lambda *_: None)
    return workspace


def varied(result: dict[str, Any], factor: float, digests: dict[str, str]) -> dict[str, Any]:
    """An audit result of another run: every number times one factor, measured on that run's bytes."""

    def scaled(value: Any) -> Any:
        return value if isinstance(value, str) else value * factor

    measurements = [
        {
            **item,
            **{key: scaled(item[key]) for key in ("estimate", "low", "high")},
            "bounds": [{**bound, "value": scaled(bound["value"])} for bound in item["bounds"]],
        }
        for item in result["measurements"]
    ]
    return {**result, "measurements": measurements, "inputs": {**result["inputs"], **digests}}


def copies(source: Workspace, folder: Path, count: int) -> Workspace:
    """A workspace of ``count`` completed runs. Rows and files are written in bulk, past the engine's own careful writes; every read is the engine's."""
    run = source.runs()[0]
    refs = source.artifacts(run.id)
    stored = {name: json.loads(source.read_bytes(ref.digest)) for name, ref in refs.items() if "json" in ref.media_type}
    workspace = Workspace.open(folder / "many")
    draw = random.Random(SEED)
    own_columns = {column.key for column in RunRow.__table__.columns} - {"seq", "id"}
    with workspace._database.write() as session:
        for number in range(count):
            run_id = f"copy-{number:08x}"
            digests = {name: sha256_bytes(f"{name} {number}".encode()) for name in ("predictions", "model")}
            fields = {key: getattr(run, key) for key in own_columns}
            own = {f"{name}_digest": digest for name, digest in digests.items()}
            session.add(RunRow(**{**fields, **own, "id": run_id, "test_digest": sha256_bytes(str(number).encode())}))
            session.flush()
            session.add(
                OpeningRow(test_digest=sha256_bytes(str(number).encode()), run_id=run_id, opened_at=run.created_at)
            )
            for name, value in stored.items():
                body = varied(value, draw.uniform(0.85, 1.15), digests) if name.startswith("audit:") else value
                data = canonical_json(body)
                digest = sha256_bytes(data)
                path = workspace.root / "artifacts" / digest[:2] / digest
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                session.add(
                    ArtifactRow(
                        run_id=run_id,
                        name=name,
                        digest=digest,
                        size=len(data),
                        media_type="application/json",
                        created_at=run.created_at,
                        superseded=False,
                    )
                )
    return workspace


def changed_pack(old: LoadedPolicy, factors: dict[str, float]) -> LoadedPolicy:
    """The pack with the thresholds of the bounds of these controls times a factor."""
    body = old.policy.model_dump(mode="json")
    body["version"] = "2.0.0"
    for control in body["controls"]:
        if control["id"] in factors and control["check"]["kind"] == "bound":
            control["check"]["threshold"]["value"] *= factors[control["id"]]
    policy = Policy.model_validate(body)
    return LoadedPolicy(policy, policy_digest(policy), old.path)


def plainly(workspace: Workspace, old: LoadedPolicy, new: LoadedPolicy) -> dict[str, tuple[str, str]]:
    """Both packs on everything that each run left, as a loop over what a single decision does."""
    found = {}
    for record in workspace.runs():
        evidence = collect_evidence(workspace, record.id, stored_results(workspace, record.id))
        before, after = evaluate(old, evidence), evaluate(new, evidence)
        outcomes = [[(item.id, item.outcome) for item in decision.controls] for decision in (before, after)]
        if (before.outcome, outcomes[0]) != (after.outcome, outcomes[1]):
            found[record.id] = (before.outcome, after.outcome)
    return found


def by_diff(workspace: Workspace, old: LoadedPolicy, new: LoadedPolicy) -> dict[str, tuple[str, str]]:
    found = redecide(workspace, old, new)
    assert not found.skipped, found.skipped[:3]
    return {item.run_id: (item.old, item.new) for item in found.changed}


class Median(NamedTuple):
    """Median seconds: by the clock, and of this process's work, which other processes do not lengthen."""

    clock: float
    work: float


def seconds(ways: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, Median], dict[str, Any]]:
    """Median seconds of each way, interleaved, and what each found."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    found = {}
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter(), time.process_time()
            found[name] = way()
            times[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return {name: Median(*map(statistics.median, zip(*both, strict=True))) for name, both in times.items()}, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--from", dest="source", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = Workspace.open(options.source, create=False) if options.source else lending_run(folder)
        workspace = copies(source, folder, options.runs)
        size = sum(ref.size for ref in source.artifacts(source.runs()[0].id).values() if ref.name.startswith("audit:"))
        print(
            f"{options.runs} runs, {size / 1e3:.0f} kB of audit results each; medians of {options.repeats}, interleaved"
        )
        old = load_policy("baseline")
        packs = {
            "one threshold (BASE-04)": changed_pack(old, {"BASE-04": 0.7}),
            "every threshold": changed_pack(old, {control.id: 0.9 for control in old.policy.controls}),
        }
        for what, new in packs.items():
            ways = {
                "plain": lambda new=new: plainly(workspace, old, new),
                "diff": lambda new=new: by_diff(workspace, old, new),
            }
            times, found = seconds(ways, options.repeats)
            same = "the same runs" if found["plain"] == found["diff"] else "DIFFERENT RUNS"
            diff, plain = times["diff"], times["plain"]
            print(f"{what}: diff {diff.clock:.2f} s, plain {plain.clock:.2f} s, {plain.clock / diff.clock:.1f} times")
            print(
                f"  of which work: diff {diff.work:.2f} s, plain {plain.work:.2f} s, {plain.work / diff.work:.1f} times"
            )
            print(f"  both name {same}: {len(found['diff'])} of {options.runs}")
            assert found["plain"] == found["diff"]
        workspace.close()
        source.close()


if __name__ == "__main__":
    main()

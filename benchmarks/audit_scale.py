"""What ``raitune audit`` costs on long tables: seconds and memory against rows, replicates and the number of files.

python benchmarks/audit_scale.py [--rows 1000000 3000000 10000000] [--groups 16]

Every audit runs in a process of its own, which reports its wall time (imports included) and its peak resident memory. The table is
Parquet with a label, a score and one group column; all count metrics with their intervals and one-sided bounds are measured,
then any metric of the counts is bootstrapped (here the largest gap in accuracy) with two numbers of replicates.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER_ROWS = 1_000_000
REPLICATES = (1_000, 10_000)


def write_table(path: Path, rows: int, groups: int) -> None:
    """One million rows at a time; the outcome and the score differ a little by group."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array([f"group {place:02d}" for place in range(groups)])
    schema = pa.schema([("hired", pa.int8()), ("score", pa.float64()), ("group", pa.string())])
    draw = np.random.default_rng(0)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, FOLDER_ROWS):
            size = min(FOLDER_ROWS, rows - start)
            group = draw.integers(0, groups, size)
            label = (draw.random(size) < 0.3 + 0.01 * group).astype("int8")
            score = np.clip(0.3 + 0.3 * label + draw.normal(0, 0.2, size), 0, 1)
            columns = {"hired": label, "score": score, "group": pa.DictionaryArray.from_arrays(group, names)}
            writer.write_table(pa.table({**columns, "group": columns["group"].dictionary_decode()}, schema=schema))


def split_table(path: Path, parts: int, folder: Path) -> list[str]:
    """The same rows in several files."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    size = -(-table.num_rows // parts)
    files = []
    for place in range(parts):
        files.append(str(folder / f"part-{place}.parquet"))
        pq.write_table(table.slice(place * size, size), files[-1])
    return files


def measure(files: list[str]) -> None:
    """Run in the child: audit, then print the digest of the measurements, seconds and peak memory."""
    started = time.perf_counter()
    from rai_audits import fairness
    from rai_audits.core import sha256_json

    found = fairness.audit(
        files,
        label="hired",
        score="score",
        threshold=0.5,
        groups=["group"],
        favourable=1,
        audits=["group_rates"],
        max_held_rows=0,
    )
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "rows": found.rows,
                "measurements": len(found.measurements),
                "seconds": seconds,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "digest": sha256_json([item.to_json() for item in found.measurements]),
            }
        )
    )


def child(files: list[str]) -> dict[str, float | str]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *files], check=True, capture_output=True, text=True, env=os.environ
    )
    result: dict[str, float | str] = json.loads(done.stdout)
    return result


def bootstrap_seconds(files: list[str], replicates: int, groups: int) -> float:
    """Seconds to bootstrap the largest gap in accuracy from the counts of a table."""
    import numpy as np
    import pyarrow.dataset as ds

    from rai_audits.stats.resample import bootstrap_counts

    # Right and wrong decisions of each group: all that the statistic needs of the rows.
    rows = ds.dataset(files).to_table()
    right = (rows["score"].to_numpy() >= 0.5) == (rows["hired"].to_numpy() == 1)
    codes = rows["group"].combine_chunks().dictionary_encode().indices.to_numpy()
    counts = np.bincount(codes * 2 + right, minlength=2 * groups).reshape(groups, 2)
    started = time.perf_counter()
    bootstrap_counts(counts, lambda drawn: np.ptp(drawn[..., 1] / drawn.sum(axis=-1), axis=-1), replicates)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--groups", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'rows':>12} {'files':>6} {'seconds':>8} {'peak MB':>8}  digest of the measurements")
        for rows in given.rows:
            path = folder / "table.parquet"
            write_table(path, rows, given.groups)
            for parts in (1, 2, 4) if rows == max(given.rows) else (1,):
                files = [str(path)] if parts == 1 else split_table(path, parts, folder)
                runs = [child(files) for _ in range(given.repeats)]
                best = sorted(float(run["seconds"]) for run in runs)[len(runs) // 2]
                peak = max(float(run["peak_mb"]) for run in runs)
                print(f"{rows:>12,} {parts:>6} {best:>8.2f} {peak:>8.0f}  {str(runs[0]['digest'])[:16]}", flush=True)
            times = [f"{count:,}: {bootstrap_seconds([str(path)], count, given.groups):.3f} s" for count in REPLICATES]
            print(f"{'':>12} bootstrap from the counts, replicates {', '.join(times)}", flush=True)


if __name__ == "__main__":
    main()

"""The worked example of docs/data-and-robustness.md: HateXplain validation posts, audited without a language model.

python benchmarks/rooms_example.py [FOLDER]; FOLDER holds hatexplain_val/val.json (default: RAITUNE_TEST_DATA or ../shared/data).
Texts are never printed, and words of texts in a slice's name are masked.
"""

import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rai_audits.core import AuditContext, TaskInfo, load_audit

TARGETS = ("African", "Homosexual", "Islam", "Jewish", "Women")
AUDITS = ("near_duplicates", "pii", "label_noise", "calibration", "slice_discovery")
NORMAL = 1


class Tables(dict):
    def put_table(self, name, table):
        self[name] = table
        return name


def posts(folder):
    """One row per post: text, majority class, the target that two annotators named, network."""
    rows = []
    for post in json.loads((folder / "hatexplain_val" / "val.json").read_text(encoding="utf-8")).values():
        votes = [one["label"] for one in post["annotators"]]
        named = [target for one in post["annotators"] for target in one["target"]]
        rows.append(
            {
                "row_id": post["post_id"],
                "split": ("train", "test")[hashlib.sha256(post["post_id"].encode()).digest()[0] % 2],
                "text": " ".join(post["post_tokens"]),
                "label": "hateful" if sum(vote != NORMAL for vote in votes) >= 2 else "normal",
                "group:target": next((name for name in TARGETS if named.count(name) >= 2), "unknown"),
                "col:network": post["post_id"].rsplit("_", 1)[1],
                "col:annotators_agree": str(len(set(votes)) == 1),
            }
        )
    return pd.DataFrame(rows)


def score(table):
    """Add the scores of TF-IDF and logistic regression learned from the train rows."""
    train = table["split"] == "train"
    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2), sublinear_tf=True).fit(table["text"][train])
    model = LogisticRegression(C=3, max_iter=500).fit(words.transform(table["text"][train]), table["label"][train])
    chance = model.predict_proba(words.transform(table["text"]))
    for place, name in enumerate(model.classes_):
        table[f"score:{name}"] = chance[:, place]
    table["score"] = table["score:hateful"]
    table["prediction"] = np.where(table["score"] >= 0.5, "hateful", "normal")


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RAITUNE_TEST_DATA", "../shared/data"))
    table = posts(folder)
    score(table)
    source = ["text", "col:network", "col:annotators_agree"]
    task = TaskInfo(("hateful", "normal"), "hateful", "normal", 0.5, {"target": TARGETS})
    test = table[table["split"] == "test"]
    print(f"{len(table)} posts, {len(test)} evaluated, accuracy {(test['prediction'] == test['label']).mean():.3f}")
    for name in AUDITS:
        context = AuditContext(
            predictions=table.drop(columns=source), task=task, artifacts=Tables(), rows=table[["row_id", *source]]
        )
        started = time.perf_counter()
        output = load_audit(name).run(context)
        print(f"\n{name}: {time.perf_counter() - started:.2f} s")
        for item in output.measurements:
            where = " ".join(filter(None, (re.sub("'.*?'", "(a word)", item.label or ""), item.group, item.reference)))
            ends = f"{item.value:.3f} [{item.low:.3f}, {item.high:.3f}]" if item.status == "ok" else item.reason
            print(f"  {item.metric:32} {where:48} {ends}  n={item.n}")
        print("  ", {key: value for key, value in output.facts.items() if isinstance(value, int | float)})


if __name__ == "__main__":
    main()

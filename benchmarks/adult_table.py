"""Score UCI Adult with a plain logistic regression and write the table that docs/audit-a-table.md audits.

python benchmarks/adult_table.py [-o scored.csv]

Half of the rows train, the other half is scored and written: ``id``, ``over_50k`` (the label), ``score`` (probability of over 50K),
``sex``, ``race`` and ``age_band``. The model reads neither sex nor race. Data: ``RAITUNE_TEST_DATA``/adult/adult.data.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

PERSON = ["age", "workclass", "fnlwgt", "education", "education_years", "marital_status", "occupation", "relationship"]
COLUMNS = [*PERSON, "race", "sex", "capital_gain", "capital_loss", "hours", "country", "income"]
READ = ["age", "education_years", "capital_gain", "capital_loss", "hours", "workclass", "marital_status", "occupation"]
NUMBERS = READ[:5]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("scored.csv"))
    output = parser.parse_args().output

    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    data = Path(os.environ.get("RAITUNE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    rows = pd.read_csv(data / "adult" / "adult.data", names=COLUMNS, skipinitialspace=True, na_values="?")
    rows["over_50k"] = (rows["income"] == ">50K").astype(int)
    rows["age_band"] = pd.cut(rows["age"], [0, 25, 40, 60, 200], right=False, labels=["<25", "25-39", "40-59", "60+"])
    train, test = train_test_split(rows, test_size=0.5, random_state=0, stratify=rows["over_50k"])
    model = make_pipeline(
        make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), READ[5:])),
        LogisticRegression(max_iter=1000),
    ).fit(train[READ], train["over_50k"])
    scored = test.assign(id=test.index, score=model.predict_proba(test[READ])[:, 1].round(4))
    scored[["id", "over_50k", "score", "sex", "race", "age_band"]].to_csv(output, index=False)
    print(f"wrote {len(scored):,} rows to {output}")


if __name__ == "__main__":
    main()

"""What is said about law on the cards of methods that read groups in training and at no decision."""

TRAINING_ONLY = (
    "No rule known that forbids it by name: groups are read in training only. Credit law speaks of treating an applicant less favourably on a "
    "prohibited basis (15 U.S.C. 1691(a)(1), 12 CFR 1002.4(a)); no source known says whether groups in training alone can be such treatment. "
    "Where groups are special categories of personal data, reading them needs a basis, such as Art. 4a of Regulation (EU) 2024/1689."
)

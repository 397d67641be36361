"""Words that hint at what a column is for. Data for ``rai_tune.recipe.scaffold``; a hint is never more than a proposal."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LABEL_WORDS = _words(
    "label labels target outcome y class approved approve approval denied deny hired hire call callback default defaulted toxic "
    "toxicity decision accepted admitted granted rejected refused fraud hate offensive churn recid recidivism shortlisted "
    "interviewed"
)
ID_WORDS = _words("id ids uuid guid rownames rowname rowid index idx key ref reference")
ENTITY_WORDS = _words(
    "person applicant customer client patient user author household family employee student candidate member"
)
TEXT_WORDS = _words("text comment content review description message body post tweet sentence document letter essay")
GROUP_WORDS = _words(
    "sex gender race racial ethnicity ethnic age afam marital disability disabled religion religious nationality citizenship "
    "citizen foreign native immigrant veteran pregnant pregnancy orientation lgbt lgbtq caste tribe"
)
GROUP_NAMES = _words(
    "single married male female man woman transgender heterosexual homosexual bisexual christian jewish muslim hindu buddhist "
    "atheist black white asian latino hispanic agegroup ageband minority"
)
"""Columns that are an attribute of people only when this is their whole name."""
NAME_WORDS = frozenset({"name", "firstname", "lastname", "surname", "forename", "fullname"})
BIRTH_WORDS = frozenset({"birth", "birthdate", "birthday", "birthyear", "dob"})
PROXY_WORDS = _words(
    "zip zipcode postcode postal neighborhood neighbourhood relationship spouse husband wife pronoun pronouns language accent maternity"
)
"""Columns that may stand in for a group even though they are not one."""
WEIGHT_NAMES = _words("fnlwgt sampleweight rowweight surveyweight instanceweight pweight perwt weight weights wgt")
YES = frozenset({"1", "true", "yes", "y", "t"})
NO = frozenset({"0", "false", "no", "n", "f"})
FAVOURABLE_WORDS = _words(
    "approved accepted hired admitted granted interviewed shortlisted callback good passed pass paid repaid benign"
) | {"approve", "accept", "offer", "called back", "fully paid", "invited", "released"}
UNFAVOURABLE_WORDS = _words(
    "denied rejected refused declined toxic default defaulted bad failed fail hate hateful offensive fraud"
) | {"deny", "reject", "charged off", "reoffended", "abusive", "spam", "detained"}
_NEGATION = re.compile(r"(?:not?|non|un)[ _-]+(?=.)|non(?=[a-z])|un(?=[a-z]{4})")


@dataclass(frozen=True)
class OutcomeHint:
    """Readable names for a yes-or-no label, and which of the two a person wants."""

    yes: str
    no: str
    wanted: str


def _outcomes() -> dict[str, OutcomeHint]:
    wanted = {
        "approved approve approval": ("approved", "denied"),
        "accepted accept": ("accepted", "rejected"),
        "admitted admit admission": ("admitted", "rejected"),
        "granted grant": ("granted", "refused"),
        "hired hire": ("hired", "not hired"),
        "call callback": ("called back", "not called back"),
        "interviewed interview": ("interviewed", "not interviewed"),
        "shortlisted": ("shortlisted", "not shortlisted"),
    }
    unwanted = {
        "denied deny": ("denied", "approved"),
        "rejected reject": ("rejected", "accepted"),
        "refused": ("refused", "granted"),
        "default defaulted": ("default", "no default"),
        "toxic toxicity": ("toxic", "not toxic"),
        "hate hateful": ("hateful", "not hateful"),
        "offensive": ("offensive", "not offensive"),
        "fraud": ("fraud", "no fraud"),
        "recid recidivism": ("reoffended", "did not reoffend"),
    }
    hints: dict[str, OutcomeHint] = {}
    for words, (yes, no) in wanted.items():
        hints |= {word: OutcomeHint(yes, no, yes) for word in words.split()}
    for words, (yes, no) in unwanted.items():
        hints |= {word: OutcomeHint(yes, no, no) for word in words.split()}
    return hints


OUTCOMES = _outcomes()


def words_of(name: str) -> tuple[str, ...]:
    """Words of a column name, in lower case: ``maritalStatus`` and ``marital-status`` give marital and status."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(re.findall(r"[a-z]+|[0-9]+", spaced.lower()))


def whole(name: str) -> str:
    """A column name with everything but letters and digits dropped, in lower case."""
    return "".join(words_of(name))


def denies(value: str, other: str) -> bool:
    """Whether ``value`` says "not ``other``": not toxic, non-toxic, nontoxic, unpaid."""
    lowered = value.lower()
    match = _NEGATION.match(lowered)
    return match is not None and lowered[match.end() :].strip(" _-") == other.lower()


def template_name(column: str) -> str:
    """The name by which a template calls a column; the data room reads ``marital_status`` as ``marital-status``."""
    name = re.sub(r"\W", "_", column)
    if not name or name[0].isdigit():
        name = f"_{name}"
    keywords = {"and", "or", "not", "if", "else", "elif", "in", "is", "true", "false", "none", "True", "False", "None"}
    return f"{name}_" if name in keywords else name

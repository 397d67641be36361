"""The recipe: one typed file that shapes a run. Loading, overrides, export, and proposals for a new table. Stable API."""

from rai_tune.recipe.export import recipe_json_schema, recipe_yaml
from rai_tune.recipe.load import LoadedRecipe, load_recipe, parse_recipe
from rai_tune.recipe.overrides import apply_overrides
from rai_tune.recipe.proposal import Proposal, Question
from rai_tune.recipe.scaffold import propose_recipe
from rai_tune.recipe.schema import Recipe

__all__ = [
    "LoadedRecipe",
    "Proposal",
    "Question",
    "Recipe",
    "apply_overrides",
    "load_recipe",
    "parse_recipe",
    "propose_recipe",
    "recipe_json_schema",
    "recipe_yaml",
]

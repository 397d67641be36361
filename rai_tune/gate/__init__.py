"""The gate: policy packs, and a pure function from (policy, evidence) to a decision. Stable API."""

from rai_tune.gate.decision import ControlOutcome, Decision, Evidence, Reading, Threshold
from rai_tune.gate.evaluate import evaluate, overall
from rai_tune.gate.fixtures import FixtureResult, check_fixtures
from rai_tune.gate.load import known_policies, load_policy
from rai_tune.gate.policy import Control, LoadedPolicy, Policy, alphas_of, policy_digest

__all__ = [
    "Control",
    "ControlOutcome",
    "Decision",
    "Evidence",
    "FixtureResult",
    "LoadedPolicy",
    "Policy",
    "Reading",
    "Threshold",
    "alphas_of",
    "check_fixtures",
    "evaluate",
    "known_policies",
    "load_policy",
    "overall",
    "policy_digest",
]

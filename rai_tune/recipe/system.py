"""The recipe's ``system``: what the model is for, in facts that policies ask for and in texts that documents carry.

Stable API: ``SystemSpec``. Nothing here is guessed: what is left out is not stated, and a policy that needs it says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rai_tune.recipe.part import Part, Text

Days = Annotated[int, Field(ge=0, le=100_000)]
Words = Annotated[Text, Field(min_length=1, max_length=4000, pattern=r"\S")]


class SystemRetention(Part):
    """For how long what belongs to the system is kept, in days."""

    logs_days: Days | None = None
    """Days that logs of the system are kept."""

    documentation_days: Days | None = None
    """Days that the technical documentation is kept after the system is placed on the market or put into service."""

    records_days: Days | None = None
    """Days that records of audits and decisions are kept."""

    posting_days: Days | None = None
    """Days that a published summary stays up after the last use."""

    texts_days: Days | None = None
    """Days that texts and tables of a run are kept."""


class SystemSpec(Part):
    """The system that the model is part of: facts for conditions of policies, and texts for its documentation."""

    name: Words | None = None
    """Name of the system."""

    version: Words | None = None
    """Version of the system, as its documentation names it."""

    provider: Words | None = None
    """Who provides it: a name and an address."""

    contact: Words | None = None
    """Whom to ask about it."""

    annex_iii: Annotated[Text, Field(pattern=r"^(none|[1-8][a-e]?)$")] | None = None
    """Point of Annex III of Regulation (EU) 2024/1689 that the use falls under, such as "5b", or "none"."""

    domain: (
        Literal["employment", "credit", "housing", "insurance", "education", "health", "public_services", "other"]
        | None
    ) = None
    """Area of life that the system decides about."""

    role: Literal["provider", "deployer", "both"] | None = None
    """What your organisation is to the system, in the words of Article 3 of Regulation (EU) 2024/1689."""

    deployer_public: bool | None = None
    """Whether the deployer is a body governed by public law."""

    deployer_public_service: bool | None = None
    """Whether the deployer is a private entity that provides public services."""

    workplace: bool | None = None
    """Whether the system is used at a workplace."""

    special_categories: bool | None = None
    """Whether special categories of personal data were processed to find or correct bias."""

    base_training_flops: Annotated[float, Field(gt=0.0, le=1e40, allow_inf_nan=False)] | None = None
    """Floating-point operations that trained the base model, by its provider's word."""

    intended_users: Words | None = None
    """Who is meant to use the system, and with what training."""

    out_of_scope: Words | None = None
    """Uses that the system is not made for."""

    interactions: Words | None = None
    """Hardware and software that the system works with, and is not part of."""

    oversight: Words | None = None
    """How people oversee it: who can stop, override or disregard a decision, and how."""

    maintenance: Words | None = None
    """How the system is watched and kept up after it is put into use."""

    retention: SystemRetention = SystemRetention()
    """For how long what belongs to the system is kept."""

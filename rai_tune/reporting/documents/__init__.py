"""Documents that others ask for, each made from a run's stored evidence and nothing else. Stable API.

``ml_bom`` is a CycloneDX 1.6 bill of materials, ``model_card_markdown`` a model card in Hugging Face's README.md form,
``annex_iv_markdown`` technical documentation after Annex IV, ``annex_iv_sections`` its status by section, and ``oscal_results`` the
decisions as OSCAL assessment results. Every function raises ``UsageError`` for a run without a trained model.
"""

from rai_tune.reporting.documents.annex_iv import annex_iv_markdown, annex_iv_sections
from rai_tune.reporting.documents.annex_parts import AnnexSection
from rai_tune.reporting.documents.bom import ml_bom
from rai_tune.reporting.documents.model_card import model_card_markdown
from rai_tune.reporting.documents.oscal import oscal_results

__all__ = ["AnnexSection", "annex_iv_markdown", "annex_iv_sections", "ml_bom", "model_card_markdown", "oscal_results"]

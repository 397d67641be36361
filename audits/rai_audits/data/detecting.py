"""Kinds of personal data in a text, by Presidio's pattern recognisers (MIT), without a language model and without a network.

Use from the PII audit. Stable within this package. Names and addresses are not looked for: they need a language model, and one that
misses names in some languages more than in others would itself be unfair evidence. Needs the extra ``pii``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_SCORE = 0.35
"""Presidio's confidence from which a match counts: above its weakest patterns (any nine digits as a social security number)."""

KINDS = {
    "EMAIL_ADDRESS": "email_address",
    "PHONE_NUMBER": "phone_number",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_social_security_number",
    "IP_ADDRESS": "ip_address",
}
"""Presidio's name of each kind, and ours. Cards and IBANs must pass their check digits."""


@dataclass(frozen=True)
class Finding:
    """Where something of a kind stands in a text, in characters. What it says is not kept."""

    kind: str
    start: int
    end: int


class Detector:
    """The recognisers, loaded once. Raises ``ImportError`` without the extra ``pii``."""

    def __init__(self) -> None:
        from presidio_analyzer import predefined_recognizers as found

        self._recognisers: Mapping[str, Any] = {
            "EMAIL_ADDRESS": _offline_email(found.EmailRecognizer)(),
            "PHONE_NUMBER": found.PhoneRecognizer(),
            "CREDIT_CARD": found.CreditCardRecognizer(),
            "IBAN_CODE": found.IbanRecognizer(),
            "US_SSN": found.UsSsnRecognizer(),
            "IP_ADDRESS": found.IpRecognizer(),
        }

    def find(self, text: str) -> tuple[Finding, ...]:
        """Everything found, in order of place and kind."""
        if not any(mark.isdigit() or mark in "@:" for mark in text):
            return ()  # every kind has one of these, and most texts have none
        found = {
            Finding(KINDS[name], int(item.start), int(item.end))
            for name, recogniser in self._recognisers.items()
            for item in recogniser.analyze(text, [name], None) or ()
            if item.score >= MIN_SCORE
        }
        return tuple(sorted(found, key=lambda item: (item.start, item.end, item.kind)))


def _offline_email(base: Any) -> Any:
    """The e-mail recogniser with the public suffix list that came with its package: its own would fetch a new one."""
    from tldextract import TLDExtract

    extract = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class Offline(base):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            return extract(pattern_text).fqdn != ""

    return Offline

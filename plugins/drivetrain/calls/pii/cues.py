"""Words that say what a number next to them is, "OTP" or "card number"; and those of figures, "price"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.calls.pii.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that tells.

    Attributes:
        kind: what is told of; None: a figure, which is nobody's secret.
        first: its first token.
        last: its last token, included.
        is_weak: the phrase is often said of other things, too.
    """

    kind: Kind | None
    first: int
    last: int
    is_weak: bool = False


_STRONG: dict[Kind | None, str] = {
    Kind.PHONE: (
        "phone|phone number|mobile|mobile number|whatsapp|contact number|landline|call me|call back|call me back|"
        "missed call|reach me|telephone|alternate number|calling from|registered mobile|my number|cell number|"
        "contact no|phone no|mobile no|ring me|dial|text me|note my number|number to reach"
    ),
    Kind.CARD: (
        "card|card number|credit card|debit card|visa|mastercard|rupay|amex|american express|card no|sixteen digit|"
        "16 digit"
    ),
    Kind.CVV: "cvv|c v v|cvc|cvv2|security code|back side|on the back|at the back|three digits on|3 digits on|see v v",
    Kind.OTP: (
        "otp|o t p|one time password|one time pass|passcode|pass code|verification code|mpin|m pin|upi pin|atm pin|"
        "card pin|password|digit code|sms says|o t b|pin number|my pin|secret code"
    ),
    Kind.ACCOUNT: "account|account number|account no|a/c|a/c number|a/c no|acc no|bank account|beneficiary|account num",
    Kind.IFSC: "ifsc|i f s c|ifs code|ifsc code|ifse|branch code",
    Kind.UPI: "upi|upi id|vpa|u p i|gpay|google pay|phonepe|phone pe|bhim|paytm id",
    Kind.AADHAAR: (
        "aadhaar|aadhar|adhar|adhaar|aadhaar card|aadhar card|aadhaar number|aadhar number|uidai|uidai number|u i d|"
        "virtual id|uid"
    ),
    Kind.PAN: "pan|pan card|pan number|pan card number|p a n|permanent account number|pan no",
    Kind.VOTER_ID: "voter|voter id|voter card|epic|epic number|election card|voter i d",
    Kind.PASSPORT: "passport|passport number|passport no",
    Kind.LICENCE: (
        "licence|license|driving licence|driving license|licence number|license number|d l|dl|dl number|d l number|"
        "driver's license|drivers license"
    ),
    Kind.GSTIN: "gstin|gst number|gst in|g s t number|gst no|gstin number",
    Kind.PLATE: (
        "registration number|number plate|plate number|plate|vehicle number|car number|gaadi number|reg number|"
        "registration no|vehicle no|gadi number|bike number"
    ),
    Kind.VIN: "vin|chassis|chassis number|v i n|engine number|vin number|chassis no|chassy number",
    Kind.BIRTH_DATE: (
        "date of birth|dob|d o b|born|born on|birth date|birthdate|birthday|birth|janam tithi|date-of-birth"
    ),
    Kind.PIN_CODE: "pin code|pincode|postal code|zip code|zip|area pin|area code|pin-code|post code",
    None: (
        "price|priced|cost|costs|rupees|rupee|rs|emi|salary|income|budget|amount|balance|limit|discount|fee|fees|"
        "charges|charge|km|kms|kilometers|kilometres|odometer|driven|run|model|year|months|percent|percentage|rate|"
        "score|cibil|tenure|order|order number|ticket|booking id|complaint|invoice|worth|quoted|asking|total|payment|"
        "pay|paid|deposit|final|offer|valuation|mileage|reading|lakh|lakhs|crore|thousand|made in|registered in|since|"
        "ticket number|complaint number|reference number|booking number|loan amount|down payment|premium|interest|"
        "insurance|delivery|registration year|manufacturing year|limit is|principal|installment|instalment|overdue"
    ),
}
_WEAK = {
    Kind.OTP: "pin|code",
    Kind.PHONE: "number|call|contact|no",
    Kind.PIN_CODE: "address",
    Kind.PLATE: "registration|vehicle|car|rc",
    Kind.GSTIN: "gst",
    Kind.ACCOUNT: "bank|savings",
}


def _phrases() -> dict[str, list[tuple[tuple[str, ...], Kind | None, bool]]]:
    """By their first word, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], Kind | None, bool]]] = {}
    named = [(kind, text, False) for kind, text in _STRONG.items()] + [
        (kind, text, True) for kind, text in _WEAK.items()
    ]
    for kind, text, is_weak in named:
        for phrase in text.split("|"):
            words = tuple(phrase.split())
            found.setdefault(words[0], []).append((words, kind, is_weak))
    for phrases in found.values():
        phrases.sort(key=lambda phrase: -len(phrase[0]))
    return found


_PHRASES = _phrases()


def find_cues(words: Sequence[str]) -> list[Cue]:
    """All cues, in their order; of two that begin at one place the longer, and none within another.

    Args:
        words: tokens as `reading.bare` makes them.
    """
    cues = []
    at = 0
    while at < len(words):
        for phrase, kind, is_weak in _PHRASES.get(words[at].removesuffix("'s"), ()):
            end = at + len(phrase)
            if len(phrase) == 1 or tuple(words[at + 1 : end]) == phrase[1:]:
                cues.append(Cue(kind, at, end - 1, is_weak))
                at = end - 1
                break
        at += 1
    return cues

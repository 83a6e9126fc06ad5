"""What a number is by itself: its check digits, and the numbering plans of telephones.

A failed check proves nothing, since one digit may have been heard wrong: it lowers a score and never lets a number go.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException
from stdnum import luhn
from stdnum.in_ import aadhaar, vid

from drivetrain.calls.pii.kinds import Kind

_COUNTRY = "IN"
_CARD = range(13, 20)


def is_phone(digits: str, *, is_international: bool = False) -> bool:
    """Whether a telephone can have the number; with 0, 91 or 0091 before it, too.

    Args:
        digits: ASCII digits alone.
        is_international: a plus sign stood before them.
    """
    if not 8 <= len(digits) <= 15:
        return False
    try:
        number = phonenumbers.parse(f"+{digits}" if is_international else digits, _COUNTRY)
    except NumberParseException:
        return False
    return phonenumbers.is_valid_number(number)


def is_card(digits: str) -> bool:
    """A payment card's number by its length, its issuer's first digit and Luhn."""
    return len(digits) in _CARD and digits[0] in "23456" and luhn.is_valid(digits)


def kinds_of(digits: str, *, is_international: bool = False) -> dict[Kind, float]:
    """What the number could be by its checks, and how sure that is.

    Args:
        digits: ASCII digits alone.
        is_international: a plus sign stood before them.
    """
    found = {}
    if is_phone(digits, is_international=is_international):
        is_mobile = len(digits) == 10 or digits[:2] == "91" or digits[0] == "0" or is_international
        found[Kind.PHONE] = 0.9 if is_mobile else 0.6
    if aadhaar.is_valid(digits) or vid.is_valid(digits):
        found[Kind.AADHAAR] = 0.85
    if is_card(digits):
        found[Kind.CARD] = 0.9
    return found

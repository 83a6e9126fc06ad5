"""What is looked at, and what is found in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACEHOLDER = re.compile(r"\[[A-Z_]{2,20}\][.,?!;:]{0,3}")


class TokensError(FatalError):
    """Tokens do not fit the words that they are said to be made of."""


class Kind(StrEnum):
    """What a value is. NUMBER is a number of many digits that nothing more is known of."""

    PHONE = "phone"
    CARD = "card"
    CVV = "cvv"
    OTP = "otp"
    ACCOUNT = "account"
    IFSC = "ifsc"
    UPI = "upi"
    AADHAAR = "aadhaar"
    PAN = "pan"
    VOTER_ID = "voter_id"
    PASSPORT = "passport"
    LICENCE = "licence"
    GSTIN = "gstin"
    PLATE = "plate"
    VIN = "vin"
    EMAIL = "email"
    URL = "url"
    BIRTH_DATE = "birth_date"
    ADDRESS = "address"
    PIN_CODE = "pin_code"
    PERSON = "person"
    NUMBER = "number"

    @property
    def placeholder(self) -> str:
        """What stands in its place: [PHONE]."""
        return f"[{self.name}]"


class Said(Protocol):
    """A piece of text, and the words that it is made of; `Token`, and what reads numbers gives."""

    @property
    def text(self) -> str:
        """With number words as digits, as far as they were read."""
        ...

    @property
    def first(self) -> int:
        """The first word, from 0."""
        ...

    @property
    def last(self) -> int:
        """The last word, included."""
        ...


@dataclass(frozen=True)
class Token:
    """A piece of text, and the words that it is made of: 9844 of "nine eight double four".

    Attributes:
        text: with number words as digits, as far as they were read.
        first: the first word, from 0.
        last: the last word, included.
    """

    text: str
    first: int
    last: int


@dataclass(frozen=True)
class Finding:
    """Personal data in a call.

    Attributes:
        kind: what it is.
        score: how sure that is, above 0 and up to 1.
        first: the first word, from 0.
        last: the last word, included.
    """

    kind: Kind
    score: float
    first: int
    last: int


def plain(words: Sequence[str]) -> tuple[Token, ...]:
    """A token for each word, where nothing was normalized."""
    return tuple(Token(word, index, index) for index, word in enumerate(words))


def check(tokens: Sequence[Said], words: int) -> None:
    """Whether tokens are of these words, in their order.

    Raises:
        TokensError: one is of words that are not there, or of such that come before an earlier token's.
    """
    before = 0
    for index, token in enumerate(tokens):
        if not before <= token.first <= token.last < words:
            raise TokensError(
                f"token {index}: words {token.first} to {token.last} of {words}, after word {before}: give first and "
                "last as positions of words, in their order"
            )
        before = token.first


def is_placeholder(text: str) -> bool:
    """Whether personal data was taken out here: [PHONE], or [PHONE]. at a sentence's end."""
    return _PLACEHOLDER.fullmatch(text) is not None


def kind_of_placeholder(text: str) -> Kind | None:
    """What was taken out here; None: nothing was, or nobody knows what."""
    return Kind.__members__.get(text.strip("[].,?!;:")) if is_placeholder(text) else None

"""Tokens read as what people dictate: digits, letters, and the words between them that say nothing.

Number words are read here too, although they are normalized before: what a normalizer takes for an amount, or leaves as
it is, would else leave un-redacted. Each token is looked at once, and no expression here can backtrack.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING

from drivetrain.calls.pii.kinds import is_placeholder
from drivetrain.calls.pii.vocabulary import (
    ACRONYMS,
    BRIDGES,
    DIGIT_WORDS,
    FILLERS,
    HINDI_DIGITS,
    LETTER_NAMES,
    MAGNITUDES,
    PAUSES,
    REPEATS,
    TEENS,
    TENS,
    UNITS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.calls.pii.kinds import Token

_EDGES = "\"'`“”‘’«»()[]{}<>.,;:?!…*_~|"
_LONGEST = 4_096  # characters of a token that are read; more is no word, and all that is read of it is its digits
_AMOUNT_DIGITS = 9  # no car costs, and no loan is, as many digits
_FEW = 2  # digits of a district, letters of a series
_LONGEST_CODE = 12  # letters of an identifier that are written together
_ASCII_DIGITS = "0123456789"
_CURRENCY = ("₹", "$", "€", "£", "rs.", "rs", "inr")
_WITH_UNIT = re.compile(r"([0-9][0-9.,]*)(k|kms?|rs|lakhs?|lacs?|l|cr|crores?|am|pm|cc|bhp|%|yrs?|mths?)")
_ORDINAL = re.compile(r"[0-9]{1,2}(?:st|nd|rd|th)")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]{1,2})?")
_DECIMAL = re.compile(r"[0-9]+\.[0-9]{1,2}")
_TIME = re.compile(r"[0-9]{1,2}[:.][0-9]{2}(?::[0-9]{2})?(?:am|pm)?")
_DATE = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{2})|[0-9]{4}([/.-])[0-9]{1,2}\2[0-9]{1,2}")
_SEPARATORS = re.compile(r"[^0-9a-z\u0900-\u097f]+")
_ALNUM = re.compile(r"[a-z0-9][a-z0-9/_.-]*")


class Shape(Enum):
    """What a piece is."""

    DIGITS = "digits"
    OH = "oh"  # the digit or the letter, by what stands beside it
    LETTERS = "letters"
    MIXED = "mixed"
    FILLER = "filler"
    BRIDGE = "bridge"  # between digits only where they are said one by one
    UNIT = "unit"
    MAGNITUDE = "magnitude"
    AMOUNT = "amount"
    DATE = "date"
    ORDINAL = "ordinal"
    PLACEHOLDER = "placeholder"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tokens that say one thing.

    Attributes:
        shape: what that is.
        text: ASCII digits; letters in capitals; a word in small ones.
        first: its first token, from 0.
        last: its last token, included.
        is_spoken: digits were said one by one or in pairs, not written as a number.
        is_upper: letters were written in capitals, or one by one.
    """

    shape: Shape
    text: str
    first: int
    last: int
    is_spoken: bool = False
    is_upper: bool = False


def folded(text: str) -> str:
    """One spelling for texts that look alike: ASCII digits, small letters, nothing invisible."""
    if text.isascii():
        return text.lower()
    kept: list[str] = []
    for char in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(char)
        if category == "Nd":
            kept.append(str(unicodedata.decimal(char)))
        elif category in ("Mn", "Me"):
            # A vowel sign is part of a word in Indian scripts; a mark on a digit hides it.
            kept += char if kept and not kept[-1].isdigit() else ""
        elif category not in ("Cf", "Cc") or char.isspace():
            kept.append(char)
    return "".join(kept).lower()


def bare(text: str) -> str:
    """A token without what stands around a word."""
    word = folded(text).strip().strip(_EDGES)
    return word if len(word) <= _LONGEST else "".join(char for char in word if char in _ASCII_DIGITS)


def read(tokens: Sequence[Token], words: Sequence[str]) -> list[Piece]:
    """What tokens say.

    Args:
        tokens: of the words.
        words: as they were said: 450000 of "four lakh fifty thousand" is an amount, 9844 of "nine eight double four"
            is none.
    """
    pieces: list[Piece] = []
    texts = [bare(token.text) for token in tokens]
    is_shouted = all(token.text.upper() == token.text for token in tokens)  # then capitals tell nothing
    at = 0
    while at < len(tokens):
        token = tokens[at]
        piece = _piece(token.text.lower() if is_shouted and not is_placeholder(token.text) else token.text, texts, at)
        if token.first < token.last and piece.shape is Shape.DIGITS and piece.last == at:
            said = [bare(word) for word in words[token.first : token.last + 1]]
            is_amount = len(piece.text) < _AMOUNT_DIGITS and not MAGNITUDES.isdisjoint(said)
            piece = replace(piece, shape=Shape.AMOUNT if is_amount else Shape.DIGITS, is_spoken=True)
        pieces.append(piece)
        at = piece.last + 1
    return pieces


def _piece(raw: str, words: Sequence[str], at: int) -> Piece:
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if is_placeholder(raw):
        return Piece(Shape.PLACEHOLDER, raw, at, at)
    for length in (3, 2):
        if tuple(words[at : at + length]) in PAUSES and not _counts(words, at + length):
            return Piece(Shape.FILLER, word, at, at + length - 1)
    if word in ("o", "oh"):
        return Piece(Shape.OH, "0", at, at, is_spoken=True)
    if word in DIGIT_WORDS:
        return Piece(Shape.DIGITS, DIGIT_WORDS[word], at, at, is_spoken=True)
    if word in HINDI_DIGITS and (following in HINDI_DIGITS or (at and words[at - 1] in HINDI_DIGITS)):
        return Piece(Shape.DIGITS, HINDI_DIGITS[word], at, at, is_spoken=True)
    if word in TENS:
        if (unit := DIGIT_WORDS.get(following, "0")) != "0":
            return Piece(Shape.DIGITS, TENS[word] + unit, at, at + 1, is_spoken=True)
        return Piece(Shape.DIGITS, TENS[word] + "0", at, at, is_spoken=True)
    if word in TEENS:
        return Piece(Shape.DIGITS, TEENS[word], at, at, is_spoken=True)
    if not word.isalnum() and (glued := _glued(word)):
        return Piece(Shape.DIGITS, glued, at, at, is_spoken=True)
    if word in REPEATS and (repeated := _repeated(REPEATS[word], following)) is not None:
        shape, text = repeated
        return Piece(shape, text, at, at + 1, is_spoken=True, is_upper=True)
    if any(char.isdigit() for char in word):
        return _figures(word, raw, at)
    return _word(word, raw, words, at)


def _counts(words: Sequence[str], at: int) -> bool:
    """Whether a pause is none: one second hand car."""
    return at < len(words) and words[at] in ("hand", "owner", "read", "late", "only")


def _glued(word: str) -> str:
    """Ninety-eight, nine—eight…four: digits of number words that pauses joined; "" for anything else."""
    parts = [part for part in _SEPARATORS.split(word) if part]
    if len(parts) < 2 or all(part.isdigit() for part in parts):
        return ""
    digits, before = "", ""
    for part in parts:
        said = part if part.isdigit() else _digits_of(part)
        if part in REPEATS:
            before = part
            continue
        if not said:
            return ""
        if before in TENS and len(said) == 1 and said != "0":
            digits = digits[:-1]
        digits += said * (REPEATS[before] if before in REPEATS and len(said) == 1 else 1)
        before = part
    return "" if before in REPEATS else digits


def _digits_of(word: str) -> str:
    if word in TENS:
        return TENS[word] + "0"
    return DIGIT_WORDS.get(word) or TEENS.get(word) or HINDI_DIGITS.get(word) or ("0" if word in ("o", "oh") else "")


def _repeated(times: int, following: str) -> tuple[Shape, str] | None:
    if following in ("u", "you") and times == 2:
        return Shape.LETTERS, "W"
    if following in ("o", "oh"):
        return Shape.DIGITS, "0" * times
    if (digit := DIGIT_WORDS.get(following)) is not None:
        return Shape.DIGITS, digit * times
    if following.isascii() and following.isdigit() and len(following) <= 2:
        return Shape.DIGITS, following * times
    if len(following) == 1 and following.isascii() and following.isalpha():
        return Shape.LETTERS, following.upper() * times
    return None


def _figures(word: str, raw: str, at: int) -> Piece:
    """A token with digits in it."""
    word = "-".join(word.split()).removesuffix("/-")  # as rupees are written: 12,499/-
    digits = "".join(char for char in word if char in _ASCII_DIGITS)
    is_few = len(digits) < _AMOUNT_DIGITS
    if _DATE.fullmatch(word) and _is_date(word):
        return Piece(Shape.DATE, word, at, at)
    if word.startswith(_CURRENCY) and is_few and not any(c.isalpha() for c in word.lstrip("rsin.₹$€£")):
        return Piece(Shape.AMOUNT, digits, at, at)
    if _ORDINAL.fullmatch(word):
        return Piece(Shape.ORDINAL, digits, at, at)
    if is_few and (_TIME.fullmatch(word) or _GROUPED.fullmatch(word) or _DECIMAL.fullmatch(word)):
        return Piece(Shape.AMOUNT, digits, at, at)
    if is_few and _WITH_UNIT.fullmatch(word):
        return Piece(Shape.AMOUNT, digits, at, at)
    if not any(char.isalpha() for char in word):
        groups = [group for group in re.split(r"[^0-9]+", word) if group]
        one_by_one = len(groups) > 2 and max(map(len, groups)) <= 2
        return Piece(Shape.DIGITS, digits, at, at, is_spoken=one_by_one or len(digits) == 1, is_upper=word[0] == "+")
    if _ALNUM.fullmatch(word):
        text = re.sub(r"[^a-z0-9]", "", word).upper()
        return Piece(Shape.MIXED, text, at, at, is_upper=raw.upper() == raw)
    return Piece(Shape.WORD, word, at, at)


def _is_date(word: str) -> bool:
    parts = [int(part) for part in re.split(r"[/.-]", word)]
    if len(parts) != 3:
        return False
    day, month = (parts[2], parts[1]) if parts[0] > 31 else (parts[0], parts[1])
    return 1 <= day <= 31 and 1 <= month <= 31 and min(day, month) <= 12


def _word(word: str, raw: str, words: Sequence[str], at: int) -> Piece:
    following = words[at + 1] if at + 1 < len(words) else ""
    before = words[at - 1] if at else ""
    if word == raw == "k" and following == "m" and _is_number(before):
        after = words[at + 2] if at + 2 < len(words) else ""
        if not (_is_number(after) and not before[-3:].isdigit()):  # DL 3 2 K M 4 9 5 4
            return Piece(Shape.UNIT, "km", at, at + 1)
    is_between = before.isdigit() and len(before) <= _FEW and following[:1].isdigit()
    if is_between and len(word) <= _FEW and word in ACRONYMS and word.upper() in raw:  # MH 12 AC 1234
        return Piece(Shape.LETTERS, word.upper(), at, at, is_upper=True)
    letter = word.upper() if len(word) == 1 and word.isascii() and word.isalpha() else LETTER_NAMES.get(word)
    if letter is not None:
        return Piece(Shape.LETTERS, letter, at, _end_of_letter(letter, words, at), is_upper=True)
    if word in FILLERS or not any(char.isalnum() for char in word):
        return Piece(Shape.FILLER, word, at, at)
    if word in BRIDGES:
        return Piece(Shape.BRIDGE, word, at, at)
    if word in MAGNITUDES:
        return Piece(Shape.MAGNITUDE, word, at, at)
    if word in UNITS:
        return Piece(Shape.UNIT, word, at, at)
    is_code = len(word) <= _LONGEST_CODE and word.isascii() and word.isalpha() and word not in ACRONYMS
    if is_code and word.upper() in raw:
        return Piece(Shape.LETTERS, word.upper(), at, at, is_upper=True)
    return Piece(Shape.WORD, word, at, at)


def _is_number(word: str) -> bool:
    return word[-1:].isdigit() or word in DIGIT_WORDS or word in TEENS or word in TENS or word in MAGNITUDES


def _end_of_letter(letter: str, words: Sequence[str], at: int) -> int:
    """M for Mumbai, B as in Bombay: the token where it ends."""
    for joint in (("for",), ("as", "in"), ("as",)):
        end = at + len(joint) + 1
        if end < len(words) and tuple(words[at + 1 : end]) == joint and words[end][:1].upper() == letter:
            return end
    return at


def piece_at(pieces: Sequence[Piece], token: int) -> Piece | None:
    """The piece that begins at a token or after it, if there is one."""
    at = index_at(pieces, token)
    return pieces[at] if at < len(pieces) else None


def index_at(pieces: Sequence[Piece], token: int) -> int:
    """The place of the first piece that begins at a token or after it."""
    return bisect_left(pieces, token, key=attrgetter("first"))

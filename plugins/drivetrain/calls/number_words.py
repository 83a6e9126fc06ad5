"""Words as parts of numbers: digits, tens, scales, and what stands between them, in English as India speaks it too."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Is(Enum):
    """What a piece is. FIGURES are written as digits; a REPEAT is "double" and the like, a SCALE a thousand or more."""

    WORD = "word"
    FIGURES = "figures"
    UNIT = "unit"
    TEEN = "teen"
    TENS = "tens"
    HUNDRED = "hundred"
    SCALE = "scale"
    REPEAT = "repeat"
    OH = "oh"
    AND = "and"
    POINT = "point"
    A = "a"
    ORDINAL = "ordinal"


class Piece(NamedTuple):
    """A word, or a part of one with hyphens.

    Attributes:
        text: as it is.
        number: of the word, from 0.
        is_of: what it is.
        digits: of a number; of tens, the first; of a repeat, how often; of a scale, how much.
        is_open: nothing parts it from the next piece; False: punctuation does.
        is_listed: at most a comma does.
    """

    text: str
    number: int
    is_of: Is
    digits: str = ""
    is_open: bool = True
    is_listed: bool = True


NUMBERS = frozenset({Is.FIGURES, Is.UNIT, Is.TEEN, Is.TENS, Is.HUNDRED, Is.SCALE, Is.OH})
CRORE = 10_000_000
_SCALES = {"thousand": 1_000, "lakh": 100_000, "lac": 100_000, "million": 1_000_000, "crore": CRORE, "billion": 10**9}
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    *("twentieth", "thirtieth", "fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"),
)
_KINDS = (
    {word: (Is.UNIT, str(number)) for number, word in enumerate(_UNITS, 1)}
    | {word: (Is.TEEN, str(number)) for number, word in enumerate(_TEENS, 10)}
    | {word: (Is.TENS, str(number)) for number, word in enumerate(_TENS, 2)}
    | {word + plural: (Is.SCALE, str(scale)) for word, scale in _SCALES.items() for plural in ("", "s")}
    | dict.fromkeys(("hundred", "hundreds"), (Is.HUNDRED, "100"))
    | dict.fromkeys(("zero", "nought", "naught"), (Is.UNIT, "0"))
    | dict.fromkeys(("oh", "o"), (Is.OH, "0"))
    | dict.fromkeys(_ORDINALS, (Is.ORDINAL, ""))
    | {"fourty": (Is.TENS, "4"), "ninty": (Is.TENS, "9"), "a": (Is.A, ""), "and": (Is.AND, ""), "point": (Is.POINT, "")}
    | {
        "double": (Is.REPEAT, "2"),
        "triple": (Is.REPEAT, "3"),
        "treble": (Is.REPEAT, "3"),
        "quadruple": (Is.REPEAT, "4"),
    }
)
_NO_NUMBER = (Is.WORD, "")
_FIGURES = re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|[0-9]+(?:-[0-9]+)+")
_LEAST_DIGITS_WITH_DASHES = 7  # "98-44-22-11" is one number; "10-15" are two, and "2019-20" is a year


def pieces_of(words: Iterable[str]) -> list[Piece]:
    """Words in pieces; a word with hyphens gives several where all of them are numbers, as "twenty-five" does.

    Args:
        words: with their punctuation.
    """
    return [piece for number, word in enumerate(words) for piece in _of_word(word, number)]


def _of_word(word: str, number: int) -> Iterator[Piece]:
    bare = bare_of(word)
    if not bare:
        yield Piece(word, number, Is.WORD, is_open=False)
        return
    after = word[word.rfind(bare[-1]) + 1 :].strip()
    is_open, is_listed = not after, after in ("", ",")
    if bare[0].isdecimal() and (digits := _figures(bare)):
        yield Piece(word, number, Is.FIGURES, digits, is_open, is_listed)
        return
    parts = bare.lower().split("-")
    known = [_KINDS.get(part, _NO_NUMBER) for part in parts]
    if len(parts) == 1:
        yield Piece(word, number, *known[0], is_open, is_listed)
    elif all(is_of in NUMBERS for is_of, _ in known):
        for part, (is_of, digits) in zip(parts[:-1], known, strict=False):
            yield Piece(part, number, is_of, digits)
        yield Piece(parts[-1], number, *known[-1], is_open, is_listed)
    else:
        yield Piece(word, number, Is.WORD, "", is_open, is_listed)


def bare_of(word: str) -> str:
    """Without punctuation and signs around it."""
    if word.isalnum():
        return word
    start, stop = 0, len(word)
    while start < stop and not word[start].isalnum():
        start += 1
    while stop > start and unicodedata.category(word[stop - 1])[0] not in "LMN":
        stop -= 1
    return word[start:stop]


def _figures(bare: str) -> str:
    """ASCII digits, with a point where it has one; empty: it is more than a number."""
    if not bare.isascii():
        bare = "".join(str(unicodedata.decimal(char, char)) for char in bare)
    if not _FIGURES.fullmatch(bare):
        return ""
    if "-" in bare:
        bare = bare.replace("-", "")
        return bare if len(bare) >= _LEAST_DIGITS_WITH_DASHES else ""
    return bare.replace(",", "")

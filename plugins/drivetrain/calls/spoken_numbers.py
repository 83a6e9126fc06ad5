"""Numbers that are spoken, as digits, and which words they were made of.

English as it is spoken in India too: "nine eight double four", "two lakh fifty thousand", "one point five crore". What
is found in the digits can be cut out of the words, and of the audio that the words are from, since each token knows its
words.

Left alone are ordinals ("twenty third"), "one" that is no part of a number ("that one is nice"), "oh" that stands
between no digits, fractions ("two and a half"), and digits with letters ("i20", "25k"). "hundred", "thousand" and the
like stand for one of them where no number is before them, as in "hundred rupees".

text2num (https://github.com/allo-media/text2num) keeps positions as well, but knows neither "double" nor "oh", lakh or
crore, so that most of the work would stay here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from drivetrain.calls.number_words import CRORE, NUMBERS, Is, bare_of, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivetrain.calls.number_words import Piece

_BEFORE_A_PRONOUN = frozenset(
    {
        *("that", "this", "which", "the", "no", "any", "every", "each", "some", "another", "other", "next", "last"),
        *("first", "second", "third", "only", "old", "new", "good", "better", "best", "same", "right", "wrong"),
    }
)
_BEFORE_A_VAGUE_AMOUNT = frozenset({"half", "quarter", "few", "several", "many", "couple", "some"})
_NOT_COUNTED = frozenset({"hand", "owner"})  # "two lakh, second owner" counts no owners
_MOST_DIGITS = 15  # of what is counted in thousands and more; longer ones are no amounts
_HUNDREDS = 3  # digits
_THE_YEARS = 2_000
_TIMES_A_HUNDRED = frozenset(str(number) for number in range(1, 100))
_CONTINUES = (Is.UNIT, Is.OH, Is.REPEAT)
_REPEATED = (Is.UNIT, Is.OH, Is.FIGURES)


class Kind(StrEnum):
    """What a token is.

    DIGITS are said or written one by one or in pairs, and may go on in the next token; an AMOUNT ("two hundred",
    "2.5") is complete.
    """

    TEXT = "text"
    DIGITS = "digits"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is, or a number.

    Attributes:
        text: of a number, ASCII digits and at most one point; of a word, the word.
        first: the first word that it was made of, from 0.
        last: the last of them. A word with a hyphen ("five-six") may be in two tokens.
        kind: what it is.
    """

    text: str
    first: int
    last: int
    kind: Kind = Kind.TEXT


def read_numbers(words: Sequence[str]) -> tuple[Token, ...]:
    """Words with their numbers as digits: every word is in a token, in its order.

    Args:
        words: of one speaker, with their punctuation. It ends a number, but for a comma as in "two lakh, five hundred".
    """
    return tuple(_Reader(pieces_of(words)).tokens())


def join_digits(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """The same with digits that follow each other as one token: "98" and "44" as "9844"."""
    joined: list[Token] = []
    for token in tokens:
        if joined and token.kind is joined[-1].kind is Kind.DIGITS:
            before = joined.pop()
            joined.append(Token(before.text + token.text, before.first, token.last, Kind.DIGITS))
        else:
            joined.append(token)
    return tuple(joined)


def is_number_word(word: str) -> bool:
    """Whether a word alone may be part of a number."""
    return all(piece.is_of in NUMBERS for piece in pieces_of([word]))


class _Part(NamedTuple):
    """What is read of a number so far.

    Attributes:
        text: its digits.
        end: the piece after it.
        kind: DIGITS where it has neither hundreds nor a fraction.
        is_open: no punctuation parts it from the next piece.
    """

    text: str
    end: int
    kind: Kind
    is_open: bool


class _Reader:
    """Reads pieces from the left, each time the longest number that begins there."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def tokens(self) -> Iterator[Token]:
        at, before = 0, Kind.TEXT
        while at < len(self._pieces):
            part = self._number(at, before)
            end = part.end if part else at + 1
            if part is None or self._is_ordinal(part):
                before = Kind.TEXT
                yield from (Token(piece.text, piece.number, piece.number) for piece in self._pieces[at:end])
            else:
                before = part.kind
                yield Token(part.text, self._pieces[at].number, self._pieces[end - 1].number, part.kind)
            at = end

    def _is(self, at: int, *kinds: Is) -> bool:
        return at < len(self._pieces) and self._pieces[at].is_of in kinds

    def _number(self, at: int, before: Kind) -> _Part | None:
        piece = self._pieces[at]
        if piece.is_of is Is.WORD:
            return None
        if piece.is_of is Is.OH:
            return self._zeros(at) if before is Kind.DIGITS and self._pieces[at - 1].is_listed else None
        part = self._repeated(at) or self._amount(at)
        if part and part.end == at + 1 and piece.is_of is Is.UNIT and part.text == "1":
            return part if self._is_counted_one(at, before) else None
        return part

    def _begins_digits(self, at: int) -> bool:
        if not self._is(at, Is.UNIT, Is.TEEN, Is.TENS, Is.REPEAT, Is.FIGURES):
            return False
        part = self._repeated(at) or self._amount(at)
        return part is not None and part.kind is Kind.DIGITS

    def _zeros(self, at: int) -> _Part | None:
        """One "oh" or more, if digits come after them."""
        end = at
        while self._is(end, Is.OH):
            end += 1
        return _Part("0" * (end - at), end, Kind.DIGITS, is_open=True) if self._begins_digits(end) else None

    def _repeated(self, at: int) -> _Part | None:
        """Twice the four of "double four"."""
        if not (self._is(at, Is.REPEAT) and self._pieces[at].is_open and self._is(at + 1, *_REPEATED)):
            return None
        times, one = self._pieces[at], self._pieces[at + 1]
        if len(one.digits) != 1:
            return None
        return _Part(one.digits * int(times.digits), at + 2, Kind.DIGITS, one.is_open)

    def _is_counted_one(self, at: int, before: Kind) -> bool:
        """Whether "one" alone is a digit: it stands beside a number, and not as a pronoun."""
        own = self._pieces[at]
        follows = before is not Kind.TEXT
        leads = self._begins_digits(at + 1) or (self._is(at + 1, Is.OH) and self._begins_digits(at + 2))
        if follows:
            return leads or self._pieces[at - 1].is_listed
        if at and self._pieces[at - 1].is_listed and bare_of(self._pieces[at - 1].text).lower() in _BEFORE_A_PRONOUN:
            return False
        return leads and own.is_listed

    def _is_ordinal(self, part: _Part) -> bool:
        """Whether a whole amount is a part of an ordinal: "one hundred and fifth"."""
        if not part.is_open or not self._is(part.end - 1, Is.HUNDRED, Is.SCALE):
            return False
        at = part.end + self._is(part.end, Is.AND)
        return self._counts(at) or (self._is(at, Is.TENS) and self._pieces[at].is_open and self._counts(at + 1))

    def _counts(self, at: int) -> bool:
        """Whether there is an ordinal that a number may end in."""
        if not self._is(at, Is.ORDINAL):
            return False
        return not (self._is(at + 1, Is.WORD) and bare_of(self._pieces[at + 1].text).lower() in _NOT_COUNTED)

    def _amount(self, at: int) -> _Part | None:
        """A number with all its scales."""
        group = self._group(at)
        if group is None:
            return None
        group = self._with_fraction(group)
        total, last, read = Decimal(0), 0, None
        while group and group.is_open and self._is(group.end, Is.SCALE) and len(group.text) <= _MOST_DIGITS:
            scale = int(self._pieces[group.end].digits)
            if not last or scale < last:
                total += Decimal(group.text) * scale
            elif last < scale == CRORE:  # "two thousand five hundred crore"
                total = (total + Decimal(group.text)) * scale
            else:
                return read
            end = group.end + 1
            if scale < CRORE and self._is(end, Is.SCALE) and self._pieces[end].digits == str(CRORE):  # "lakh crore"
                total, scale, end = total * CRORE, CRORE, end + 1
            last, read = scale, self._part(total, end)
            group = self._rest(end, is_year=total == _THE_YEARS)
        if read and group and not self._is(group.end, Is.SCALE):
            return self._part(total + Decimal(group.text), group.end)
        return read or group

    def _part(self, value: Decimal, end: int) -> _Part:
        return _Part(f"{value.normalize():f}", end, Kind.AMOUNT, self._pieces[end - 1].is_open)

    def _rest(self, at: int, *, is_year: bool) -> _Part | None:
        """What comes after a scale: hundreds at most, another scale may follow.

        One digit without "and" is a part of years alone ("two thousand eight"): in "five thousand two days ago" it
        counts days.
        """
        scale = self._pieces[at - 1]
        if self._is(at, Is.AND) and scale.is_open:
            tens = self._tens(at + 1)
            return None if tens is None or self._is(tens.end, Is.HUNDRED, Is.SCALE) else tens
        if not (scale.is_listed and self._is(at, Is.UNIT, Is.TEEN, Is.TENS, Is.FIGURES)):
            return None
        group = self._group(at)
        if group is None or len(group.text) > _HUNDREDS or "." in group.text or group.text[0] == "0":
            return None
        if group.kind is Kind.AMOUNT or (group.is_open and self._is(group.end, Is.SCALE)):
            return group
        if self._is(at, Is.UNIT) and (not is_year or self._is(group.end, *_CONTINUES)):
            return None
        return group if scale.is_open else None

    def _group(self, at: int) -> _Part | None:
        """A number below a thousand, or whatever is written as digits."""
        piece = self._pieces[at]
        if piece.is_of is Is.FIGURES:
            bare = bare_of(piece.text)
            kind = Kind.AMOUNT if "." in bare or "," in bare else Kind.DIGITS
            own: _Part | None = _Part(piece.digits, at + 1, kind, piece.is_open)
        elif piece.is_of in (Is.A, Is.HUNDRED, Is.SCALE):
            own = self._bare_one(at)
        else:
            own = self._tens(at)
        if own is None or not (own.is_open and self._is(own.end, Is.HUNDRED) and own.text in _TIMES_A_HUNDRED):
            return own
        hundreds, end = int(own.text) * 100, own.end + 1
        if self._pieces[end - 1].is_open:
            tens = self._tens(end + self._is(end, Is.AND))
            are_digits = tens and self._is(tens.end - 1, Is.UNIT) and self._is(tens.end, *_CONTINUES)
            if tens and not are_digits and not self._is(tens.end, Is.HUNDRED):
                return _Part(str(hundreds + int(tens.text)), tens.end, Kind.AMOUNT, tens.is_open)
        return _Part(str(hundreds), end, Kind.AMOUNT, self._pieces[end - 1].is_open)

    def _bare_one(self, at: int) -> _Part | None:
        """The one of "a hundred", or of "hundred" alone."""
        end = at + self._is(at, Is.A)
        if at and (self._is(at - 1, Is.A) or bare_of(self._pieces[at - 1].text).lower() in _BEFORE_A_VAGUE_AMOUNT):
            return None
        if not self._is(end, Is.HUNDRED, Is.SCALE) or (end > at and not self._pieces[at].is_open):
            return None
        is_plural = bare_of(self._pieces[end].text).lower().endswith("s")
        return None if is_plural else _Part("1", end, Kind.AMOUNT, is_open=True)

    def _tens(self, at: int) -> _Part | None:
        """A number below a hundred."""
        if not self._is(at, Is.UNIT, Is.TEEN, Is.TENS):
            return None
        piece = self._pieces[at]
        if piece.is_of is not Is.TENS:
            return _Part(piece.digits, at + 1, Kind.DIGITS, piece.is_open)
        if piece.is_open and self._counts(at + 1):
            return None
        if piece.is_open and self._is(at + 1, Is.UNIT) and self._pieces[at + 1].digits != "0":
            unit = self._pieces[at + 1]
            return _Part(piece.digits + unit.digits, at + 2, Kind.DIGITS, unit.is_open)
        return _Part(piece.digits + "0", at + 1, Kind.DIGITS, piece.is_open)

    def _with_fraction(self, whole: _Part) -> _Part:
        """The same with what comes after "point"."""
        at = whole.end
        if "." in whole.text or not (whole.is_open and self._is(at, Is.POINT) and self._pieces[at].is_open):
            return whole
        digits, is_open, at = "", True, at + 1
        while is_open and self._is(at, Is.UNIT, Is.OH):
            digits, is_open, at = digits + self._pieces[at].digits, self._pieces[at].is_open, at + 1
        if not digits and self._is(at, Is.FIGURES) and self._pieces[at].digits.isdecimal():
            digits, is_open, at = self._pieces[at].digits, self._pieces[at].is_open, at + 1
        if not digits and (tens := self._tens(at)):
            digits, is_open, at = tens.text, tens.is_open, tens.end
        return _Part(f"{whole.text}.{digits}", at, Kind.AMOUNT, is_open) if digits else whole

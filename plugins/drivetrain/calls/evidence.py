"""Whether a quote was said: the words of the transcript that prove it, or none.

Case, punctuation and blanks make no difference, nor does how a number is written: "two lakh" proves "2,00,000". All
else does. A paraphrase proves nothing, nor do words with others left out between them, and a part of a number is
another number: "five thousand" was not said where "twenty five thousand" was.

A quote is one speaker's. It may go on over a pause, as long as nobody else took the turn in between.

A single word would be found in any call, so that a quote has MIN_WORDS of them. One is enough if it is

- a number of at least MIN_NUMBER_DIGITS digits, or
- a name as far as its spelling in the transcript tells: a capital letter where no sentence begins ("I am Priya"), more
  than one ("HDFC"), or a digit in it ("i20").
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from drivetrain.calls.spoken_numbers import Kind, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drivetrain.calls.turns import Turn
    from drivetrain.calls.words import Word

MIN_WORDS = 2
MIN_NUMBER_DIGITS = 2

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`"))
_PARTS = re.compile(r"[a-z0-9]+|[%$]")
_ENDS_A_SENTENCE = re.compile(r"[.?!…।][\"'”’)]*$")
# What number words may be or not be by what stands beside them, and a quote's edge cuts that off.
_SAME = {"one": "1", "oh": "0", "o": "0"}


@dataclass(frozen=True)
class Span:
    """Where a quote was said.

    Attributes:
        speaker: who said it.
        first: its first word among QuoteFinder.words, from 0.
        last: its last one, included; a backchannel of somebody else may lie between the two.
        start_seconds: when its first word begins.
        end_seconds: when its words have ended.
    """

    speaker: str
    first: int
    last: int
    start_seconds: float
    end_seconds: float


class _Symbol(NamedTuple):
    """A word, a digit or a sign, as it is compared.

    Attributes:
        text: without blanks in it.
        first: the first word that it was made of, from 0.
        last: the last of them.
        begins: a quote may begin with it; False: it is inside a number.
        ends: a quote may end with it.
    """

    text: str
    first: int
    last: int
    begins: bool = True
    ends: bool = True


class QuoteFinder:
    """Finds quotes in one call. Made once a call; each look is a search in one string.

    Args:
        turns: of the call, as build_turns gives them.

    Attributes:
        words: of all turns, one turn after the other.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.words: tuple[Word, ...] = tuple(word for turn in turns for word in turn.words)
        self._symbols: list[_Symbol] = []
        self._starts: list[int] = []  # where each symbol is in the text
        self._turns: list[tuple[int, int]] = [(0, 0)] * len(turns)  # the first symbol of each, and the one after it
        texts: list[str] = []
        length = 0
        for stretch in _stretches(turns):
            texts.append("\n ")
            length += 2
            for number, offset in stretch:
                before = len(self._symbols)
                for text, first, last, begins, ends in _symbols([word.text for word in turns[number].words]):
                    self._symbols.append(_Symbol(text, first + offset, last + offset, begins, ends))
                    self._starts.append(length)
                    texts.append(text + " ")
                    length += len(text) + 1
                self._turns[number] = (before, len(self._symbols))
        self._text = "".join(texts)

    def find(self, quote: str, *, turn: int | None = None) -> Span | None:
        """Where it was said first; None: it was not, or it is too short to prove anything.

        Args:
            quote: to be found.
            turn: among those of the call, from 0: it has to begin in this one; None: in any.
        """
        words = quote.split()
        symbols = list(_symbols(words))
        said = {number for symbol in symbols for number in range(symbol.first, symbol.last + 1)}
        if not said:
            return None
        is_enough = len(said) >= MIN_WORDS or _is_long_number(symbols)
        needle = f" {' '.join(symbol.text for symbol in symbols)} "
        for first in self._occurrences(needle, len(symbols), turn):
            span = self._span(first, first + len(symbols) - 1)
            if is_enough or self._is_name(span.first):
                return span
        return None

    def _occurrences(self, needle: str, count: int, turn: int | None) -> Iterator[int]:
        """The first symbol of each, where no number is cut."""
        if turn is not None and not 0 <= turn < len(self._turns):
            return
        first, stop = (0, len(self._symbols)) if turn is None else self._turns[turn]
        if first == stop:
            return
        at = self._text.find(needle, self._starts[first] - 1)
        while at >= 0:
            place = bisect_left(self._starts, at + 1)
            if place >= stop:
                return
            if self._symbols[place].begins and self._symbols[place + count - 1].ends:
                yield place
            at = self._text.find(needle, at + 1)

    def _span(self, first: int, last: int) -> Span:
        begins, ends = self._symbols[first].first, self._symbols[last].last
        speaker = self.words[begins].speaker
        own = [word for word in self.words[begins : ends + 1] if word.speaker == speaker]
        return Span(speaker, begins, ends, own[0].start_seconds, max(word.end_seconds for word in own))

    def _is_name(self, number: int) -> bool:
        """Whether a word is spelled as names are."""
        text = self.words[number].text.translate(_APOSTROPHES)
        letters = [char for char in text if char.isalpha()]
        if letters and any(char.isdecimal() for char in text):
            return True
        if sum(char.isupper() for char in letters) > 1:
            return True
        before = self.words[number - 1] if number else None
        begins_a_sentence = (
            before is None
            or before.speaker != self.words[number].speaker
            or _ENDS_A_SENTENCE.search(before.text) is not None
        )
        return len(letters) > 1 and letters[0].isupper() and not begins_a_sentence and not _is_i(text)


def _is_i(text: str) -> bool:
    """I'm, I'll, I've and I'd have a capital letter anywhere."""
    return re.fullmatch(r"I(?:m|ll|ve|d)\W*", text) is not None


def _stretches(turns: Sequence[Turn]) -> Iterator[list[tuple[int, int]]]:
    """Turns of one speaker that nobody took away, each with the number of its first word. Backchannels take nothing."""
    open_stretch: list[tuple[int, int]] = []
    offset = 0
    for number, turn in enumerate(turns):
        if turn.is_backchannel:
            yield [(number, offset)]
        else:
            if open_stretch and turns[open_stretch[-1][0]].speaker != turn.speaker:
                yield open_stretch
                open_stretch = []
            open_stretch.append((number, offset))
        offset += len(turn.words)
    if open_stretch:
        yield open_stretch


def _is_long_number(symbols: Iterable[_Symbol]) -> bool:
    texts = [symbol.text for symbol in symbols]
    is_number = all(text.isdecimal() or not text.isalnum() for text in texts)
    return is_number and sum(text.isdecimal() for text in texts) >= MIN_NUMBER_DIGITS


def _symbols(words: Sequence[str]) -> Iterator[_Symbol]:
    """What words are compared by."""
    for token in read_numbers(words):
        if token.kind is Kind.TEXT:
            for part in _parts(token.text):
                yield from _spelled(part, token.first, token.last)
            continue
        before, after = _signs(words[token.first])[0], _signs(words[token.last])[1]
        for sign in before:
            yield _Symbol(sign, token.first, token.last)
        yield from _spelled(token.text, token.first, token.last)
        for sign in after:
            yield _Symbol(sign, token.first, token.last)


def _spelled(text: str, first: int, last: int) -> Iterator[_Symbol]:
    """A word as one symbol, a number by its digits."""
    if not text.replace(".", "").isdecimal():
        yield _Symbol(_SAME.get(text, text), first, last)
        return
    for place, char in enumerate(text):
        yield _Symbol(char, first, last, begins=place == 0, ends=place == len(text) - 1)


def _parts(text: str) -> list[str]:
    """Words, numbers and signs in a word, in small letters."""
    if text.isascii():
        return _PARTS.findall(text.lower().translate(_APOSTROPHES))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold())
    return "".join(map(_part, folded)).split()


def _part(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category[0] in "LMN":
        return char
    if char == "%" or category == "Sc":
        return f" {char} "
    return "" if category == "Cf" else " "  # what joins letters in Indian scripts is no blank


def _signs(word: str) -> tuple[list[str], list[str]]:
    """Signs of currency and percent before a number and after it: they are no punctuation."""
    if word.isalnum():
        return [], []
    signs = [(place, char) for place, char in enumerate(word) if char == "%" or unicodedata.category(char) == "Sc"]
    begins = next((place for place, char in enumerate(word) if char.isalnum()), 0)
    return [char for place, char in signs if place < begins], [char for place, char in signs if place > begins]

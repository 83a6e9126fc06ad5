"""Words with times, made of what a recognizer gives: what can't be a word is set aside, and the call goes on.

A recognizer gives numpy floats now and then, and no database driver stores them: they become Python's. Reasons name the
word by its number alone, since they end up in logs and a transcript doesn't.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AGENT, CUSTOMER = "agent", "customer"

_ROUNDING = 1e-6  # a probability in 32 bits may be that much above 1


@dataclass(frozen=True, slots=True)
class Word:
    """One word that somebody said.

    Attributes:
        text: as it was recognized, with its punctuation and without blanks around it.
        start_seconds: from the beginning of the call, not negative.
        end_seconds: not before the start; the two may be equal, since recognizers place short words so.
        probability: the recognizer's own, 0 to 1.
        speaker: who said it: AGENT and CUSTOMER where the channels tell, else what diarization calls them.
    """

    text: str
    start_seconds: float
    end_seconds: float
    probability: float
    speaker: str


class RawWord(NamedTuple):
    """What a recognizer said of a word; nothing of it is believed."""

    text: object
    start_seconds: object
    end_seconds: object
    probability: object


class Reason(StrEnum):
    """Why something is no word."""

    NOT_TEXT = "not_text"
    NO_TEXT = "no_text"
    NOT_A_TIME = "not_a_time"
    NEGATIVE_TIME = "negative_time"
    REVERSED_TIMES = "reversed_times"
    NOT_A_PROBABILITY = "not_a_probability"


@dataclass(frozen=True)
class Rejected:
    """What was no word.

    Attributes:
        number: its place among those that were given, from 0.
        reason: its kind, to be counted by.
        detail: one line that repeats nothing of what was said.
    """

    number: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class ReadWords:
    """What came of a channel's words, each in one of the two, in the order in which they were given."""

    words: tuple[Word, ...]
    rejected: tuple[Rejected, ...]

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How many were rejected, by reason."""
        return Counter(one.reason for one in self.rejected)


def read_words(raw: Iterable[RawWord], speaker: str) -> ReadWords:
    """Words of one speaker; a bad one is rejected alone.

    Args:
        raw: in the order in which they were said.
        speaker: who said them all.
    """
    words: list[Word] = []
    rejected: list[Rejected] = []
    for number, one in enumerate(raw):
        try:
            words.append(_word(one, speaker))
        except _RejectedError as error:
            rejected.append(Rejected(number, error.reason, f"word {number} of {speaker}: {error}"))
    return ReadWords(tuple(words), tuple(rejected))


class _RejectedError(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def _word(raw: RawWord, speaker: str) -> Word:
    text = _text(raw.text)
    start, end = _time("start", raw.start_seconds), _time("end", raw.end_seconds)
    if end < start:
        raise _RejectedError(Reason.REVERSED_TIMES, f"ends at {end:g} s, before its start at {start:g} s")
    return Word(text, start, end, _probability(raw.probability), speaker)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _RejectedError(Reason.NOT_TEXT, f"its text is of type {type(value).__name__}")
    text = " ".join(value.split())
    categories = {unicodedata.category(character) for character in text}
    if categories & {"Cc", "Cs"}:
        raise _RejectedError(Reason.NOT_TEXT, "its text has control characters or halves of characters")
    if not any(category[0] in "LN" for category in categories):
        raise _RejectedError(Reason.NO_TEXT, "its text has neither a letter nor a digit")
    return text


def _time(name: str, value: object) -> float:
    seconds = _number(value)
    if seconds is None:
        raise _RejectedError(Reason.NOT_A_TIME, f"its {name} is no finite number of seconds")
    if seconds < 0:
        raise _RejectedError(Reason.NEGATIVE_TIME, f"its {name} is {seconds:g} s, before the call")
    return seconds


def _probability(value: object) -> float:
    probability = _number(value)
    if probability is None or not -_ROUNDING <= probability <= 1 + _ROUNDING:
        raise _RejectedError(Reason.NOT_A_PROBABILITY, "its probability is no number from 0 to 1")
    return min(max(probability, 0.0), 1.0)


def _number(value: object) -> float | None:
    """A finite number as Python's own float; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        number = float(value) + 0.0  # which makes 0 of -0
    except OverflowError:
        return None
    return number if math.isfinite(number) else None

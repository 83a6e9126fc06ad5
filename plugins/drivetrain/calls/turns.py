"""Turns made of the words of all speakers, whatever order the words come in.

Channels are recognized one by one, and the segments that a recognizer makes of one know nothing of the other: they run
on over an answer, so that putting segments in order tears questions from their answers. Words are put in order here.

A turn is a run of one speaker's words. It ends

- at a pause of more than MAX_GAP_SECONDS,
- at a shorter pause in which somebody else says at least one whole word that is no backchannel.

Where two speak at once, neither pauses, so that both turns go on side by side and no sentence is cut into pieces.

A backchannel ("haan", "okay", "mm-hm") tells the other to go on: it takes no turn away. It is one or two such words,
apart from the speaker's other words by more than MAX_GAP_SECONDS, that begin after the other began and end before the
other ends. It is kept as a turn of its own, marked as such, and the other's turn goes on around it. A short answer that
the other leaves no more than MAX_GAP_SECONDS for looks the same, and is taken for one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from drivetrain.calls.words import Word

_T = TypeVar("_T")

# Longer than a stop for breath or inside a number that is read out, shorter than the time that people leave for an
# answer to end before they say more.
MAX_GAP_SECONDS = 0.8
_ROUNDING = 1e-6  # times are hundredths of seconds: their differences in floats must not decide

MAX_BACKCHANNEL_WORDS = 2
# English, and Hindi in both scripts; without punctuation, lower case.
BACKCHANNELS = frozenset(
    {
        *(
            "ah",
            "aha",
            "alright",
            "hm",
            "hmm",
            "mhm",
            "mm",
            "mmhm",
            "mmhmm",
            "mmm",
            "oh",
            "ok",
            "okay",
            "really",
            "right",
        ),
        *(
            "sure",
            "uh",
            "uhhuh",
            "uhuh",
            "yeah",
            "yep",
            "yes",
            "yup",
            "i see",
            "all right",
            "mm hm",
            "mm hmm",
            "uh huh",
        ),
        *("accha", "acha", "achha", "haa", "haan", "han", "ji", "sahi", "theek", "thik", "theek hai", "thik hai"),
        *("हाँ", "हां", "जी", "अच्छा", "ठीक", "ठीक है", "सही"),
    }
)
_PUNCTUATION = str.maketrans(dict.fromkeys(".,!?…;:।\"'’", "") | dict.fromkeys("-‐‑–—", " "))


@dataclass(frozen=True)
class Turn:
    """What one speaker says until it is somebody else's turn, or nobody's.

    Attributes:
        words: at least one, by time.
        is_backchannel: the other went on speaking.
    """

    speaker: str
    words: tuple[Word, ...]
    is_backchannel: bool = False

    @property
    def start_seconds(self) -> float:
        """When its first word begins."""
        return self.words[0].start_seconds

    @property
    def end_seconds(self) -> float:
        """When the last of its words ends."""
        return max(word.end_seconds for word in self.words)

    @property
    def text(self) -> str:
        """Its words with a blank between them."""
        return " ".join(word.text for word in self.words)


def build_turns(words: Iterable[Word], *, max_gap_seconds: float = MAX_GAP_SECONDS) -> tuple[Turn, ...]:
    """The turns of a call, by start; each word is in one of them.

    Words of one speaker stay in the order of their times. Those at the very same times stay in the order in which they
    are given; else that order makes no difference.

    Args:
        words: of all speakers, in any order.
        max_gap_seconds: the longest pause inside a turn.
    """
    runs = {speaker: _runs(spoken, max_gap_seconds) for speaker, spoken in _by_speaker(words).items()}
    heard = {
        speaker: [replace(run, is_backchannel=_is_backchannel(run, _others(runs, speaker))) for run in own]
        for speaker, own in runs.items()
    }
    floor = {
        speaker: _Floor([word for run in own if not run.is_backchannel for word in run.words])
        for speaker, own in heard.items()
    }
    turns = [
        turn for speaker, own in heard.items() for run in own for turn in _taken_away(run, _others(floor, speaker))
    ]
    return tuple(sorted(turns, key=lambda turn: (turn.start_seconds, turn.end_seconds, turn.speaker)))


def _by_speaker(words: Iterable[Word]) -> dict[str, list[Word]]:
    """Each speaker's words by time."""
    spoken: dict[str, list[Word]] = {}
    for word in words:
        spoken.setdefault(word.speaker, []).append(word)
    for own in spoken.values():
        own.sort(key=lambda word: (word.start_seconds, word.end_seconds))
    return spoken


def _others(of: Mapping[str, _T], speaker: str) -> list[_T]:
    return [theirs for other, theirs in of.items() if other != speaker]


def _pauses(words: Sequence[Word]) -> Iterator[tuple[int, float, float]]:
    """Before each word but the first: its place, when all words before it have ended, and when it begins."""
    ended = -math.inf
    for place, word in enumerate(words):
        if place:
            yield place, ended, word.start_seconds
        ended = max(ended, word.end_seconds)


def _cut(turn: Turn, places: Sequence[int]) -> Iterator[Turn]:
    for start, stop in pairwise([0, *places, len(turn.words)]):
        yield replace(turn, words=turn.words[start:stop])


def _runs(words: Sequence[Word], max_gap_seconds: float) -> list[Turn]:
    """One speaker's words, cut at long pauses."""
    longest = max_gap_seconds + _ROUNDING
    places = [place for place, ended, begins in _pauses(words) if begins - ended > longest]
    return list(_cut(Turn(words[0].speaker, tuple(words)), places))


def _is_backchannel(run: Turn, others: Sequence[Sequence[Turn]]) -> bool:
    """Whether it is one by its words, and somebody's run goes on around it."""
    if len(run.words) > MAX_BACKCHANNEL_WORDS:
        return False
    spoken = [" ".join(word.text.lower().translate(_PUNCTUATION).split()) for word in run.words]
    if " ".join(spoken) not in BACKCHANNELS and not BACKCHANNELS.issuperset(spoken):
        return False
    return any(_goes_on_around(run, theirs) for theirs in others)


def _goes_on_around(run: Turn, theirs: Sequence[Turn]) -> bool:
    before = bisect_left(theirs, run.start_seconds, key=lambda other: other.start_seconds) - 1
    return before >= 0 and theirs[before].end_seconds > run.end_seconds


class _Floor:
    """One speaker's words that take a turn, by start."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._starts = [word.start_seconds for word in words]
        self._ends = [word.end_seconds for word in words]

    def is_taken(self, since_seconds: float, until_seconds: float) -> bool:
        """Whether at least one word is wholly said between the two."""
        first = bisect_left(self._starts, since_seconds)
        last = bisect_right(self._starts, until_seconds)
        return any(self._ends[place] <= until_seconds for place in range(first, last))


def _taken_away(run: Turn, others: Sequence[_Floor]) -> Iterator[Turn]:
    """A run, cut where somebody else speaks in between."""
    places = [
        place
        for place, ended, begins in _pauses(run.words)
        if begins > ended and any(floor.is_taken(ended, begins) for floor in others)
    ]
    return _cut(run, places)

"""A transcript as a model reads it: numbered lines, in parts that are not too long for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# A token of English is four letters and of Hindi about one; three is on the safe side of a call in both.
LETTERS_A_TOKEN = 3
PART_TOKENS = 6_000
# What was said just before a part, so that "yes, that one" is understood.
SHARED_LINES = 6


@dataclass(frozen=True)
class TranscriptLine:
    """One turn, redacted.

    Attributes:
        number: from 1, over the whole call.
        speaker: who said it.
        start_seconds: from the call's beginning.
        text: without anything that tells who somebody is.
    """

    number: int
    speaker: str
    start_seconds: float
    text: str

    def __str__(self) -> str:
        minutes, seconds = divmod(int(self.start_seconds), 60)
        return f"[{self.number}] {minutes:02}:{seconds:02} {self.speaker}: {self.text}"


@dataclass(frozen=True)
class Part:
    """Lines that are asked about at a time.

    Attributes:
        lines: of it.
        before: lines of the part before, to be understood by; facts are not to be taken from them.
    """

    lines: tuple[TranscriptLine, ...]
    before: tuple[TranscriptLine, ...] = ()

    def __str__(self) -> str:
        text = "\n".join(map(str, self.lines))
        if not self.before:
            return text
        return "Already read:\n" + "\n".join(map(str, self.before)) + "\n\nNow:\n" + text


def parts(lines: Sequence[TranscriptLine], *, tokens: int = PART_TOKENS) -> Iterator[Part]:
    """All lines, in order, each in one part; a call that fits is one part.

    Args:
        lines: of a call.
        tokens: of a part, at most; one line that is longer is a part of its own.
    """
    start, size = 0, 0
    for at, line in enumerate(lines):
        length = _tokens([line])
        if at > start and size + length > tokens:
            yield _part(lines, start, at)
            start, size = at, 0
        size += length
    if start < len(lines):
        yield _part(lines, start, len(lines))


def _part(lines: Sequence[TranscriptLine], start: int, end: int) -> Part:
    return Part(tuple(lines[start:end]), tuple(lines[max(0, start - SHARED_LINES) : start]))


def _tokens(lines: Iterable[TranscriptLine]) -> int:
    return sum(1 + len(str(line)) // LETTERS_A_TOKEN for line in lines)

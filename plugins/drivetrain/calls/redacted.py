"""A call without anything that tells who somebody is: its turns as they may leave the house, and what to beep."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from drivetrain.calls.pii.find import find
from drivetrain.calls.pii.redact import redact
from drivetrain.calls.spoken_numbers import read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from drivetrain.calls.pii.kinds import Finding
    from drivetrain.calls.pii.names import NameFinder
    from drivetrain.calls.spoken_numbers import Token
    from drivetrain.calls.turns import Turn
    from drivetrain.calls.words import Word

_ROOM_SECONDS = 0.1  # around a word that is beeped: recognizers begin words late and end them early


@dataclass(frozen=True)
class Beep:
    """What nobody should hear of one channel.

    Attributes:
        speaker: whose channel it is.
        start_seconds: from the call's beginning.
        end_seconds: after that.
    """

    speaker: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class RedactedCall:
    """A call as it may be stored, shown and sent.

    Attributes:
        turns: with placeholders, as [PHONE], for what was found; a turn of which nothing else is left has these alone.
        beeps: by speaker and time; none overlap.
        counts: how many were found, by kind.
    """

    turns: tuple[Turn, ...]
    beeps: tuple[Beep, ...]
    counts: Mapping[str, int]


def redact_call(turns: Sequence[Turn], names: NameFinder | None = None) -> RedactedCall:
    """Take personal data out of a call. What one asks for tells what the other's numbers are, so all of it is read.

    Args:
        turns: of the whole call, by start.
        names: what finds more names than cues do.
    """
    words = [word for turn in turns for word in turn.words]
    texts = [word.text for word in words]
    findings = find(texts, list(_tokens(turns)), names)
    redacted = redact(texts, findings)
    left = (
        _word(words[first : last + 1], text)
        for text, (first, last) in zip(redacted.words, redacted.origins, strict=True)
    )
    turn_of = [number for number, turn in enumerate(turns) for _ in turn.words]
    by_turn = groupby(
        zip(left, redacted.origins, strict=True), key=lambda one: turn_of[one[1][0]]
    )  # a placeholder that goes on into another turn is in the one where it begins
    return RedactedCall(
        turns=tuple(replace(turns[number], words=tuple(word for word, _ in of_turn)) for number, of_turn in by_turn),
        beeps=tuple(_beeps(words, findings)),
        counts=dict(sorted(Counter(str(finding.kind) for finding in findings).items())),
    )


def _tokens(turns: Sequence[Turn]) -> Iterator[Token]:
    """Numbers are read turn by turn, and counted through the call."""
    offset = 0
    for turn in turns:
        for token in read_numbers([word.text for word in turn.words]):
            yield replace(token, first=token.first + offset, last=token.last + offset)
        offset += len(turn.words)


def _word(of: Sequence[Word], text: str) -> Word:
    own = [word for word in of if word.speaker == of[0].speaker]
    return replace(
        own[0],
        text=text,
        end_seconds=max(word.end_seconds for word in own),
        probability=min(word.probability for word in own),
    )


def _beeps(words: Sequence[Word], findings: Sequence[Finding]) -> Iterator[Beep]:
    spans = sorted(
        (word.speaker, max(0.0, word.start_seconds - _ROOM_SECONDS), word.end_seconds + _ROOM_SECONDS)
        for finding in findings
        for word in words[finding.first : finding.last + 1]
    )
    for speaker, of_speaker in groupby(spans, key=lambda span: span[0]):
        start = end = -1.0
        for _, begins, ends in of_speaker:
            if begins > end:
                if end >= 0:
                    yield Beep(speaker, start, end)
                start = begins
            end = max(end, ends)
        yield Beep(speaker, start, end)

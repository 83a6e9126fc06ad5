"""Figures of a conversation: who talked how much, who waited, who interrupted.

Seconds of talk are those of turns, so that a stop for breath inside a turn is talk. Turns are clipped to the call: a
recognizer ends the last word after the recording now and then.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from drivetrain.calls.words import AGENT, CUSTOMER
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drivetrain.calls.turns import Turn
    from drivetrain.calls.words import Word

# A silence from there on is a hold: longer than people take to look something up while the other listens.
HOLD_SECONDS = 15.0
# Turns change with as much overlap all the time, and word times are no more exact than that.
INTERRUPTION_SECONDS = 0.3
_ROUNDING = 1e-6  # times are hundredths of seconds: their differences in floats must not decide

_QUESTION_MARKS = ("?", "？", "؟")
_AFTER_A_MARK = "\"'”’)]»"


class CallFiguresError(FatalError):
    """What is said of a call can't be true of any."""


@dataclass(frozen=True)
class SpeakerFigures:
    """Figures of one speaker.

    Attributes:
        talk_seconds: of all their turns, backchannels too.
        talk_ratio: their share of what all speakers talked, 0 to 1; 0 where nobody did.
        turns: without backchannels.
        backchannels: how often they told the other to go on.
        words: that begin within the call, those of backchannels too.
        words_per_minute: of their own talk; None: they did not talk.
        interruptions: turns that begin at least INTERRUPTION_SECONDS before another's turn ends, and end after it.
            Backchannels interrupt nobody, and nobody interrupts them.
        longest_monologue_seconds: the most that they talked while no one else took a turn: turns that follow each
            other, without the pauses between them; backchannels of others are no turns.
    """

    talk_seconds: float
    talk_ratio: float
    turns: int
    backchannels: int
    words: int
    words_per_minute: float | None
    interruptions: int
    longest_monologue_seconds: float


@dataclass(frozen=True)
class CallFigures:
    """Figures of a call. All talk, plus silence, less overlap, is its duration.

    Attributes:
        duration_seconds: of the recording.
        speakers: by speaker; agent and customer are there though they said nothing.
        overlap_seconds: in which more than one spoke; with three at once they count twice.
        silence_seconds: in which nobody spoke, before the first word and after the last one, too.
        longest_silence_seconds: the longest of these in one piece.
        holds: silences of HOLD_SECONDS and more.
        hold_seconds: of all holds.
        patience_seconds: the median of what the agent waited after a customer's turn before theirs, which has to be the
            next of all turns; 0 where they began before it ended. None: they never answered.
        agent_questions: words of the agent's that end in a question mark: a recognizer has to write them.
        loudness_difference_db: by how much the agent is louder than the customer, in dB; None: not known of both.
    """

    duration_seconds: float
    speakers: Mapping[str, SpeakerFigures]
    overlap_seconds: float
    silence_seconds: float
    longest_silence_seconds: float
    holds: int
    hold_seconds: float
    patience_seconds: float | None
    agent_questions: int
    loudness_difference_db: float | None


def call_figures(
    turns: Iterable[Turn],
    duration_seconds: float,
    *,
    rms: Mapping[str, float] | None = None,
    agent: str = AGENT,
    customer: str = CUSTOMER,
) -> CallFigures:
    """All figures of a call.

    Args:
        turns: in any order.
        duration_seconds: of the recording.
        rms: by speaker, the root mean square of their channel's samples, in any unit that is the same for all.
        agent: which speaker that is.
        customer: which speaker that is.

    Raises:
        CallFiguresError: the duration is no length of time.
    """
    if not (math.isfinite(duration_seconds) and duration_seconds >= 0):
        raise CallFiguresError(f"duration_seconds: {duration_seconds} is no length of a call: give seconds, 0 or more")
    ordered = sorted(turns, key=lambda turn: (turn.start_seconds, turn.end_seconds, turn.speaker))
    spans = [_clipped(turn, duration_seconds) for turn in ordered]
    taken = [span for span in spans if not span.turn.is_backchannel]
    talk = _talk(spans, (agent, customer))
    all_talk = math.fsum(talk.values())
    somebody_talks = math.fsum(end - start for start, end in _joined(spans))
    silences = _silences(spans, duration_seconds)
    holds = [silence for silence in silences if silence >= HOLD_SECONDS]
    interruptions, monologues = _interruptions(taken), _monologues(taken)
    return CallFigures(
        duration_seconds=duration_seconds,
        speakers={
            speaker: _speaker(
                [turn for turn in ordered if turn.speaker == speaker],
                duration_seconds,
                talk_seconds=seconds,
                talk_ratio=min(1.0, seconds / all_talk) if all_talk else 0.0,
                interruptions=interruptions.count(speaker),
                longest_monologue_seconds=max((span for who, span in monologues if who == speaker), default=0.0),
            )
            for speaker, seconds in talk.items()
        },
        overlap_seconds=max(0.0, all_talk - somebody_talks),
        silence_seconds=math.fsum(silences),
        longest_silence_seconds=max(silences, default=0.0),
        holds=len(holds),
        hold_seconds=math.fsum(holds),
        patience_seconds=_patience(taken, agent, customer),
        agent_questions=sum(_asks(word) for turn in ordered if turn.speaker == agent for word in turn.words),
        loudness_difference_db=_decibels((rms or {}).get(agent), (rms or {}).get(customer)),
    )


class _Span(NamedTuple):
    """When a turn is, within the call."""

    turn: Turn
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def _clipped(turn: Turn, duration_seconds: float) -> _Span:
    return _Span(turn, min(turn.start_seconds, duration_seconds), min(turn.end_seconds, duration_seconds))


def _talk(spans: Sequence[_Span], always: Sequence[str]) -> dict[str, float]:
    """Seconds in which each speaker talks; a speaker's own turns may overlap."""
    speakers = sorted({*always, *(span.turn.speaker for span in spans)})
    return {
        speaker: math.fsum(
            end - start for start, end in _joined(span for span in spans if span.turn.speaker == speaker)
        )
        for speaker in speakers
    }


def _joined(spans: Iterable[_Span]) -> list[tuple[float, float]]:
    """Stretches that don't overlap, of spans by start."""
    stretches: list[tuple[float, float]] = []
    for _, start, end in spans:
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], end))
        else:
            stretches.append((start, end))
    return stretches


def _silences(spans: Sequence[_Span], duration_seconds: float) -> list[float]:
    edges = [(0.0, 0.0), *_joined(spans), (duration_seconds, duration_seconds)]
    return [after[0] - before[1] for before, after in pairwise(edges) if after[0] > before[1]]


def _speaker(
    turns: Sequence[Turn],
    duration_seconds: float,
    *,
    talk_seconds: float,
    talk_ratio: float,
    interruptions: int,
    longest_monologue_seconds: float,
) -> SpeakerFigures:
    words = sum(word.start_seconds < duration_seconds for turn in turns for word in turn.words)
    backchannels = sum(turn.is_backchannel for turn in turns)
    return SpeakerFigures(
        talk_seconds=talk_seconds,
        talk_ratio=talk_ratio,
        turns=len(turns) - backchannels,
        backchannels=backchannels,
        words=words,
        words_per_minute=words * 60 / talk_seconds if talk_seconds else None,
        interruptions=interruptions,
        longest_monologue_seconds=longest_monologue_seconds,
    )


def _interruptions(spans: Sequence[_Span]) -> list[str]:
    """Who interrupted, once for each of their turns that did; spans by start."""
    found: list[str] = []
    going_on: list[_Span] = []
    for span in spans:
        going_on = [other for other in going_on if other.end > span.start]
        if any(
            other.turn.speaker != span.turn.speaker
            and other.start < span.start
            and other.end - span.start >= INTERRUPTION_SECONDS - _ROUNDING
            and span.end > other.end
            for other in going_on
        ):
            found.append(span.turn.speaker)
        going_on.append(span)
    return found


def _monologues(spans: Sequence[_Span]) -> list[tuple[str, float]]:
    """Who talked for how long before the turn was another's."""
    found: list[tuple[str, float]] = []
    for span in spans:
        if found and found[-1][0] == span.turn.speaker:
            found[-1] = (span.turn.speaker, found[-1][1] + span.seconds)
        else:
            found.append((span.turn.speaker, span.seconds))
    return found


def _patience(spans: Sequence[_Span], agent: str, customer: str) -> float | None:
    waits = [
        max(0.0, after.start - before.end)
        for before, after in pairwise(spans)
        if before.turn.speaker == customer and after.turn.speaker == agent
    ]
    return statistics.median(waits) if waits else None


def _asks(word: Word) -> bool:
    return word.text.rstrip(_AFTER_A_MARK).endswith(_QUESTION_MARKS)


def _decibels(agent: float | None, customer: float | None) -> float | None:
    """https://en.wikipedia.org/wiki/Decibel : a ratio of amplitudes counts 20 to the power of ten."""
    if agent is None or customer is None:
        return None
    if not all(math.isfinite(rms) and rms > 0 for rms in (agent, customer)):
        return None
    return 20 * math.log10(agent / customer)

"""A call's transcript: who said what and when, what it was made by, and what was left out of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drivetrain.calls.hallucinations import Segment, screen
from drivetrain.calls.pieces import PIECE_SECONDS, pieces
from drivetrain.calls.turns import build_turns
from drivetrain.calls.words import AGENT, CUSTOMER, read_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from drivetrain.calls.audio import CallAudio
    from drivetrain.calls.recognition import Heard, Recognizer
    from drivetrain.calls.turns import Turn

SOMEBODY = "speaker"  # of a call with one channel, as long as nobody has told its voices apart


@dataclass(frozen=True)
class Channel:
    """One channel of a call.

    Attributes:
        speaker: whose it is.
        speech: where somebody speaks in it, as (start, end) in seconds.
        rms: root mean square of its samples, 0 to 1.
        language: a code of two letters; "": nobody spoke.
        language_probability: how sure that is, 0 to 1.
    """

    speaker: str
    speech: tuple[tuple[float, float], ...]
    rms: float
    language: str
    language_probability: float


@dataclass(frozen=True)
class Transcript:
    """Of one call.

    Attributes:
        seconds: that the call took.
        turns: by start.
        channels: in the file's order.
        recognizer: what heard it.
        dropped: words that nobody said, by reason, see drivetrain.calls.hallucinations.
        rejected: what the recognizer gave that can't be a word, by reason, see drivetrain.calls.words.
    """

    seconds: float
    turns: tuple[Turn, ...]
    channels: tuple[Channel, ...]
    recognizer: str
    dropped: Mapping[str, int]
    rejected: Mapping[str, int]


def speakers_of(channels: int) -> tuple[str, ...]:
    """Whose each channel is: our telephone system records the agent first."""
    return (AGENT, CUSTOMER) if channels == 2 else (SOMEBODY,)


def transcribe(
    audio: CallAudio,
    recognizer: Recognizer,
    *,
    language: str = "",
    speakers: Sequence[str] = (),
    piece_seconds: float = PIECE_SECONDS,
    told: Callable[[float], None] | None = None,
) -> Transcript:
    """Hear a call, piece by piece.

    Args:
        audio: of the call.
        recognizer: hears it.
        language: a code of two letters; "": what is heard first in each channel.
        speakers: whose each channel is; none: see speakers_of.
        piece_seconds: of sound that are in memory at a time, at most.
        told: is called with how many seconds have been heard, after each piece.

    Raises:
        BadAudioError: the file is no call.
        RetriableError, FatalError: the recognizer's.
    """
    listeners = [_Listener(one, language) for one in speakers or speakers_of(audio.format.channels)]
    end = 0.0
    for piece in pieces(
        audio.windows(piece_seconds), longest_seconds=piece_seconds, searched_seconds=piece_seconds / 10
    ):
        for listener, samples in zip(listeners, piece.samples, strict=True):
            listener.add(recognizer.hear(samples, listener.language), piece.start_seconds)
            listener.power += float(np.dot(samples, samples))
            listener.samples += len(samples)
        end = piece.start_seconds + piece.seconds
        if told is not None:
            told(end)
    screened = [screen(one.segments, one.speech) for one in listeners]
    return Transcript(
        seconds=end,
        turns=build_turns(word for one in screened for word in one.words),
        channels=tuple(one.channel() for one in listeners),
        recognizer=recognizer.name,
        dropped=_added(one.counts for one in screened),
        rejected=_added(one.rejected for one in listeners),
    )


class _Listener:
    """What has been heard of one channel."""

    def __init__(self, speaker: str, language: str) -> None:
        self.speaker, self.language = speaker, language
        self.probability = 1.0 if language else 0.0
        self.segments: list[Segment] = []
        self.speech: list[tuple[float, float]] = []
        self.rejected: Counter[str] = Counter()
        self.power, self.samples = 0.0, 0

    def add(self, heard: Heard, start: float) -> None:
        """A piece that begins there, in seconds."""
        self.speech += [(start + begin, start + end) for begin, end in heard.speech]
        if not self.language and heard.segments:
            self.language, self.probability = heard.language, heard.language_probability
        for one in heard.segments:
            read = read_words(one.words, self.speaker)
            self.rejected.update(read.counts)
            words = [
                replace(word, start_seconds=start + word.start_seconds, end_seconds=start + word.end_seconds)
                for word in read.words
            ]
            self.segments.append(
                Segment(
                    text=one.text.strip(),
                    start_seconds=start + one.start_seconds,
                    end_seconds=start + one.end_seconds,
                    avg_logprob=one.avg_logprob,
                    no_speech_prob=one.no_speech_prob,
                    compression_ratio=one.compression_ratio,
                    words=tuple(words),
                )
            )

    def channel(self) -> Channel:
        """All that was heard."""
        rms = math.sqrt(self.power / self.samples) if self.samples else 0.0
        return Channel(self.speaker, tuple(self.speech), rms, self.language, self.probability)


def _added(counts: Iterable[Mapping[Any, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {str(reason): number for reason, number in sorted(total.items())}

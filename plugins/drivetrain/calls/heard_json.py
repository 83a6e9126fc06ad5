"""What a recognizer heard, as JSON: how it comes from another process."""

from __future__ import annotations

import json
from dataclasses import asdict

from drivetrain.calls.recognition import Heard, RawSegment
from drivetrain.calls.words import RawWord
from drivetrain.errors import RetriableError


def to_json(heard: Heard) -> bytes:
    """Numbers of numpy's become JSON's."""
    return json.dumps(asdict(heard), default=float).encode()


def from_json(data: bytes) -> Heard:
    """The other way. Words are not believed yet, see drivetrain.calls.words.

    Raises:
        RetriableError: it is not of the form: whoever wrote it is another version than this.
    """
    try:
        told = json.loads(data)
        return Heard(
            segments=tuple(_segment(one) for one in told["segments"]),
            speech=tuple((float(start), float(end)) for start, end in told["speech"]),
            language=str(told["language"]),
            language_probability=float(told["language_probability"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RetriableError(f"the recognizer's answer is not of the form that this version reads: {error!r}") from None


def _segment(told: dict[str, object]) -> RawSegment:
    words = told["words"]
    if not isinstance(words, list):
        raise TypeError("words is no list")
    numbers = ("start_seconds", "end_seconds", "avg_logprob", "no_speech_prob", "compression_ratio")
    return RawSegment(
        text=str(told["text"]),
        words=tuple(RawWord(*one) for one in words),
        **{name: _number(told[name]) for name in numbers},
    )


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r:.20} is no number")
    return float(value)

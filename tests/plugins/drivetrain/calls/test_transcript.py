"""A call heard piece by piece, by a recognizer of beeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain.calls.audio import RATE, CallAudio
from drivetrain.calls.recognition import Heard, RawSegment
from drivetrain.calls.transcript import transcribe
from drivetrain.calls.words import AGENT, CUSTOMER, RawWord
from tests.support.call_audio import tone, write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Beeps:
    """Hears each beep as a word: its hertz, rounded. It makes up a subtitle at the end of silence, as Whisper does."""

    name = "beeps 1"

    def __init__(self) -> None:
        self.languages: list[str] = []

    def hear(self, samples: NDArray[np.float32], language: str = "") -> Heard:
        self.languages.append(language)
        frames = len(samples) // 160
        loud = np.abs(samples[: frames * 160]).reshape(frames, 160).max(axis=1) > 0.05
        edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
        spans = [(int(begin) / 100, int(end) / 100) for begin, end in edges.reshape(-1, 2)]
        words = tuple(
            RawWord(f" {self._hertz(samples, *span)}", np.float32(span[0]), np.float32(span[1]), np.float64(0.9))
            for span in spans
        )
        segments = [
            RawSegment("".join(str(word.text) for word in words), 0.0, len(samples) / RATE, -0.2, 0.01, 1.0, words)
        ]
        last = len(samples) / RATE
        if spans and last - spans[-1][1] > 2:
            made_up = tuple(
                RawWord(f" {text}", last - 1.5 + at / 4, last - 1.3 + at / 4, 0.4)
                for at, text in enumerate(("Thank", "you."))
            )
            segments.append(RawSegment(" Thank you.", last - 2, last, -0.9, 0.5, 0.8, made_up))
        return Heard(tuple(segments) if words else (), tuple(spans), "en", 0.9) if spans else Heard()

    @staticmethod
    def _hertz(samples: NDArray[np.float32], begin: float, end: float) -> int:
        piece = samples[int(begin * RATE) : int(end * RATE)]
        return round(float(np.argmax(np.abs(np.fft.rfft(piece)))) * RATE / len(piece) / 100) * 100


def channel(seconds: float, *beeps: tuple[float, int]) -> NDArray[np.float32]:
    samples = np.zeros(int(seconds * 16_000), np.float32)
    for start, hertz in beeps:
        at = int(start * 16_000)
        samples[at : at + 4_800] = tone(hertz, 0.3)
    return samples


@pytest.mark.parametrize("piece_seconds", [300.0, 8.0, 5.0])
def test_a_call_is_the_same_in_whatever_pieces_it_is_heard(piece_seconds: float, tmp_path: Path) -> None:
    agent = channel(30, (1, 500), (1.5, 600), (9.7, 700), (20, 800))
    customer = channel(30, (3, 900), (3.6, 1_000), (15, 1_100))
    audio = CallAudio(write(tmp_path / "call", "mp3", [agent, customer]), "call")
    told: list[float] = []
    found = transcribe(audio, Beeps(), piece_seconds=piece_seconds, told=told.append)
    said = [(turn.speaker, turn.text, round(turn.start_seconds, 1)) for turn in found.turns]
    assert said == [
        (AGENT, "500 600", 1.0),
        (CUSTOMER, "900 1000", 3.0),
        (AGENT, "700", 9.7),
        (CUSTOMER, "1100", 15.0),
        (AGENT, "800", 20.0),
    ]
    assert found.seconds == pytest.approx(30, abs=0.2)
    assert told[-1] == found.seconds
    assert told == sorted(told)
    assert set(found.dropped) == {"phrase"}, "what nobody said is counted"
    assert found.recognizer == "beeps 1"
    first, second = found.channels
    assert (first.speaker, second.speaker) == (AGENT, CUSTOMER)
    assert len(first.speech) == 3 + (first.speech[0][1] < 1.4)
    assert first.rms > second.rms > 0


def test_times_are_pythons_own_numbers(tmp_path: Path) -> None:
    audio = CallAudio(write(tmp_path / "call", "wav", [channel(3, (1, 500))[::2]]), "call")
    (turn,) = transcribe(audio, Beeps()).turns
    for value in (turn.start_seconds, turn.end_seconds, turn.words[0].probability):
        assert type(value) is float


def test_the_language_that_is_heard_first_is_kept_for_the_rest(tmp_path: Path) -> None:
    audio = CallAudio(write(tmp_path / "call", "mp3", [channel(30, (1, 500), (12, 600), (25, 700))]), "call")
    beeps = Beeps()
    found = transcribe(audio, beeps, piece_seconds=10)
    assert beeps.languages == ["", "en", "en", "en"][: len(beeps.languages)]
    assert len(beeps.languages) >= 3
    assert (found.channels[0].language, found.channels[0].language_probability) == ("en", 0.9)
    assert found.turns[0].speaker == "speaker", "one channel tells no speakers apart"
    told = Beeps()
    transcribe(audio, told, language="hi")
    assert set(told.languages) == {"hi"}


def test_a_silent_call_has_no_turns(tmp_path: Path) -> None:
    audio = CallAudio(write(tmp_path / "call", "mulaw", [np.zeros(16_000, np.float32)] * 2), "call")
    found = transcribe(audio, Beeps())
    assert found.turns == ()
    assert found.channels[0].language == ""
    assert found.channels[0].rms == pytest.approx(0, abs=1e-3)

"""Whisper, for real, on a voice that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from drivetrain.calls.audio import RATE, CallAudio
from drivetrain.calls.transcript import transcribe
from drivetrain.calls.words import AGENT, CUSTOMER
from drivetrain.errors import FatalError
from hooks.whisper import WhisperRecognizer
from tests.support.call_audio import write
from tests.support.speech import say, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow
QUESTION = "Hello, thank you for calling. Which car would you like to sell?"
ANSWER = "It is a white hatchback, and it has run about fifty thousand kilometers."


@pytest.fixture(scope="module")
def recognizer() -> WhisperRecognizer:
    return WhisperRecognizer(tiny(), threads=1, model_name="tiny.en")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.float32]]:
    folder = tmp_path_factory.mktemp("spoken")
    texts = {AGENT: QUESTION, CUSTOMER: ANSWER}
    return {who: samples(say(text, folder / f"{who}.wav")) for who, text in texts.items()}


def samples(file: Path) -> NDArray[np.float32]:
    return np.concatenate([window.samples[0] for window in CallAudio(file, file.name).windows()])


def call(folder: Path, kind: str, agent: NDArray[np.float32], customer: NDArray[np.float32]) -> CallAudio:
    """Two channels of the same length, at 16 kHz, written at the kind's rate."""
    length = max(len(agent), len(customer))
    rate = {"mulaw": 8_000, "mp3": 16_000}[kind]
    channels = []
    for one in (agent, customer):
        frame = av.AudioFrame.from_ndarray(np.pad(one, (0, length - len(one)))[None, :], format="fltp", layout="mono")
        frame.rate = RATE
        parts = av.AudioResampler("fltp", "mono", rate).resample(frame)
        channels.append(np.concatenate([np.asarray(part.to_ndarray(), np.float32)[0] for part in parts]))
    return CallAudio(write(folder / "call", kind, channels), "call")


def test_a_telephone_call_is_written_down_by_speaker_and_time(
    recognizer: WhisperRecognizer, spoken: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    pause = np.zeros(RATE, np.float32)
    agent, customer = spoken[AGENT], spoken[CUSTOMER]
    answered_at = len(agent) + RATE
    audio = call(tmp_path, "mulaw", agent, np.concatenate([np.zeros(answered_at, np.float32), customer, pause]))
    found = transcribe(audio, recognizer, language="en")
    assert [turn.speaker for turn in found.turns] == [AGENT, CUSTOMER]
    question, answer = found.turns
    assert "which car would you like to sell" in question.text.lower()
    assert "white hatchback" in answer.text
    assert "50,000" in answer.text or "fifty thousand" in answer.text
    assert answer.start_seconds == pytest.approx(answered_at / RATE, abs=0.3)
    assert found.recognizer == "faster-whisper 1.2.1 tiny.en"
    assert all(0 <= word.probability <= 1 for turn in found.turns for word in turn.words)


def test_nobody_says_anything_on_silence_noise_and_hold_music(recognizer: WhisperRecognizer, tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    seconds = np.arange(20 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (262, 330, 392)) * (0.1 + 0.05 * np.sin(seconds))
    noise = draw.normal(scale=0.01, size=len(seconds))
    audio = call(tmp_path, "mp3", chord.astype(np.float32), noise.astype(np.float32))
    found = transcribe(audio, recognizer, language="en")
    assert found.turns == ()


def test_a_folder_without_a_model_is_told_by_what_it_has_not(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"has no config\.json, model\.bin, tokenizer\.json: it is no Whisper model"):
        WhisperRecognizer(tmp_path)

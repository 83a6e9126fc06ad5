"""A call's audio that may be kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain.calls import beeped
from drivetrain.calls.audio import RATE, CallAudio
from drivetrain.calls.beeped import write_beeped
from drivetrain.calls.redacted import Beep
from drivetrain.calls.words import AGENT, CUSTOMER
from tests.support.call_audio import tone, write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VOICES = {AGENT: 300, CUSTOMER: 500}
BEEP = 1_000


def strength(samples: NDArray[np.float32], hertz: int) -> float:
    """Of one frequency among all, 0 to 1."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = round(hertz * len(samples) / RATE)
    return float(power[max(0, at - 3) : at + 4].sum() / max(power.sum(), 1e-9))


@pytest.mark.parametrize("window_seconds", [60.0, 0.7])
def test_the_voice_is_gone_where_it_is_beeped_and_in_that_channel_alone(
    window_seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beeped, "_WINDOW_SECONDS", window_seconds)
    audio = CallAudio(write(tmp_path / "call", "mp3", [tone(hertz, 6) for hertz in VOICES.values()]), "call")
    file = io.BytesIO()
    write_beeped(audio, [Beep(CUSTOMER, 2.0, 3.5), Beep(AGENT, 5.5, 9.0)], (AGENT, CUSTOMER), file)
    copied = CallAudio(file, "copy")
    (window,) = copied.windows()
    assert copied.format.codec in ("opus", "libopus")
    assert window.seconds == pytest.approx(6, abs=0.1)
    agent, customer = window.samples

    def between(channel: NDArray[np.float32], begin: float, end: float) -> NDArray[np.float32]:
        return channel[int(begin * RATE) : int(end * RATE)]

    covered = between(customer, 2.1, 3.4)
    assert strength(covered, BEEP) > 0.95
    assert strength(covered, VOICES[CUSTOMER]) < 0.01
    for channel, voice, begin, end in (
        (agent, VOICES[AGENT], 2.1, 3.4),
        (customer, VOICES[CUSTOMER], 0.5, 1.8),
        (customer, VOICES[CUSTOMER], 3.7, 5.5),
    ):
        assert strength(between(channel, begin, end), voice) > 0.95
    assert strength(between(agent, 5.6, 5.9), BEEP) > 0.9


def test_a_call_with_one_channel_and_nothing_to_hide_is_copied(tmp_path: Path) -> None:
    audio = CallAudio(write(tmp_path / "call", "mulaw", [tone(400, 2, 8_000)]), "call")
    file = io.BytesIO()
    write_beeped(audio, [], ("speaker",), file)
    (window,) = CallAudio(file, "copy").windows()
    assert window.samples.shape[0] == 1
    assert strength(window.samples[0, RATE // 2 : RATE], 400) > 0.9

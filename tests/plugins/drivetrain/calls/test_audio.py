"""Audio files of calls, of every kind and broken in every way."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from drivetrain.calls.audio import RATE, BadAudioError, CallAudio
from tests.support.call_audio import KINDS, tone, write, write_gsm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def loudest(samples: NDArray[np.float32]) -> float:
    """Hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


def all_of(audio: CallAudio, seconds: float = 600.0) -> NDArray[np.float32]:
    return np.concatenate([window.samples for window in audio.windows(seconds)], axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_gives_both_channels_at_16_khz(kind: str, tmp_path: Path) -> None:
    rate = KINDS[kind][3]
    file = write(tmp_path / "call", kind, [tone(440, 3, rate), tone(1_000, 3, rate)])
    audio = CallAudio(file, "call")
    samples = all_of(audio)
    assert audio.format.channels == 2
    assert samples.dtype == np.float32
    assert samples.shape[1] == pytest.approx(3 * RATE, abs=0.1 * RATE)
    assert loudest(samples[0]) == pytest.approx(440, abs=5)
    assert loudest(samples[1]) == pytest.approx(1_000, abs=5)
    assert np.abs(samples[0, RATE : 2 * RATE]).max() == pytest.approx(0.5, abs=0.05)


def test_gsm_in_a_wav_is_read(tmp_path: Path) -> None:
    audio = CallAudio(write_gsm(tmp_path / "call", 2), "call")
    assert (audio.format.codec, audio.format.channels, audio.format.rate) == ("gsm_ms", 1, 8_000)
    assert all_of(audio).shape == (1, 2 * RATE)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 0.7, 10.0])
def test_windows_are_all_of_it_in_order_and_nothing_twice(seconds: float, tmp_path: Path) -> None:
    audio = CallAudio(write(tmp_path / "call", "wav", [tone(440, 3.3, 8_000), tone(880, 3.3, 8_000)]), "call")
    windows = list(audio.windows(seconds))
    at = 0.0
    for window in windows:
        assert window.start_seconds == pytest.approx(at)
        at += window.seconds
    assert all(window.seconds == pytest.approx(seconds) for window in windows[:-1])
    assert np.array_equal(np.concatenate([window.samples for window in windows], axis=1), all_of(audio))


def test_an_open_file_is_read_as_a_path_is(tmp_path: Path) -> None:
    file = write(tmp_path / "call", "mulaw", [tone(440, 1, 8_000)])
    opened = CallAudio(io.BytesIO(file.read_bytes()), "call")
    assert np.array_equal(all_of(opened), all_of(CallAudio(file, "call")))
    assert np.array_equal(all_of(opened), all_of(opened)), "it may be read again"


def reason_of(source: Path, name: str = "bucket/call.wav") -> tuple[str, str]:
    with pytest.raises(BadAudioError) as caught:
        all_of(CallAudio(source, name))
    assert str(caught.value).startswith(f"{name}: ")
    return caught.value.reason, str(caught.value)


def test_what_is_no_call_says_why(tmp_path: Path) -> None:
    text, nothing, picture = tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.mp4"
    text.write_text("<html>access denied</html>")
    nothing.write_bytes(b"")
    with av.open(str(picture), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert reason_of(text)[0] == "unreadable"
    assert reason_of(nothing)[0] == "unreadable"
    assert reason_of(picture)[0] == "no_audio"
    assert reason_of(write(tmp_path / "d", "wav", [tone(440, 0.05, 8_000)]))[0] == "empty"
    assert reason_of(write(tmp_path / "e", "wav", [tone(440, 1, 8_000)] * 6)) == (
        "channels",
        "bucket/call.wav: has 6 channels: a call has one or two",
    )


@pytest.mark.parametrize("kind", ["wav", "mulaw", "mp3", "m4a"])
def test_a_file_that_was_cut_off_on_its_way_is_no_shorter_call(kind: str, tmp_path: Path) -> None:
    rate = KINDS[kind][3]
    whole = write(tmp_path / "call", kind, [tone(440, 20, rate)])
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    reason, _ = reason_of(cut)
    assert reason in ("cut_off", "unreadable")


def test_a_call_longer_than_four_hours_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "call", "mulaw", [tone(440, 1, 8_000)])
    data = bytearray(file.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = (5 * 3_600 * 8_000).to_bytes(4, "little")
    data[4:8] = (5 * 3_600 * 8_000 + at).to_bytes(4, "little")
    long = tmp_path / "long.wav"
    with long.open("wb") as out:  # a hole in the file takes no room
        out.write(data)
        out.truncate(at + 4 + 5 * 3_600 * 8_000)
    reason, message = reason_of(long)
    assert reason == "too_long"
    assert "has 5.0 h: a call has 4 h at most" in message


def test_noise_in_the_middle_of_a_file_costs_no_more_than_itself(tmp_path: Path) -> None:
    file = write(tmp_path / "call", "mp3", [tone(440, 20, 16_000)])
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(7).integers(0, 256, 400, dtype=np.uint8).tobytes()
    file.write_bytes(data)
    samples = all_of(CallAudio(file, "call"))
    assert samples.shape[1] > 0.95 * 20 * RATE

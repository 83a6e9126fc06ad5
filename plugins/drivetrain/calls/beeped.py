"""A copy of a call's audio that may be kept and played: a tone where somebody said what nobody else should hear."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, cast

import av
import numpy as np

from drivetrain.calls.audio import RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.audio.stream import AudioStream
    from numpy.typing import NDArray

    from drivetrain.calls.audio import CallAudio
    from drivetrain.calls.redacted import Beep

# What browsers play and speech needs: https://datatracker.ietf.org/doc/html/rfc7587#section-3.1
_CODEC, _BITS_A_SECOND = "libopus", 24_000
_HERTZ, _LOUDNESS = 1_000, 0.1
_WINDOW_SECONDS = 60.0


def write_beeped(audio: CallAudio, beeps: Sequence[Beep], speakers: Sequence[str], file: IO[bytes]) -> None:
    """Write it as ogg with Opus at 16 kHz, a minute at a time.

    Args:
        audio: of the call.
        beeps: what is not to be heard, each in its speaker's channel.
        speakers: whose each channel is.
        file: to write to.

    Raises:
        BadAudioError: the call can't be read to its end; what was written is of no use.
    """
    of_channels = [[beep for beep in beeps if beep.speaker == speaker] for speaker in speakers]
    layout = "stereo" if audio.format.channels == 2 else "mono"
    with av.open(file, "w", format="ogg") as container:
        stream = cast("AudioStream", container.add_stream(_CODEC, rate=RATE, layout=layout, format="flt"))
        stream.bit_rate = _BITS_A_SECOND * audio.format.channels
        resampler = av.AudioResampler("flt", layout, RATE, frame_size=stream.codec_context.frame_size)
        for window in audio.windows(_WINDOW_SECONDS):
            samples = window.samples.copy()
            for channel, of_channel in zip(samples, of_channels, strict=True):
                for beep in of_channel:
                    _cover(channel, window.start_seconds, beep)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.rate = RATE
            for one in resampler.resample(frame):
                container.mux(stream.encode(one))
        for one in resampler.resample(None):
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))


def _cover(samples: NDArray[np.float32], start_seconds: float, beep: Beep) -> None:
    """A tone instead of what is in a window of a channel. It goes on from window to window."""
    first = max(0, int((beep.start_seconds - start_seconds) * RATE))
    last = min(len(samples), int(np.ceil((beep.end_seconds - start_seconds) * RATE)))
    if first < last:
        at = np.arange(first, last) + round(start_seconds * RATE)
        samples[first:last] = _LOUDNESS * np.sin(2 * np.pi * _HERTZ / RATE * at)

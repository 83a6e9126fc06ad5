"""Audio files of every kind that telephone systems write, made on the spot."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# By name: (suffix, codec, sample format, the rate that telephone systems use with it).
KINDS = {
    "wav": ("wav", "pcm_s16le", "s16", 8_000),
    "mulaw": ("wav", "pcm_mulaw", "s16", 8_000),
    "alaw": ("wav", "pcm_alaw", "s16", 8_000),
    "mp3": ("mp3", "libmp3lame", "s16p", 16_000),
    "ogg": ("ogg", "libopus", "flt", 48_000),
    "m4a": ("m4a", "aac", "fltp", 44_100),
}


def tone(hertz: float, seconds: float, rate: int = 16_000, loudness: float = 0.5) -> NDArray[np.float32]:
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, kind: str, channels: list[NDArray[np.float32]]) -> Path:
    """Channels as tones at the kind's rate; gives the file with the kind's suffix."""
    suffix, codec, form, rate = KINDS[kind]
    file = path.with_suffix(f".{suffix}")
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    samples = np.stack(channels)
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, format=form)
        resampler = av.AudioResampler(form, layout, rate, frame_size=stream.codec_context.frame_size or 1_024)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.rate = rate
        for one in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))
    return file


def write_gsm(path: Path, seconds: float) -> Path:
    """GSM 6.10 in a wav, as Microsoft has it: 65 bytes for 320 samples. No encoder is to be had, so it is noise.

    https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-gsm610waveformat
    """
    blocks = int(seconds * 8_000 / 320)
    data = np.random.default_rng(7).integers(0, 256, blocks * 65, dtype=np.uint8).tobytes()
    form = struct.pack("<HHIIHHHH", 0x31, 1, 8_000, 1_625, 65, 0, 2, 320)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    file = path.with_suffix(".wav")
    file.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return file

"""Audio files of calls, read a window at a time: whatever the telephone system wrote, as numbers at 16 kHz.

Everything that ffmpeg's libraries read can be read (https://pyav.basswood-io.com): wav with PCM, A-law, mu-law and GSM,
mp3, ogg, m4a. A four-hour call is a gigabyte once it is numbers, so nobody ever has all of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import av
import numpy as np
from av.error import FFmpegError

from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

RATE = 16_000  # samples a second: what Whisper takes
LONGEST_SECONDS = 4 * 3_600.0
_SHORTEST_SECONDS = 0.1
_LEAST_READ = 0.95  # of what the file says it has; below, it was cut off on its way


class BadAudioError(FatalError):
    """A file is no call that anybody could listen to; no retry will make it one.

    Attributes:
        reason: a word for it: unreadable, empty, no_audio, channels, too_long, cut_off.
    """

    def __init__(self, name: str, reason: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.reason = reason


@dataclass(frozen=True)
class AudioFormat:
    """What a file says of itself.

    Attributes:
        codec: ffmpeg's name of it, as pcm_mulaw.
        channels: 1 or 2.
        rate: samples a second.
        seconds: None: the file does not say.
    """

    codec: str
    channels: int
    rate: int
    seconds: float | None


@dataclass(frozen=True)
class Window:
    """A piece of a call.

    Attributes:
        start_seconds: from the call's beginning.
        samples: float32 from -1 to 1, a row a channel, at RATE.
    """

    start_seconds: float
    samples: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.samples.shape[1] / RATE)


class CallAudio:
    """One file. It may be read more than once.

    Args:
        source: a path, or an open file that can be sought in.
        name: what errors call it.

    Raises:
        BadAudioError: it can't be read, or is not a call.
    """

    def __init__(self, source: Path | IO[bytes], name: str) -> None:
        self._source, self._name = source, name
        with self._opened() as (container, stream):
            self.format = AudioFormat(
                codec=stream.codec_context.name,
                channels=stream.channels,
                rate=stream.rate,
                seconds=_declared(container, stream),
            )
        if self.format.channels not in (1, 2):
            raise self._bad("channels", f"has {self.format.channels} channels: a call has one or two")
        if (self.format.seconds or 0) > LONGEST_SECONDS:
            raise self._too_long(self.format.seconds or 0)
        self._check_size()

    def windows(self, seconds: float = 600.0) -> Iterator[Window]:
        """All of it, in order, nothing twice. The last window is as long as what is left.

        Args:
            seconds: of a window. Ten minutes of two channels take 77 MB.

        Raises:
            BadAudioError: it ends before it should, is empty, or is longer than four hours.
        """
        size, start, count = round(seconds * RATE), 0, 0
        waiting: list[NDArray[np.float32]] = []
        with self._opened() as (container, stream):
            for samples in self._samples(container, stream):
                waiting.append(samples)
                count += samples.shape[1]
                while count >= size:
                    joined = np.concatenate(waiting, axis=1)
                    yield Window(start / RATE, joined[:, :size])
                    waiting = [joined[:, size:].copy()]  # else the window stays in memory with it
                    start, count = start + size, count - size
                if start + count > LONGEST_SECONDS * RATE:
                    raise self._too_long((start + count) / RATE)
        self._check_length((start + count) / RATE)
        if count:
            yield Window(start / RATE, np.concatenate(waiting, axis=1))

    def _samples(self, container: InputContainer, stream: AudioStream) -> Iterator[NDArray[np.float32]]:
        resampler = av.AudioResampler("fltp", stream.layout, RATE)
        frames = self._frames(container, stream)
        for frame in frames:
            yield from (_numbers(one) for one in resampler.resample(frame))
        yield from (_numbers(one) for one in resampler.resample(None))

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        """What can be decoded. A packet that can't is left out, as a telephone would; how much is missing shows."""
        packets = container.demux(stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return
            except FFmpegError:
                continue
            yield from frames

    def _check_length(self, seconds: float) -> None:
        if seconds < _SHORTEST_SECONDS:
            raise self._bad("empty", f"has {seconds:.2f} s of sound")
        declared = self.format.seconds
        if declared and seconds < _LEAST_READ * declared:
            raise self._bad("cut_off", f"says that it has {declared:.1f} s, and {seconds:.1f} s could be read")

    def _check_size(self) -> None:
        """A wav with PCM: ffmpeg takes what is there for all of it; its header says how much there was.

        https://learn.microsoft.com/windows/win32/xaudio2/resource-interchange-file-format--riff-
        """
        with self._bytes() as file:
            head = file.read(8)
            size = file.seek(0, 2)
        declared = int.from_bytes(head[4:8], "little") + 8
        # Whoever writes while a call goes on does not know yet.
        is_known = head[:4] == b"RIFF" and 8 < declared < 2**32
        if is_known and size < _LEAST_READ * declared:
            raise self._bad("cut_off", f"says that it has {declared:,} bytes, and has {size:,}")

    @contextmanager
    def _bytes(self) -> Iterator[IO[bytes]]:
        if isinstance(self._source, Path):
            with self._source.open("rb") as file:
                yield file
        else:
            self._source.seek(0)
            yield self._source

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, AudioStream]]:
        with self._bytes() as file:
            try:
                container = av.open(file, "r", metadata_errors="replace")
            except (FFmpegError, ValueError) as error:
                raise self._bad("unreadable", f"is no audio file that can be read: {error}") from None
            with container:
                if not container.streams.audio:
                    raise self._bad("no_audio", "has no sound in it")
                yield container, container.streams.audio[0]

    def _bad(self, reason: str, message: str) -> BadAudioError:
        return BadAudioError(self._name, reason, message)

    def _too_long(self, seconds: float) -> BadAudioError:
        return self._bad("too_long", f"has {seconds / 3_600:.1f} h: a call has {LONGEST_SECONDS / 3_600:.0f} h at most")


def _numbers(frame: AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray(), np.float32)


def _declared(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None

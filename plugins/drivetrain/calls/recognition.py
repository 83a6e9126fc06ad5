"""What turns sound into words, behind one port: Whisper in this process, the same on a Triton server, another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from drivetrain.calls.words import RawWord


@dataclass(frozen=True)
class RawSegment:
    """A segment as a recognizer gives it; its words are not believed yet.

    Attributes:
        text: of the segment.
        start_seconds: from the beginning of the samples.
        end_seconds: from there, too.
        avg_logprob: mean log probability of its tokens.
        no_speech_prob: how likely it is silence, 0 to 1.
        compression_ratio: bytes of the text by those of it compressed.
        words: in their order.
    """

    text: str
    start_seconds: float
    end_seconds: float
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    words: tuple[RawWord, ...]


@dataclass(frozen=True)
class Heard:
    """What is in some samples of one channel.

    Attributes:
        segments: in their order.
        speech: where a voice activity detector heard some, as (start, end) in seconds.
        language: a code of two letters, as en; "": nobody spoke.
        language_probability: how sure that is, 0 to 1.
    """

    segments: tuple[RawSegment, ...] = ()
    speech: tuple[tuple[float, float], ...] = ()
    language: str = ""
    language_probability: float = 0.0


class Recognizer(Protocol):
    """Hears one channel's samples at a time. It keeps nothing between them."""

    @property
    def name(self) -> str:
        """Of the model with its version: what a transcript was made by."""

    def hear(self, samples: NDArray[np.float32], language: str = "") -> Heard:
        """Words with times.

        Args:
            samples: of one channel, float32 from -1 to 1 at drivetrain.calls.audio.RATE.
            language: a code of two letters; "": it is found out.

        Raises:
            RetriableError: it may do better later.
            FatalError: it won't.
        """

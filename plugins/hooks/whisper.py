"""Whisper in this process, by faster-whisper: what hears calls where no model server is at hand."""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drivetrain.calls.audio import RATE
from drivetrain.calls.recognition import Heard, RawSegment
from drivetrain.calls.words import RawWord
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faster_whisper import WhisperModel
    from numpy.typing import NDArray

_NEEDED = ("config.json", "model.bin", "tokenizer.json")
# A pause of half a second ends a stretch of speech: turns are built of words, so that shorter stretches do no harm,
# and less silence is heard. https://github.com/snakers4/silero-vad
_VAD = {"min_silence_duration_ms": 500, "speech_pad_ms": 200}


class WhisperRecognizer:
    """See drivetrain.calls.recognition.Recognizer. The model is loaded with the first call.

    Args:
        model: a folder with a model of CTranslate2's form; nothing is downloaded.
        threads: of the processor; 0: as many as there are.
        beam_size: how many texts are weighed against each other.
        model_name: in a transcript; "": the folder's.
    """

    def __init__(self, model: Path, *, threads: int = 0, beam_size: int = 5, model_name: str = "") -> None:
        self._folder, self._threads, self._beam_size = model, threads, beam_size
        self._model_name = model_name or model.name
        if missing := [name for name in _NEEDED if not (model / name).exists()]:
            raise FatalError(f"{model}: has no {', '.join(missing)}: it is no Whisper model of CTranslate2's form")

    @property
    def name(self) -> str:
        """The library with its version, and the model."""
        import faster_whisper

        return f"faster-whisper {faster_whisper.__version__} {self._model_name}"

    def hear(self, samples: NDArray[np.float32], language: str = "") -> Heard:
        """Words with times; silence and hold music are never given to the model."""
        speech = self._speech(samples)
        if not speech:
            return Heard()
        segments, info = self._model.transcribe(
            samples,
            language=language or None,
            beam_size=self._beam_size,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters=_VAD,
            # A mistake would be carried on from window to window, and a call has no style that is worth it.
            condition_on_previous_text=False,
        )
        return Heard(
            segments=tuple(_segment(one) for one in segments),
            speech=speech,
            language=str(info.language),
            language_probability=float(info.language_probability),
        )

    def _speech(self, samples: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        found = get_speech_timestamps(samples, VadOptions(**_VAD))
        return tuple((one["start"] / RATE, one["end"] / RATE) for one in found)

    @cached_property
    def _model(self) -> WhisperModel:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the folder has all
        logging.getLogger("faster_whisper").setLevel(logging.WARNING)  # it tells of each piece how long it is
        from faster_whisper import WhisperModel

        return WhisperModel(str(self._folder), device="cpu", compute_type="int8", cpu_threads=self._threads)


def _segment(one: Any) -> RawSegment:
    return RawSegment(
        text=one.text,
        start_seconds=float(one.start),
        end_seconds=float(one.end),
        avg_logprob=float(one.avg_logprob),
        no_speech_prob=float(one.no_speech_prob),
        compression_ratio=float(one.compression_ratio),
        words=_words(one.words or ()),
    )


def _words(words: Iterable[Any]) -> tuple[RawWord, ...]:
    """Whisper parts "45,000" in two: what begins without a blank belongs to what stands before it."""
    found: list[RawWord] = []
    for one in words:
        if found and not one.word.startswith(" "):
            before = found.pop()
            probability = min(before.probability, one.probability)
            found.append(RawWord(f"{before.text}{one.word}", before.start_seconds, one.end, probability))
        else:
            found.append(RawWord(one.word, one.start, one.end, one.probability))
    return tuple(found)

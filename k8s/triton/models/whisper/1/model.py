"""Whisper as a model of Triton's Python backend.

The server's Python has faster-whisper, and this repository's package without its dependencies. Settings are in its
environment: WHISPER_MODEL, a folder with a model of CTranslate2's form; WHISPER_MODEL_NAME, what transcripts call it;
WHISPER_THREADS, of the processor.
"""

import os
from pathlib import Path

import numpy as np
import triton_python_backend_utils as pb_utils

from drivetrain.calls.heard_json import to_json
from hooks.whisper import WhisperRecognizer


class TritonPythonModel:
    def initialize(self, args):
        self._recognizer = WhisperRecognizer(
            Path(os.environ["WHISPER_MODEL"]),
            threads=int(os.environ.get("WHISPER_THREADS", "1")),
            model_name=os.environ.get("WHISPER_MODEL_NAME", ""),
        )

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        samples = pb_utils.get_input_tensor_by_name(request, "samples").as_numpy()
        language = pb_utils.get_input_tensor_by_name(request, "language").as_numpy()[0].decode()
        heard = self._recognizer.hear(samples, language)
        told = {"heard": to_json(heard), "recognizer": self._recognizer.name.encode()}
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, np.array([value], np.object_)) for name, value in told.items()]
        )

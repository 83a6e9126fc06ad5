"""Whisper on a model server, where there are machines for it. The model is in k8s/triton/models/whisper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drivetrain.calls.heard_json import from_json
from drivetrain_triton import TritonError
from hooks.triton_errors import told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drivetrain.calls.recognition import Heard
    from drivetrain_triton import TritonClient


class TritonRecognizer:
    """See drivetrain.calls.recognition.Recognizer.

    Args:
        client: of servers that have the model. Its time for a call has to be enough for the longest piece.
        model: its name there.
        shared_memory: the server is on this machine, see the SDK.
    """

    def __init__(self, client: TritonClient, *, model: str = "whisper", shared_memory: bool = False) -> None:
        # It keeps nothing of a call, so that a lost answer may be asked for again.
        self._model = client.model(model, may_run_twice=True, shared_memory=shared_memory)
        self._name = ""

    @property
    def name(self) -> str:
        """As the server tells it with each answer; it has to have answered once."""
        return self._name or f"triton {self._model.name}"

    def hear(self, samples: NDArray[np.float32], language: str = "") -> Heard:
        """Words with times.

        Raises:
            RetriableError: it may do better later.
            FatalError: it won't.
        """
        try:
            answer = self._model.infer({"samples": np.ascontiguousarray(samples), "language": [language]})
        except TritonError as error:
            raise told(error) from error
        self._name = answer["recognizer"][0].decode()
        return from_json(answer["heard"][0])

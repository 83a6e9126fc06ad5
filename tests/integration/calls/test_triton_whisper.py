"""Whisper on a real Triton hears what it hears in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain.calls.audio import CallAudio
from drivetrain.calls.transcript import transcribe
from drivetrain.errors import RetriableError
from drivetrain_triton import TritonClient
from hooks.triton_recognizer import TritonRecognizer
from hooks.whisper import WhisperRecognizer
from tests.support.speech import say, tiny
from tests.support.triton.real_triton import RealTriton

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server() -> Iterator[RealTriton]:
    settings = {"WHISPER_MODEL": str(tiny()), "WHISPER_MODEL_NAME": "tiny.en"}
    with RealTriton(ROOT / "k8s" / "triton" / "models", settings) as running:
        yield running


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> CallAudio:
    text = "The engine is fine. I would like to have four hundred thousand rupees for it."
    return CallAudio(say(text, tmp_path_factory.mktemp("spoken") / "call.wav"), "call")


@pytest.mark.parametrize("shared_memory", [False, True])
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_both_hear_the_same(server: RealTriton, spoken: CallAudio, scheme: str, shared_memory: bool) -> None:
    here = transcribe(spoken, WhisperRecognizer(tiny(), threads=1, model_name="tiny.en"), language="en")
    url = server.http_url if scheme == "http" else server.grpc_url
    with TritonClient(url, timeout_seconds=60) as client:
        there = transcribe(spoken, TritonRecognizer(client, shared_memory=shared_memory), language="en")
    assert "engine is fine" in there.turns[0].text
    assert there == here, "to the last digit of each time, and by the same name"


def test_a_server_that_is_away_is_told_as_something_that_may_do_better_later() -> None:
    with (
        TritonClient("http://127.0.0.1:9", timeout_seconds=1) as client,
        pytest.raises(RetriableError, match=r"reached|refused"),
    ):
        TritonRecognizer(client).hear(np.zeros(16_000, np.float32))

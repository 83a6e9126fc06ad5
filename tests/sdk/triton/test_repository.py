"""What servers could load, loading and unloading."""

from __future__ import annotations

import pytest

from drivetrain_triton import errors
from drivetrain_triton.testing import FakeServer
from tests.sdk.triton.conftest import MODELS, asker

CAR = {"car": [[1, 1, 1]]}


def test_models_are_listed_with_why_they_are_not_ready_and_come_back_when_they_are_loaded(kind: str) -> None:
    with FakeServer(*MODELS) as one, FakeServer(*MODELS) as another:
        client = asker(kind, one, another)
        assert {each.name: each.is_ready for each in client.do("models")} == dict.fromkeys(
            ("echo", "price", "one"), True
        )
        client.do("unload", "price")
        for url in client.urls:
            alone = asker(kind)
            alone.urls = (url,)
            (found,) = [each for each in alone.do("models") if each.name == "price"]
            assert (found.is_ready, found.reason) == (False, "unloaded")
        assert set(client.ready("price").values()) == {False}
        with pytest.raises(errors.ModelNotFoundError):
            client.infer("price", CAR)
        client.do("load", "price")
        assert set(client.ready("price").values()) == {True}
        assert client.infer("price", CAR)["price"].tolist() == [[3.0]]


def test_a_model_that_there_is_not_can_t_be_loaded(kind: str, server: FakeServer) -> None:
    with pytest.raises(errors.ServerError, match="failed to load 'nope', failed to poll from model repository"):
        asker(kind, server).do("load", "nope")

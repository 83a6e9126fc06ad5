"""What all four clients do with a real KServe server, which speaks the v2 protocol without Triton's additions.

The models are in tests/support/triton/kserve_process.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain_triton import errors
from tests.sdk.triton.conftest import Asker, asker
from tests.support.triton.kserve_server import KServeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CAR = {"car": np.ones((1, 3), np.float32)}


@pytest.fixture(scope="module")
def kserve() -> Iterator[KServeServer]:
    with KServeServer() as running:
        yield running


@pytest.fixture
def real(kind: str, kserve: KServeServer) -> Asker:
    return asker(kind, kserve)


def test_numbers_and_texts_come_back(real: Asker) -> None:
    rows = np.arange(18, dtype=np.float32).reshape(6, 3)
    answer = real.infer("price", {"car": rows}, request_id="a")
    assert answer["price"].dtype == np.float32
    assert answer["price"].ravel().tolist() == rows.sum(axis=1).tolist()
    assert answer["rows"].dtype == np.int64
    assert answer["rows"].ravel().tolist() == [6] * 6, "in one request: the server does not say what it takes at most"
    assert (answer.model, answer.id) == ("price", "a")
    assert real.infer("shout", {"text": ["pune", "é"]})["loud"].tolist() == [b"PUNE", "É".encode()]


def test_a_server_without_versions_tells_none(real: Asker) -> None:
    assert real.signature("price").versions == ()
    assert real.infer("price", CAR).version == ""


def test_the_server_says_what_its_models_take(real: Asker) -> None:
    price = real.signature("price")
    assert [str(one) for one in price.inputs.values()] == ["car FP32[any, 3]"]
    assert [str(one) for one in price.outputs.values()] == ["price FP32[any, 1]", "rows INT64[any, 1]"]
    assert (price.max_batch_size, price.is_decoupled) == (0, False)


def test_the_outputs_that_are_asked_for_come(kind: str, real: Asker) -> None:
    found = real.infer("price", CAR, outputs=["rows"]).outputs
    assert set(found) == ({"rows"} if kind.startswith("http") else {"rows", "price"}), "by gRPC it always sends all"


def test_what_the_model_does_not_take_is_told_before_anything_is_sent(real: Asker) -> None:
    with pytest.raises(errors.InputError, match=r"input car FP32\[any, 3\]: the value's shape is \[1, 2\]"):
        real.infer("price", {"car": np.ones((1, 2), np.float32)})


def test_what_is_ready_is_told_and_what_is_not(real: Asker) -> None:
    (url,) = real.urls
    assert real.ready() == {url: True}
    assert real.ready("price") == {url: True}
    assert real.ready("nope") == {url: False}


def test_a_model_that_is_not_there_is_told_by_name(real: Asker) -> None:
    with pytest.raises(errors.ModelNotFoundError, match="Model with name nope does not exist"):
        real.infer("nope", {})


def test_a_model_that_fails_is_not_asked_again(real: Asker) -> None:
    with pytest.raises(errors.ServerError) as caught:
        real.infer("fails", {"any": [1]})
    assert type(caught.value) is errors.ServerError
    assert not caught.value.may_do_better


def test_what_the_server_has_not_is_not_found(kind: str, real: Asker) -> None:
    with pytest.raises(errors.ModelNotFoundError):
        real.do("models")
    if kind.startswith("http"):  # by gRPC it does not look at versions
        with pytest.raises(errors.ModelNotFoundError, match="versioning not supported"):
            real.signature("price", "7")


@pytest.mark.slow
def test_a_server_that_is_killed_can_t_be_reached(kind: str) -> None:
    with KServeServer() as dies:
        client = asker(kind, dies)
        assert client.infer("price", CAR)["price"].tolist() == [[3.0]]
        dies.kill()
        with pytest.raises(errors.UnreachableError):
            client.infer("price", CAR)

"""Values on a command line, and values that are drawn."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drivetrain_triton.tensors import BYTES, DTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drivetrain_triton.signature import Signature
    from drivetrain_triton.tensors import TensorSpec


class WrongValueError(ValueError):
    """What was given is no value."""


def given(text: str) -> tuple[str, Any]:
    """An input of the form name=JSON, or name=@file.

    Raises:
        WrongValueError: it is neither.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise WrongValueError(f"--input {text!r}: is not name=JSON or name=@file")
    try:
        if not value.startswith("@"):
            return name, json.loads(value)
        file = Path(value[1:])
        return name, np.load(file, allow_pickle=False) if file.suffix == ".npy" else json.loads(file.read_text())
    except OSError as error:
        raise WrongValueError(f"--input {name}: {value[1:]}: {error.strerror}") from None
    except ValueError as error:
        raise WrongValueError(f"--input {name}: {error}") from None


def as_json(value: NDArray[Any]) -> Any:
    """An output; bytes that are no text as base64."""
    if value.dtype == object:
        flat = np.empty(value.size, object)
        flat[:] = [_text(one) for one in value.ravel()]
        return flat.reshape(value.shape).tolist()
    return value.astype(np.float32).tolist() if value.dtype == DTYPES["BF16"] else value.tolist()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


def drawn(signature: Signature, rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Values for all inputs that have to be given; dimensions without a size have so many."""
    draw = np.random.default_rng(seed)
    return {one.name: _drawn(one, rows, draw) for one in signature.inputs.values() if not one.is_optional}


def _drawn(spec: TensorSpec, rows: int, draw: np.random.Generator) -> NDArray[Any]:
    shape = tuple(rows if size < 0 else size for size in spec.shape)
    if spec.datatype == BYTES:
        return np.full(shape, b"text", object)
    dtype = DTYPES[spec.datatype]
    return draw.integers(0, 2, shape).astype(dtype) if dtype.kind in "iub" else draw.random(shape).astype(dtype)

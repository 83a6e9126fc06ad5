"""Tensors as they are sent, or as they are in shared memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from drivetrain_triton.errors import InputError
from drivetrain_triton.tensors import BYTES, DTYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHARED = Path("/dev/shm")  # noqa: S108 (it is Linux' own)


def packed(array: np.ndarray[Any, Any], datatype: str) -> bytes:
    """A tensor as it is sent."""
    if datatype != BYTES:
        return array.tobytes()
    return bytes(serialize_byte_tensor(array).item()) if array.size else b""


def unpacked(data: bytes, datatype: str, shape: list[int]) -> np.ndarray[Any, Any]:
    """The other way."""
    flat = deserialize_bytes_tensor(data) if datatype == BYTES else np.frombuffer(data, DTYPES[datatype])
    return np.asarray(flat, DTYPES[datatype]).reshape(shape)


def opened(name: str, key: str, size: int) -> None:
    """Whether shared memory is there.

    Raises:
        InputError: it is not, or is too small.
    """
    path = _SHARED / key.lstrip("/")
    if not path.exists() or path.stat().st_size < size:
        raise InputError(f"Unable to open shared memory region: '{name}'")


def is_shared(parameters: Mapping[str, Any]) -> bool:
    """Whether a tensor's parameters say that it is in shared memory."""
    return "shared_memory_region" in parameters


def read(regions: Mapping[str, str], parameters: Mapping[str, Any]) -> bytes:
    """An input from shared memory.

    Raises:
        RegionNotFoundError: the server was not told of it.
    """
    with _region(regions, parameters).open("rb") as file:
        file.seek(int(parameters.get("shared_memory_offset", 0)))
        return file.read(int(parameters["shared_memory_byte_size"]))


def write(regions: Mapping[str, str], parameters: Mapping[str, Any], data: bytes) -> None:
    """An output into it.

    Raises:
        RegionNotFoundError: the server was not told of it.
        InputError: there is no room.
    """
    if len(data) > int(parameters["shared_memory_byte_size"]):
        raise InputError(f"{len(data)} bytes do not fit the shared memory that was given for them")
    with _region(regions, parameters).open("r+b") as file:
        file.seek(int(parameters.get("shared_memory_offset", 0)))
        file.write(data)


class RegionNotFoundError(Exception):
    """A request names shared memory that the server was not told of."""


def _region(regions: Mapping[str, str], parameters: Mapping[str, Any]) -> Path:
    name = parameters["shared_memory_region"]
    if name not in regions:
        raise RegionNotFoundError(f"Unable to find shared memory region: '{name}'")
    return _SHARED / regions[name].lstrip("/")

"""Tensors that a server on the same machine reads and writes in shared memory instead of over the network.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_shared_memory.md

A region is of one request at a time. One whose request was not answered is never used again: the server may still read
or write it. All of them are removed when the client closes, when the interpreter ends, and, as the operating system's
resource tracker of multiprocessing sees to, when the process is killed.
"""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.utils import serialize_byte_tensor

from drivetrain_triton.errors import ConfigurationError, ProtocolError
from drivetrain_triton.tensors import ANY, BYTES, DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.signature import Signature

PREFIX = "drivetrain-triton-"
_SMALLEST = 1 << 16  # bytes; each further size is twice the one before, so that few regions serve all
_ALIGNED = 64  # bytes: what a cache line and the widest vector registers take
_AT_REST_SECONDS = 60.0  # after which a server has surely done with what nobody waits for


@dataclass(frozen=True)
class Slot:
    """Where a tensor is.

    Attributes:
        region: the server's name of it.
        offset: in bytes.
        size: in bytes.
    """

    region: str
    offset: int
    size: int


@dataclass(eq=False)
class Region:
    """Some shared memory.

    Attributes:
        name: at the server, and after a slash what the operating system calls it.
        memory: itself.
        is_registered: the server knows it.
    """

    name: str
    memory: SharedMemory
    is_registered: bool = False

    @property
    def key(self) -> str:
        """The operating system's name."""
        return f"/{self.memory.name}"

    def write(self, at: int, data: NDArray[np.uint8] | bytes) -> None:
        """Bytes to there.

        Raises:
            ConfigurationError: the client was closed meanwhile.
        """
        self._open()[at : at + len(data)] = data if isinstance(data, bytes) else data.data

    def read(self, at: int, size: int) -> bytes:
        """A copy of so many bytes from there.

        Raises:
            ConfigurationError: the client was closed meanwhile.
        """
        return bytes(self._open()[at : at + size])

    def _open(self) -> memoryview:
        if self.memory.buf is None:
            raise ConfigurationError("the client was closed while a request was under way")
        return self.memory.buf


@dataclass(eq=False)
class Regions:
    """Those of one server. May be used by many threads.

    Args:
        clock: seconds that only grow.
    """

    clock: Callable[[], float] = time.monotonic
    has_looked: bool = False
    _free: list[Region] = field(default_factory=list)
    _made: dict[str, SharedMemory] = field(default_factory=dict)
    _dropped: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._at_exit = weakref.finalize(self, _remove, self._made)

    def lease(self, size: int) -> Region:
        """One that has room for so many bytes, and is nobody else's until it is given back or dropped."""
        with self._lock:
            fitting = [one for one in self._free if one.memory.size >= size]
            if fitting:
                found = min(fitting, key=lambda one: one.memory.size)
                self._free.remove(found)
                return found
            name = f"{PREFIX}{secrets.token_hex(8)}"
            memory = SharedMemory(name, create=True, size=max(_SMALLEST, 1 << (size - 1).bit_length()))
            self._made[name] = memory
            return Region(name, memory)

    def give_back(self, region: Region) -> None:
        """Its request was answered."""
        with self._lock:
            self._free.append(region)

    def drop(self, region: Region) -> None:
        """Its request was not."""
        with self._lock:
            memory = self._made.pop(region.name, None)
            if region.is_registered:
                self._dropped[region.name] = self.clock()
        if memory is not None:
            _remove({region.name: memory})

    def to_unregister(self) -> list[str]:
        """Names of what was dropped so long ago that the server has done with it. They are given once."""
        with self._lock:
            now = self.clock()
            found = [name for name, since in self._dropped.items() if now - since > _AT_REST_SECONDS]
            for name in found:
                del self._dropped[name]
            return found

    def close(self) -> list[str]:
        """Remove all; gives the names that the server knows."""
        with self._lock:
            names = [one.name for one in self._free if one.is_registered] + list(self._dropped)
            self._free.clear()
            self._dropped.clear()
            _remove(self._made)
            return names


def _remove(made: dict[str, SharedMemory]) -> None:
    for name in list(made):
        memory = made.pop(name)
        memory.unlink()
        try:
            memory.close()
        except BufferError:  # a thread still writes into it; its end closes it
            continue


@dataclass(frozen=True)
class Placing:
    """Where a request's tensors go.

    Attributes:
        size: of all, in bytes.
        inputs: offset and value, as it is written.
        outputs: offset and size of those whose size is known before.
    """

    size: int
    inputs: Mapping[str, tuple[int, NDArray[np.uint8] | bytes]]
    outputs: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, request: Request, signature: Signature) -> Placing:
        """Inputs, and outputs of fixed shapes that are asked for by name.

        Texts come by the network, their size not being known before; so do outputs that nobody named, of which a model
        may leave some out.
        """
        at, inputs, outputs = 0, {}, {}
        for name, value in request.inputs.items():
            data = _packed(value) if request.datatypes[name] == BYTES else value.reshape(-1).view(np.uint8)
            inputs[name] = (at, data)
            at = _aligned(at + len(data))
        rows = len(next(iter(request.inputs.values()))) if signature.max_batch_size and request.inputs else None
        for name in request.outputs:
            size = _output_size(signature, name, rows)
            if size:
                outputs[name] = (at, size)
                at = _aligned(at + size)
        return cls(at, inputs, outputs)

    def written(self, request: Request, region: Region) -> Request:
        """The request as it is sent, its inputs being in the region."""
        for at, data in self.inputs.values():
            region.write(at, data)
        slots = {name: Slot(region.name, at, len(data)) for name, (at, data) in self.inputs.items()}
        outputs = {name: Slot(region.name, at, size) for name, (at, size) in self.outputs.items()}
        return replace(request, slots=slots, output_slots=outputs)

    def read(self, answer: Inferred, region: Region) -> Inferred:
        """The answer, with what the server wrote into the region: copied, since the next request is written there.

        Raises:
            ProtocolError: an output is larger than its model said.
        """
        found = dict(answer.outputs)
        for name, (at, size) in self.outputs.items():
            if (shaped := answer.shared.get(name)) is None:
                continue  # the server sent it all the same
            shape, dtype = shaped
            count = int(np.prod(shape, dtype=np.int64))
            if count * dtype.itemsize > size:
                raise ProtocolError(
                    f"model {answer.model}: output {name} of shape {[*shape]} is larger than the model said",
                    model=answer.model,
                )
            found[name] = np.frombuffer(region.read(at, count * dtype.itemsize), dtype).reshape(shape)
        return replace(answer, outputs=found, shared={})


def _packed(value: NDArray[Any]) -> bytes:
    return bytes(serialize_byte_tensor(value).item()) if value.size else b""


def _aligned(at: int) -> int:
    return -(-at // _ALIGNED) * _ALIGNED


def _output_size(signature: Signature, name: str, rows: int | None) -> int:
    """Bytes; 0: it is not known."""
    spec = signature.outputs[name]
    shape = spec.shape if rows is None else (rows, *spec.shape[1:])
    if spec.datatype == BYTES or ANY in shape:
        return 0
    return int(np.prod(shape, dtype=np.int64)) * DTYPES[spec.datatype].itemsize

"""numpy's arrays as the protocol's tensors: which type is which, and what a model takes.

Types: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_grpc.md#tensor-data-types
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from drivetrain_triton.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTES = "BYTES"
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"{sign}{bits}": np.dtype(f"{sign.lower()}{bits}") for sign in ("INT", "UINT") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    "BF16": np.dtype(ml_dtypes.bfloat16),
    BYTES: np.dtype(np.object_),
}
_OBJECT = DTYPES[BYTES]
ANY = -1  # a dimension of any size


@dataclass(frozen=True)
class TensorSpec:
    """What a model says of one of its inputs or outputs.

    Attributes:
        name: the model's.
        datatype: the protocol's name of it.
        shape: ANY where the size is not fixed; the first is the batch's, if the model batches.
        is_optional: an input that may be left out.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    is_optional: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.datatype}{[*self.shape]}".replace(str(ANY), "any")

    def tensor(self, value: Any) -> NDArray[Any]:
        """The value as it is sent. Arrays have to be of the model's type; lists and numbers are made so.

        Raises:
            InputError: it is of another type, or another shape.
        """
        wanted = self._dtype
        # What most calls give is sent as it is: an array of numbers, of the model's type, in one piece.
        if type(value) is np.ndarray and value.dtype is wanted and wanted is not _OBJECT and value.flags.c_contiguous:
            found = value
        else:
            found = self._bytes(value) if wanted is _OBJECT else self._numbers(value, wanted)
        if not self._fits(found.shape):
            raise InputError(f"input {self}: the value's shape is {[*found.shape]}")
        return found

    @cached_property
    def _dtype(self) -> np.dtype[Any]:
        found = DTYPES.get(self.datatype)
        if found is None:
            raise InputError(f"input {self}: its type is not one that this client knows; it knows {', '.join(DTYPES)}")
        return found

    def _fits(self, shape: tuple[int, ...]) -> bool:
        if len(shape) != len(self.shape):
            return False
        for wanted, size in zip(self.shape, shape, strict=True):  # noqa: SIM110 (a generator takes twice as long)
            if wanted != size and wanted != ANY:
                return False
        return True

    def _numbers(self, value: Any, wanted: np.dtype[Any]) -> NDArray[Any]:
        if isinstance(value, (np.ndarray, np.generic)):
            array = np.asarray(value)
            if array.dtype != wanted:
                raise InputError(f"input {self}: the array's type is {array.dtype}: use .astype({_written(wanted)})")
            return np.ascontiguousarray(array)
        try:
            array = np.array(value, dtype=wanted)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"input {self}: the value can't be made {wanted}: {error}") from None
        if wanted.kind in "iub" and not np.array_equal(array, np.asarray(value)):
            raise InputError(f"input {self}: the value is not what it was once it is {wanted}: round it first")
        return array

    def _bytes(self, value: Any) -> NDArray[Any]:
        """Texts as UTF-8."""
        array = value if isinstance(value, np.ndarray) else np.array(value, dtype=np.object_)
        if array.dtype.kind == "S":
            raise InputError(f"input {self}: numpy drops zeros at the end of {array.dtype}: use .astype(object) before")
        if array.dtype.kind not in "OU":
            raise InputError(f"input {self}: the array's type is {array.dtype}: give texts or bytes, as objects")
        flat = [self._written(one) for one in array.ravel()]
        found = np.empty(len(flat), dtype=np.object_)
        found[:] = flat
        return found.reshape(array.shape)

    def _written(self, value: object) -> bytes:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return value
        raise InputError(f"input {self}: {type(value).__name__} is neither text nor bytes")


def _written(dtype: np.dtype[Any]) -> str:
    module = "ml_dtypes" if dtype == DTYPES["BF16"] else "np"
    return f"{module}.{dtype.name}"

"""One client for Triton and other servers of KServe's v2 protocol."""

from drivetrain_triton.aio import AsyncModel, AsyncTritonClient
from drivetrain_triton.calls import Inferred
from drivetrain_triton.client import Model, TritonClient
from drivetrain_triton.errors import TritonError
from drivetrain_triton.settings import TritonSettings
from drivetrain_triton.signature import Signature
from drivetrain_triton.tensors import TensorSpec

__all__ = [
    "AsyncModel",
    "AsyncTritonClient",
    "Inferred",
    "Model",
    "Signature",
    "TensorSpec",
    "TritonClient",
    "TritonError",
    "TritonSettings",
]

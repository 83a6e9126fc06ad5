"""A server for tests of code that calls models: real sockets, HTTP and gRPC, and models that are Python functions."""

from drivetrain_triton.testing.models import FakeModel, Fault
from drivetrain_triton.testing.server import FakeServer

__all__ = ["FakeModel", "FakeServer", "Fault"]

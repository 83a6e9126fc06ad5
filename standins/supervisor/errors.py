"""What the supervisor refuses or gives up on, each as one line for the person at the terminal."""

from __future__ import annotations


class SupervisorError(Exception):
    """One line that names the thing and the fix."""


class PortInUseError(SupervisorError):
    """Another process listens where a service should."""


class ServiceDiedError(SupervisorError):
    """A service ended before it was ready."""


class NotReadyError(SupervisorError):
    """A service runs and does not answer."""


class CancelledError(SupervisorError):
    """Another part failed first; this one was not tried any further."""

"""What this package refuses or gives up on, each as one line for the person at the terminal."""

from __future__ import annotations

from standins.supervisor.errors import SupervisorError


class KubernetesError(SupervisorError):
    """One line that names the thing and the fix."""


class NotPossibleError(KubernetesError):
    """This machine lacks something that a cluster needs."""


class NotBuiltError(KubernetesError):
    """The programs are not in the cache yet."""

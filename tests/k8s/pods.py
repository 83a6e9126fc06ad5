"""Small pods, as the API takes them."""

from __future__ import annotations

from typing import Any

from standins.kubernetes.images import BUSYBOX


def pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A pod that runs a shell script once, as a user without rights.

    Args:
        name: of the pod.
        script: for busybox' shell.
        spec: more keys of the pod's spec.
    """
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534},
            "containers": [
                {
                    "name": "main",
                    "image": BUSYBOX,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", script],
                    "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
                }
            ],
            **spec,
        },
    }

"""Renders k8s/overlays as `kubectl apply --kustomize` does."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.kubectl import program

REPOSITORY = Path(__file__).resolve().parents[2]
OVERLAYS = ("test", "staging", "production")

Manifest = dict[str, Any]


def kubectl() -> str:
    """The program; skips where it is missing or too old to render."""
    try:
        return program()
    except KubernetesError as error:
        pytest.skip(str(error))


@functools.cache
def text_of(overlay: str) -> str:
    """What kubectl would apply of that overlay, or of another folder below k8s/."""
    folder = REPOSITORY / "k8s" / overlay if "/" in overlay else REPOSITORY / "k8s" / "overlays" / overlay
    command = [kubectl(), "kustomize", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def objects_of(overlay: str) -> list[Manifest]:
    """The same, as data; new each time."""
    return [one for one in yaml.safe_load_all(text_of(overlay)) if one]


def of_kind(objects: list[Manifest], kind: str) -> dict[str, Manifest]:
    """Name -> object."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def task_pod(objects: list[Manifest]) -> Manifest:
    """What KubernetesExecutor makes pods from."""
    [template] = [one for name, one in of_kind(objects, "ConfigMap").items() if name.startswith("airflow-pod-template")]
    pod: Manifest = yaml.safe_load(template["data"]["pod-template.yaml"])
    return pod


def pod_templates(objects: list[Manifest]) -> dict[str, Manifest]:
    """Metadata and spec of every pod that will be, by the name of what makes it."""
    makers = {
        name: one for kind in ("Deployment", "StatefulSet", "Job") for name, one in of_kind(objects, kind).items()
    }
    return {**{name: one["spec"]["template"] for name, one in makers.items()}, "airflow-task": task_pod(objects)}


def pod_specs(objects: list[Manifest]) -> dict[str, Manifest]:
    """Spec of every pod that will be, by the name of what makes it."""
    return {name: one["spec"] for name, one in pod_templates(objects).items()}

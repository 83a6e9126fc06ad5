"""Where a task runs: a pod of a class of work, or the scheduler's own processes for what is tiny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.configuration import conf

from drivetrain.kubernetes.presets import load_presets

if TYPE_CHECKING:
    from pathlib import Path

# For tasks that take less than a pod's start. Every configuration of ours has this executor, so that they can be
# parsed and run on each; which one is the default is the configuration's affair. docs/adr/0012.
TINY = "LocalExecutor"


def task_pod(include: Path, preset: str) -> dict[str, Any]:
    """A task's `executor_config`: its pod gets what the preset says.

    Where no executor makes pods it is empty: the Kubernetes client alone takes longer to import than our DAG files.

    Args:
        include: the folder with kubernetes/presets.yaml.
        preset: such as "light".

    Raises:
        SpecError: the file is wrong, or has no such preset.
    """
    override = load_presets(include).pod(preset)
    if not makes_pods():
        return {}
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

    return {"pod_override": PodGenerator.deserialize_model_dict(override.manifest)}


def makes_pods() -> bool:
    """Whether one of the configured executors is KubernetesExecutor or ours."""
    names = conf.get("core", "executor", fallback=TINY).split(",")
    return any("Kubernetes" in name or "PodExecutor" in name for name in names)

"""Reads k8s/helm-values as the chart would, and what they stand for in k8s/base and k8s/overlays."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.k8s.manifests import REPOSITORY

VALUES = REPOSITORY / "k8s" / "helm-values"
# Values files in the order in which Helm gets them.
LAYERS = {
    "local": ("base", "local"),
    "staging": ("base", "gke", "staging"),
    "production": ("base", "gke", "production"),
}
# The layers of settings that the same environment has in Kustomize.
SETTINGS = {
    "local": ("k8s/base/airflow.env", "k8s/monitoring/airflow.env"),
    **{
        name: ("k8s/base/airflow.env", "k8s/monitoring/airflow.env", f"k8s/overlays/{name}/airflow.env")
        for name in ("staging", "production")
    },
}

Values = dict[str, Any]


def merged(below: Values, above: Values) -> Values:
    """As Helm lays one values file over another: maps are merged, all else is replaced."""
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = merged(below[key], above[key])
    return both


def layer(name: str) -> Values:
    """One values file."""
    read: Values = yaml.safe_load((VALUES / f"{name}.yaml").read_text())
    return read


def values_of(environment: str) -> Values:
    """What Helm gets for it, merged."""
    return functools.reduce(merged, map(layer, LAYERS[environment]))


def without_nulls(values: Values) -> Values:
    """As Helm shows them to the schema: a null takes the chart's own value away."""
    kept = {key: value for key, value in values.items() if value is not None}
    return {key: without_nulls(value) if isinstance(value, dict) else value for key, value in kept.items()}


def settings_of_kustomize(environment: str) -> dict[str, str]:
    """AIRFLOW__SECTION__KEY -> value."""
    found: dict[str, str] = {}
    for file in SETTINGS[environment]:
        lines = (REPOSITORY / file).read_text().splitlines()
        found.update(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return found


def settings_of_values(values: Values) -> dict[str, str]:
    """The same from `config` and `executor`."""
    config = merged(values["config"], {"core": {"executor": values["executor"]}})
    return {
        f"AIRFLOW__{section}__{key}".upper(): str(value)
        for section, settings in config.items()
        for key, value in settings.items()
    }


def helm() -> str | None:
    """The program; None if it is not on the path."""
    return shutil.which("helm")


def rendered(chart: Path, environment: str) -> list[Values]:
    """What Helm would apply, Jobs of its hooks as well."""
    files = [part for name in LAYERS[environment] for part in ("--values", str(VALUES / f"{name}.yaml"))]
    command = [str(helm()), "template", "airflow", str(chart), "--namespace", "drivetrain", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if one]

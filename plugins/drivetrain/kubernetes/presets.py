"""What the pod of a task gets, by its class of work: include/kubernetes/presets.yaml."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from drivetrain.errors import SpecError
from drivetrain.spec_types import Description, Duration, Slug, parse_duration
from drivetrain.specs import ClosedModel, load_spec

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

FILE = "kubernetes/presets.yaml"
# Where a pod says what it was made from, for whoever explains its failure and has no such file at hand.
PRESET_LABEL = "drivetrain.io/preset"
LARGER_ANNOTATION = "drivetrain.io/larger-preset"
# KubernetesExecutor's name for the container that the task runs in.
CONTAINER = "base"

_CPU = re.compile(r"^(\d{1,6})m$|^(\d{1,3})$")
_BYTES = re.compile(r"^(\d{1,6})(Mi|Gi)$")
_MIB = {"Mi": 1, "Gi": 1024}


def _cpu(text: str) -> str:
    if not milli_cpus(text):
        raise ValueError("write processors as 250m or 2")
    return text


def _memory(text: str) -> str:
    if not mebibytes(text):
        raise ValueError("write a size as 512Mi or 2Gi")
    return text


# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
Cpu = Annotated[str, AfterValidator(_cpu)]
Size = Annotated[str, AfterValidator(_memory)]
Key = Annotated[str, StringConstraints(pattern=rf"^([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}$")]
Value = Annotated[str, StringConstraints(pattern=rf"^({_NAME})?$")]
PriorityClass = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class Resources(ClosedModel):
    """Of the task's container: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ .

    Attributes:
        cpu: processors, as 250m or 2.
        memory: as 512Mi or 2Gi.
        disk: ephemeral storage: what is written to the container's own files, logs and scratch volume.
    """

    cpu: Cpu
    memory: Size
    disk: Size


class Toleration(ClosedModel):
    """A taint that does not keep pods away; no value: any value of the key."""

    key: Key
    value: Value | None = None


class Pool(ClosedModel):
    """Nodes that a preset's pods go to.

    Attributes:
        description: for people.
        requires: labels that a node has to have.
        prefers: labels of nodes that are taken before others, where there are any.
        tolerates: taints of these nodes.
    """

    description: Description
    requires: dict[Key, Value] = Field(default_factory=dict)
    prefers: dict[Key, Value] = Field(default_factory=dict)
    tolerates: tuple[Toleration, ...] = ()


class Preset(ClosedModel):
    """A class of work.

    Attributes:
        description: which tasks it is for.
        requests: what the scheduler sets aside.
        limits: what the container may not exceed.
        gpus: whole ones, as nvidia.com/gpu.
        pool: one of `pools`.
        priority_class: a PriorityClass of the cluster, which has to be there; none: the cluster's default.
        active_deadline: a pod is killed after that, whatever it does: longer than any execution_timeout of its tasks.
        larger: the preset for a task that this one is too small for.
    """

    description: Description
    requests: Resources
    limits: Resources
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    pool: Slug
    priority_class: PriorityClass | None = None
    active_deadline: Duration
    larger: Slug | None = None

    @model_validator(mode="after")
    def _limits_hold_requests(self) -> Self:
        for name, least, most in (
            ("cpu", milli_cpus(self.requests.cpu), milli_cpus(self.limits.cpu)),
            ("memory", mebibytes(self.requests.memory), mebibytes(self.limits.memory)),
            ("disk", mebibytes(self.requests.disk), mebibytes(self.limits.disk)),
        ):
            if least > most:
                raise ValueError(f"limits.{name}: is below requests.{name}: raise the limit or lower the request")
        return self

    @property
    def deadline(self) -> dt.timedelta:
        """See active_deadline."""
        return parse_duration(self.active_deadline)


class TaskPresets(ClosedModel):
    """The whole file."""

    pools: Annotated[dict[Slug, Pool], Field(min_length=1)]
    presets: Annotated[dict[Slug, Preset], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for name, preset in self.presets.items():
            if preset.pool not in self.pools:
                raise ValueError(f"presets.{name}.pool: no pool {preset.pool!r}; there are: {_names(self.pools)}")
            if preset.larger is None:
                continue
            larger = self.presets.get(preset.larger)
            if larger is None:
                raise ValueError(
                    f"presets.{name}.larger: no preset {preset.larger!r}; there are: {_names(self.presets)}"
                )
            if mebibytes(larger.limits.memory) <= mebibytes(preset.limits.memory):
                raise ValueError(f"presets.{name}.larger: {preset.larger} has no more memory: name one that has")
        return self

    def pod(self, name: str) -> PodOverride:
        """What differs from the pod template for a task of this preset.

        Raises:
            SpecError: there is none of this name.
        """
        if name not in self.presets:
            raise SpecError(f"{FILE}: presets.{name}: missing: add it, or use one of {_names(self.presets)}")
        preset = self.presets[name]
        return PodOverride(name, preset, self.pools[preset.pool])


@dataclass(frozen=True)
class PodOverride:
    """A preset with its pool, as KubernetesExecutor's `pod_override` has it once the glue makes a V1Pod of it."""

    name: str
    preset: Preset
    pool: Pool

    @property
    def manifest(self) -> dict[str, Any]:
        """The part of a v1 Pod that differs from the pod template; the same each time."""
        preset, pool = self.preset, self.pool
        metadata: dict[str, Any] = {"labels": {PRESET_LABEL: self.name}}
        if preset.larger:
            metadata["annotations"] = {LARGER_ANNOTATION: preset.larger}
        gpus = {"nvidia.com/gpu": str(preset.gpus)} if preset.gpus else {}
        spec: dict[str, Any] = {
            "containers": [
                {
                    "name": CONTAINER,
                    "resources": {
                        "requests": {**_quantities(preset.requests), **gpus},
                        "limits": {**_quantities(preset.limits), **gpus},
                    },
                }
            ],
            "activeDeadlineSeconds": int(preset.deadline.total_seconds()),
        }
        if preset.priority_class:
            spec["priorityClassName"] = preset.priority_class
        if pool.requires:
            spec["nodeSelector"] = dict(sorted(pool.requires.items()))
        if pool.tolerates:
            spec["tolerations"] = [_toleration(one) for one in pool.tolerates]
        if pool.prefers:
            wanted = [{"key": key, "operator": "In", "values": [value]} for key, value in sorted(pool.prefers.items())]
            preferred = [{"weight": 100, "preference": {"matchExpressions": wanted}}]
            spec["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
        return {"metadata": metadata, "spec": spec}


def load_presets(include: Path) -> TaskPresets:
    """Read the file.

    Raises:
        SpecError: it is wrong: one line with the file, the key and the fix.
    """
    return load_spec(include / FILE, TaskPresets)


def milli_cpus(text: str) -> int:
    """250m or 2, in thousandths of a processor; 0 for what is written in another way."""
    match = _CPU.match(text)
    if not match:
        return 0
    return int(match.group(1)) if match.group(1) else int(match.group(2)) * 1000


def mebibytes(text: str) -> int:
    """512Mi or 2Gi in MiB; 0 for what is written in another way."""
    match = _BYTES.match(text)
    return int(match.group(1)) * _MIB[match.group(2)] if match else 0


def _quantities(resources: Resources) -> dict[str, str]:
    return {"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": resources.disk}


def _toleration(one: Toleration) -> dict[str, str]:
    if one.value is None:
        return {"key": one.key, "operator": "Exists"}
    return {"key": one.key, "operator": "Equal", "value": one.value}


def _names(known: dict[str, Any]) -> str:
    return ", ".join(sorted(known))

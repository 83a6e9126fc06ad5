from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from drivetrain.errors import SpecError
from drivetrain.kubernetes.presets import FILE, LARGER_ANNOTATION, PRESET_LABEL, load_presets, mebibytes, milli_cpus

INCLUDE = Path(__file__).parents[4] / "include"


def preset(**changes: Any) -> dict[str, Any]:
    whole = {
        "description": "Small things.",
        "requests": {"cpu": "250m", "memory": "256Mi", "disk": "1Gi"},
        "limits": {"cpu": "1", "memory": "1Gi", "disk": "1Gi"},
        "pool": "any",
        "active_deadline": "30m",
    }
    return {**whole, **changes}


def written(folder: Path, presets: dict[str, Any], **pools: Any) -> Path:
    file = folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    pools = {"any": {"description": "Any node."}, **pools}
    file.write_text(yaml.safe_dump({"pools": pools, "presets": presets}))
    return folder


def test_ours_are_light_heavy_and_gpu_and_each_makes_a_pod() -> None:
    presets = load_presets(INCLUDE)
    assert set(presets.presets) == {"light", "heavy", "gpu"}
    for name in presets.presets:
        manifest = presets.pod(name).manifest
        assert manifest == presets.pod(name).manifest
        [container] = manifest["spec"]["containers"]
        assert container["name"] == "base"
        assert set(container["resources"]["limits"]) >= {"cpu", "memory", "ephemeral-storage"}


def test_a_pod_says_what_it_was_made_from_and_what_is_larger() -> None:
    manifest = load_presets(INCLUDE).pod("light").manifest
    assert manifest["metadata"] == {"labels": {PRESET_LABEL: "light"}, "annotations": {LARGER_ANNOTATION: "heavy"}}
    assert "annotations" not in load_presets(INCLUDE).pod("heavy").manifest["metadata"]


def test_spot_nodes_are_preferred_and_gpu_nodes_are_required() -> None:
    light, gpu = (load_presets(INCLUDE).pod(name).manifest["spec"] for name in ("light", "gpu"))
    assert "nodeSelector" not in light
    assert light["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert light["tolerations"] == [{"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true"}]
    assert gpu["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert gpu["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    [container] = gpu["containers"]
    assert container["resources"]["requests"]["nvidia.com/gpu"] == "1"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_a_priority_class_and_a_deadline_are_in_the_pod(tmp_path: Path) -> None:
    presets = load_presets(written(tmp_path, {"small": preset(priority_class="tasks")}))
    spec = presets.pod("small").manifest["spec"]
    assert spec["priorityClassName"] == "tasks"
    assert spec["activeDeadlineSeconds"] == 1800
    assert presets.presets["small"].deadline == dt.timedelta(minutes=30)


@pytest.mark.parametrize(
    ("presets", "said"),
    [
        ({"small": preset(memmory="1Gi")}, "memmory: unknown key"),
        ({"small": preset(pool="spott")}, "presets.small.pool: no pool 'spott'; there are: any"),
        ({"small": preset(larger="huge")}, "presets.small.larger: no preset 'huge'; there are: small"),
        ({"small": preset(larger="same"), "same": preset()}, "presets.small.larger: same has no more memory"),
        ({"small": preset(limits={"cpu": "1", "memory": "128Mi", "disk": "1Gi"})}, "limits.memory: is below"),
        ({"small": preset(requests={"cpu": "0.5", "memory": "1Gi", "disk": "1Gi"})}, "write processors as 250m or 2"),
        ({"small": preset(requests={"cpu": "1", "memory": "1G", "disk": "1Gi"})}, "write a size as 512Mi or 2Gi"),
        ({"small": preset(active_deadline="1 hour")}, "write a duration as"),
        ({}, "presets"),
    ],
    ids=["unknown key", "pool", "larger", "not larger", "limit", "cpu", "memory", "deadline", "none"],
)
def test_what_is_wrong_is_refused_with_the_file_the_key_and_the_fix(
    tmp_path: Path, presets: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load_presets(written(tmp_path, presets))
    assert FILE in str(caught.value)
    assert said in str(caught.value)


def test_a_preset_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(SpecError, match=r"presets.hevy: missing: add it, or use one of gpu, heavy, light"):
        load_presets(INCLUDE).pod("hevy")


def test_quantities_are_read_as_kubernetes_reads_them() -> None:
    assert [milli_cpus(text) for text in ("250m", "2", "0", "1.5", "")] == [250, 2000, 0, 0, 0]
    assert [mebibytes(text) for text in ("512Mi", "2Gi", "0Gi", "1G", "")] == [512, 2048, 0, 0, 0]

"""On folders that look like control groups; the real ones are in tests/k8s."""

from __future__ import annotations

from pathlib import Path

import pytest

from standins.kubernetes import cgroups


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cpu", "cpuset", "memory"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.procs").touch()
    (tmp_path / "unified" / "cgroup.controllers").touch()
    (tmp_path / "cpuacct").symlink_to("cpu")
    return tmp_path


def test_a_group_is_made_once_in_each_hierarchy(root):
    cgroups.create("ours", root)
    cgroups.create("ours", root)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("ours")) == [
        "cpu/ours",
        "cpuset/ours",
        "memory/ours",
        "unified/ours",
    ]


def test_a_new_cpuset_has_its_parents_processors_and_memory(root):
    cgroups.create("ours", root)
    assert (root / "cpuset" / "ours" / "cpuset.cpus").read_text() == "0-1\n"
    assert (root / "cpuset" / "ours" / "cpuset.mems").read_text() == "0\n"


def test_removal_goes_from_the_leaves_up_and_leaves_what_is_not_ours(root):
    (root / "memory" / "ours" / "kubepods" / "burstable" / "pod1").mkdir(parents=True)
    (root / "memory" / "theirs" / "pod1").mkdir(parents=True)
    (root / "cpu" / "ours").mkdir()
    (root / "unified" / "ours" / "kubepods").mkdir(parents=True)  # runc makes groups there, though it can't limit any
    assert cgroups.remove("ours", root) == []
    assert not list(root.rglob("ours"))
    assert (root / "memory" / "theirs" / "pod1").is_dir()


def test_what_cannot_be_removed_is_named(root):
    stuck = root / "memory" / "ours" / "pod1"
    stuck.mkdir(parents=True)
    (stuck / "held").touch()  # a folder with a file in it can't be removed, as a group with a process can't
    assert cgroups.remove("ours", root, timeout_seconds=0) == [stuck, stuck.parent]


def test_a_machine_without_control_groups_has_none_to_remove(tmp_path):
    assert cgroups.remove("ours", tmp_path / "missing") == []

from __future__ import annotations

import json
from pathlib import Path

import pytest

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.node import MACHINE_WIDE, OWN_FOLDERS, Node


@pytest.fixture
def node(layout) -> Node:
    return Node(layout)


def targets(node: Node) -> list[str]:
    return [command[-1] for command in node.commands() if command[0] == "mount"]


def test_whatever_the_node_sets_for_the_whole_machine_is_a_file_of_its_own(node):
    there = [f"/proc/sys/{name}" for name in MACHINE_WIDE if Path(f"/proc/sys/{name}").exists()]
    assert there
    assert set(there) <= set(targets(node))


def test_proc_is_the_nodes_before_anything_is_laid_into_it(node):
    order = targets(node)
    assert order.index("/proc") < min(order.index(name) for name in order if name.startswith("/proc/sys/"))


def test_the_nodes_own_folders_hide_the_machines_and_hold_the_image_store(node):
    order = targets(node)
    assert set(OWN_FOLDERS) <= set(order)
    assert order.index("/var/lib") < order.index("/var/lib/docker")
    assert order.index("/var/lib") < order.index("/var/lib/etcd")


def test_the_process_that_holds_the_namespaces_takes_all_down_with_it(node):
    unit = node.unit(lambda: None)
    assert {"--mount", "--net", "--pid", "--kill-child"} <= set(unit.argv)


def test_a_service_of_the_node_is_entered_and_inherits_nothing_from_the_shell(node):
    service = node.service("etcd", ("/usr/bin/etcd", "--flag"), probe=lambda _: None, depends_on=("other",))
    assert service.argv[-4:] == (str(node.state.path), "node", "/usr/bin/etcd", "--flag")
    assert service.unset == ("*",)
    assert service.depends_on == ("node", "other")


def test_a_probe_of_a_node_that_does_not_run_says_so(node):
    service = node.service("etcd", ("/usr/bin/etcd",), probe=lambda _: None)
    assert "does not run" in (service.probe(None) or "")  # type: ignore[arg-type]  # it is not looked at


def test_nothing_can_be_run_in_a_node_that_does_not_run(node):
    with pytest.raises(KubernetesError, match="node does not run"):
        node.run("true")


def test_what_an_earlier_node_left_is_removed_and_its_images_stay(node, layout):
    for folder in (layout.node / "var-lib", layout.pki, layout.kubeconfigs, layout.images):
        folder.mkdir(parents=True)
    node.clear()
    assert [path.name for path in layout.home.iterdir()] == ["images"]


def test_a_change_of_what_makes_the_node_starts_another_one(node, layout):
    assert json.loads(node.unit(lambda: None).revision) == node.commands()

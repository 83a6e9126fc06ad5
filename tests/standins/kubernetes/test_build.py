"""What a build decides. The build itself takes minutes: tests/k8s run on what it made."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from standins.kubernetes import recipe
from standins.kubernetes.build import Build, import_path, openapi_packages, require_built
from standins.kubernetes.cache import only_one
from standins.kubernetes.errors import NotBuiltError


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("staging/src/k8s.io/api/core/v1", "k8s.io/api/core/v1"),
        ("pkg/apis/core", "k8s.io/kubernetes/pkg/apis/core"),
        ("vendor/k8s.io/kube-openapi/pkg/util", "k8s.io/kube-openapi/pkg/util"),
    ],
)
def test_a_folder_of_the_source_has_the_import_path_that_go_knows_it_by(folder, path):
    assert import_path(folder) == path


def test_marked_packages_are_described_and_tests_and_samples_are_not(tmp_path):
    marked = "// some words\n// +k8s:openapi-gen=true\npackage v1\n"
    files = {
        "staging/src/k8s.io/api/core/v1/doc.go": marked,
        "staging/src/k8s.io/api/core/v1/types.go": marked,
        "staging/src/k8s.io/sample-apiserver/v1/doc.go": marked,
        "staging/src/k8s.io/code-generator/v1/doc.go": marked,
        "pkg/kubelet/doc.go": "package kubelet\n// a text with +k8s:openapi-gen=true in it\n",
        "pkg/controller/apis/doc.go": marked,
        "vendor/k8s.io/kube-openapi/test/doc.go": marked,
        "cmd/kubelet/doc.go": marked,
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "vendor/k8s.io/kube-openapi").mkdir(exist_ok=True, parents=True)
    assert openapi_packages(tmp_path) == ["k8s.io/api/core/v1", "k8s.io/kubernetes/pkg/controller/apis"]


def test_the_programs_say_their_version_without_the_machines_paths():
    flags = recipe.linker_flags()
    assert "-X k8s.io/kubernetes/vendor/k8s.io/component-base/version.gitVersion=v1.20.2" in flags
    assert "-trimpath" in recipe.GO_FLAGS


def test_what_is_built_is_not_built_again_and_needs_nothing(layout):
    layout.built.mkdir(parents=True)
    assert Build(layout).run() is False


def test_without_a_build_the_way_to_one_is_named(layout):
    with pytest.raises(NotBuiltError, match="make k8s-up"):
        require_built(layout)


class Recorded(Build):
    """A build whose steps only note that they ran; the named one fails."""

    def __init__(self, layout, failing=""):
        super().__init__(layout, lambda name, outcome, _: self.said.append((name, outcome)))
        self.said: list[tuple[str, str]] = []
        self.failing = failing
        for name in ("refresh", "unpack"):
            setattr(self._packages, name, lambda *_: None)

    def _step(self, name):
        if name == self.failing:
            raise RuntimeError(name)
        (self._new / "bin").mkdir(parents=True, exist_ok=True)

    def _unpack_source(self):
        self._step("source")

    def _generate_openapi(self):
        self._step("openapi")

    def _build_pause(self):
        self._step("pause")

    def _build_programs(self):
        self._step("programs")


def test_a_build_that_died_goes_on_where_it_was_and_is_there_only_when_it_is_whole(layout):
    with pytest.raises(RuntimeError, match="openapi"):
        Recorded(layout, failing="openapi")._build()
    assert not layout.built.exists()

    second = Recorded(layout)
    second._build()
    assert [name for name, outcome in second.said if outcome == "done"] == ["openapi", "pause", "programs"]
    assert (layout.built / "bin").is_dir()
    assert not layout.work.exists(), "gigabytes of a compiler's cache must not stay"


def test_who_comes_second_waits_for_the_first_and_is_told_so(tmp_path: Path):
    held, waits, order = threading.Event(), threading.Event(), []

    def first():
        with only_one(tmp_path / "lock", lambda _: None):
            held.set()
            assert waits.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(10)
    with only_one(tmp_path / "lock", lambda _: waits.set()):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]

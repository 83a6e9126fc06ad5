from __future__ import annotations

from pathlib import Path

import pytest

from standins.kubernetes import recipe
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.layout import Layout


def test_the_cache_is_where_the_desktop_specification_says():
    assert Layout.from_env({"XDG_CACHE_HOME": "/c", "HOME": "/h"}).cache == Path("/c/drivetrain/kubernetes")
    assert Layout.from_env({"HOME": "/h"}).cache == Path("/h/.cache/drivetrain/kubernetes")


def test_the_state_can_be_moved_away_from_the_cache():
    layout = Layout.from_env({"HOME": "/h", "DRIVETRAIN_K8S_HOME": "/elsewhere"})
    assert layout.home == Path("/elsewhere")
    assert layout.built.is_relative_to("/h/.cache")


@pytest.mark.parametrize("home", ["/run/k8s", "/var/lib/k8s", "/var/log/k8s", "/usr/k8s", "/srv/a:b", "/srv/a,b"])
def test_a_home_that_the_node_could_not_see_is_refused_with_the_variables_name(home):
    with pytest.raises(KubernetesError, match="DRIVETRAIN_K8S_HOME"):
        Layout.from_env({"HOME": "/h", "DRIVETRAIN_K8S_HOME": home})


def test_a_build_has_its_version_and_its_recipe_in_its_name(layout):
    assert layout.built.name == f"1.20.2-{recipe.fingerprint()}"
    assert layout.work.parent == layout.built.parent


def test_a_packages_file_is_taken_from_the_machine_where_it_is_installed(layout):
    assert layout.packaged("bin/busybox") == Path("/bin/busybox")
    unpacked = layout.built / "root" / "bin" / "busybox"
    unpacked.parent.mkdir(parents=True)
    unpacked.touch()
    assert layout.packaged("bin/busybox") == unpacked

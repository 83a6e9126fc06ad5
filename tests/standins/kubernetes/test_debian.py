from __future__ import annotations

import pytest

from standins.kubernetes.debian import link_alternatives, make_skeleton, mirror_of, space_left_gib
from standins.kubernetes.errors import KubernetesError

ANSWER = """\
http://one.example/security bookworm-security main
http://two.example/debian bookworm contrib
http://three.example/debian bookworm main
http://four.example/debian bookworm main
"""


def test_the_mirror_is_the_first_that_this_machines_apt_has_for_the_release():
    assert mirror_of(ANSWER) == "http://three.example/debian"


def test_a_machine_without_a_source_for_the_release_is_told_where_to_add_one():
    with pytest.raises(KubernetesError, match=r"bookworm main: add one to /etc/apt"):
        mirror_of("http://one.example/debian trixie main\n")


def test_old_folders_lead_below_usr_and_stay_links_when_made_again(tmp_path):
    make_skeleton(tmp_path)
    make_skeleton(tmp_path)
    for name in ("bin", "lib", "lib64", "sbin"):
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).resolve() == tmp_path / "usr" / name


def test_programs_get_the_name_that_they_are_called_by_where_the_package_is_there(tmp_path):
    make_skeleton(tmp_path)
    link_alternatives(tmp_path)
    assert not (tmp_path / "sbin" / "iptables").is_symlink()
    (tmp_path / "sbin" / "iptables-nft").symlink_to("xtables-nft-multi")
    link_alternatives(tmp_path)
    link_alternatives(tmp_path)
    assert (tmp_path / "sbin" / "iptables").readlink().name == "iptables-nft"
    assert not (tmp_path / "sbin" / "ip6tables").is_symlink()


def test_the_space_of_a_folder_that_is_not_there_is_its_parents(tmp_path):
    assert space_left_gib(tmp_path / "a" / "b") == pytest.approx(space_left_gib(tmp_path), abs=0.5)

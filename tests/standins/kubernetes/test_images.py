from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from standins.kubernetes import docker
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.images import busybox_archive, load, pause_archive
from standins.kubernetes.node import Node

TOOLS = ("[", "busybox", "pgrep", "sh", "wget")


def entries(content: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {entry.name: entry for entry in tar.getmembers()}


def test_an_archive_is_the_same_bytes_each_time():
    assert busybox_archive(b"program", TOOLS) == busybox_archive(b"program", TOOLS)
    assert busybox_archive(b"program", TOOLS) != busybox_archive(b"another", TOOLS)


def test_the_shell_and_its_tools_are_one_program():
    found = entries(busybox_archive(b"program", TOOLS))
    assert found["bin/busybox"].mode == 0o755
    assert {found[f"bin/{name}"].linkname for name in ("sh", "wget", "pgrep", "[")} == {"busybox"}
    assert found["tmp"].mode == 0o1777


def test_pause_is_one_file():
    assert list(entries(pause_archive(b"program"))) == ["pause"]


def test_a_file_that_is_not_there_is_refused_with_the_way_to_one(layout, tmp_path):
    with pytest.raises(KubernetesError, match="docker save"):
        load(Node(layout), tmp_path / "missing.tar")


@pytest.mark.parametrize("option", ["--bundle", "-b"])
def test_a_negative_oom_score_is_raised_to_0_and_all_else_is_handed_on(tmp_path: Path, option: str):
    told = tmp_path / "told"
    runc = tmp_path / "runc"
    runc.write_text(f'#!/bin/sh\necho "$@" > {told}\n')
    runc.chmod(0o755)
    wrapper = tmp_path / "wrapper"
    source = Path(docker.__file__).with_name("runc").read_text()
    wrapper.write_text(source.replace("/usr/sbin/runc", str(runc)))
    wrapper.chmod(0o755)
    configuration = tmp_path / "bundle" / "config.json"
    configuration.parent.mkdir()
    configuration.write_text('{"process":{"oomScoreAdj":-998,"cwd":"/-1"}}')
    subprocess.run([wrapper, "--root", "/r", "create", option, str(configuration.parent), "id"], check=True)
    assert configuration.read_text() == '{"process":{"oomScoreAdj":0,"cwd":"/-1"}}'
    assert told.read_text().split() == ["--root", "/r", "create", option, str(configuration.parent), "id"]


def test_without_a_bundle_it_only_hands_on(tmp_path: Path):
    runc = tmp_path / "runc"
    runc.write_text('#!/bin/sh\necho "$1"\n')
    runc.chmod(0o755)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(Path(docker.__file__).with_name("runc").read_text().replace("/usr/sbin/runc", str(runc)))
    wrapper.chmod(0o755)
    done = subprocess.run([wrapper, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "--version\n"

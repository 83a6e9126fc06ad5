"""Images in the node's store. No registry is asked: each is made from files of this machine."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from standins.kubernetes.docker import UNIT, docker
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.node import Node
from standins.supervisor.units import Action

REPOSITORY = "drivetrain.local"
PAUSE = f"{REPOSITORY}/pause:latest"
BUSYBOX = f"{REPOSITORY}/busybox:latest"
LOAD_TIMEOUT_SECONDS = 900.0
USERS = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUPS = b"root:x:0:\nnobody:x:65534:\n"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


def archive(files: Mapping[str, bytes | Link], folders: Mapping[str, int]) -> bytes:
    """A root file system as a tar file, the same bytes each time.

    Args:
        files: path -> its content, executable; or where it links to.
        folders: path -> its mode.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, mode in sorted(folders.items()):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            if isinstance(content, Link):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, content.target, 0o777
                tar.addfile(entry)
            else:
                entry.size, entry.mode = len(content), 0o755
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def busybox_archive(program: bytes, tools: Iterable[str]) -> bytes:
    """A shell and its tools, all of them one static program."""
    files: dict[str, bytes | Link] = {"bin/busybox": program, "etc/passwd": USERS, "etc/group": GROUPS}
    files |= {f"bin/{name}": Link("busybox") for name in tools if name != "busybox"}
    return archive(files, {"bin": 0o755, "etc": 0o755, "tmp": 0o1777, "root": 0o700, "var": 0o755})


def pause_archive(program: bytes) -> bytes:
    """What holds a pod's network while its containers come and go."""
    return archive({"pause": program}, {})


def small_images(node: Node) -> Action:
    """Puts the two images that every cluster needs into the store."""

    def make() -> str:
        busybox = node.layout.packaged("bin/busybox")
        tools = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
        pause = Path(node.layout.program("pause")).read_bytes()
        made = [
            put(node, BUSYBOX, busybox_archive(busybox.read_bytes(), tools), 'CMD ["/bin/sh"]', "ENV PATH=/bin"),
            put(node, PAUSE, pause_archive(pause), 'ENTRYPOINT ["/pause"]', "USER 65535:65535"),
        ]
        return "done" if any(made) else "done before"

    return Action("images", make, depends_on=(UNIT,))


def put(node: Node, name: str, content: bytes, *changes: str) -> bool:
    """Import a root file system under a name, unless that very content is there; says whether it was imported.

    Args:
        node: whose store.
        name: repository and tag.
        content: a tar file.
        changes: instructions of a Dockerfile, such as `CMD ["/bin/sh"]`.
    """
    digest = hashlib.sha256("\n".join(changes).encode() + content).hexdigest()[:16]
    kept = f"{name.rpartition(':')[0]}:{digest}"
    known = exists(node, kept)
    if not known:
        with _readable(content) as file:
            options = [f"--change={change}" for change in changes]
            docker(node, "import", *options, "-", kept, stdin=file.fileno())
    docker(node, "tag", kept, name)
    return not known


def exists(node: Node, name: str) -> bool:
    """Whether the store has an image of this name."""
    return bool(docker(node, "image", "ls", "--quiet", name).strip())


def load(node: Node, file: Path) -> list[str]:
    """Load an image that `docker save` wrote; returns the names that it brought.

    Raises:
        KubernetesError: there is no such file, or it holds no image.
    """
    if not file.is_file():
        raise KubernetesError(f"{file} is no file: write one with `docker save --output {file} <image>`.")
    with file.open("rb") as content:
        said = docker(node, "load", "--quiet", stdin=content.fileno(), timeout_seconds=LOAD_TIMEOUT_SECONDS)
    return [line.partition(": ")[2] for line in said.splitlines() if line.startswith("Loaded image")]


@contextmanager
def _readable(content: bytes) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        yield file

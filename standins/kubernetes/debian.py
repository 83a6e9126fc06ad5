"""Debian packages, unpacked into a folder: apt resolves, downloads and verifies them, and nothing is installed.

apt works on lists and a cache of our own, so that the machine's stay as they are.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from standins.kubernetes import recipe
from standins.kubernetes.errors import KubernetesError
from standins.supervisor.spawn import last_words

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NOT_WANTED = ("./etc", "./var", "./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/lintian")
# Debian's own default for these is a link that the package's script makes when it is installed.
ALTERNATIVES = {
    f"usr/sbin/{family}{verb}": f"{family}-nft{verb}"
    for family in ("iptables", "ip6tables")
    for verb in ("", "-save", "-restore")
}


class Packages:
    """A private view of Debian.

    Args:
        folder: lists, archives and a log.
        onto_nothing: packages come with all that they need, also what this machine has installed.
    """

    def __init__(self, folder: Path, *, onto_nothing: bool = False) -> None:
        self.folder = folder
        self._onto_nothing = onto_nothing
        self.log = folder / "apt.log"
        self._lists = folder / "lists"
        self._archives = folder / "archives"
        self._sources = folder / "sources.list"

    def refresh(self) -> None:
        """Get the lists of packages.

        Raises:
            KubernetesError: apt knows no mirror, or could not reach it.
        """
        for directory in (self._lists / "partial", self._archives / "partial"):
            directory.mkdir(parents=True, exist_ok=True)
        mirror = _mirror()
        self._sources.write_text(
            "".join(f"{kind} [signed-by={KEYRING}] {mirror} {recipe.RELEASE} main\n" for kind in ("deb", "deb-src"))
        )
        self._apt("update")

    def unpack(self, names: Sequence[str], root: Path, *, without: Sequence[str] = NOT_WANTED) -> None:
        """Unpack packages into `root`, with all they need that this machine has not installed.

        Args:
            names: of the packages.
            root: a folder.
            without: paths that are left out.

        Raises:
            KubernetesError: apt or tar failed; the message has the last telling line.
        """
        before = set(self._archives.glob("*.deb"))
        for archive in before:
            archive.unlink()
        self._apt("install", "--yes", "--download-only", "--no-install-recommends", "--no-remove", *names)
        make_skeleton(root)
        for archive in sorted(self._archives.glob("*.deb")):
            self._unpack_one(archive, root, without)
            archive.unlink()
        link_alternatives(root)

    def source(self, name: str, version: str, folder: Path) -> Path:
        """Download a source package; returns its .dsc.

        Raises:
            KubernetesError: Debian has this version no more, or apt failed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._apt("source", "--download-only", f"{name}={version}", cwd=folder)
        found = sorted(folder.glob(f"{name}_*.dsc"))
        if not found:
            raise KubernetesError(f"apt downloaded no description of {name} {version} (log: {self.log}).")
        return found[-1]

    def _apt(self, *arguments: str, cwd: Path | None = None) -> None:
        options = {
            "Dir::Etc::sourcelist": str(self._sources),
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": str(self._lists),
            "Dir::Cache": str(self.folder),
            "Dir::Cache::archives": str(self._archives),
            "APT::Sandbox::User": "root",
            # Ours alone use these folders, and dpkg is not called: no lock of the machine's is in the way.
            "Debug::NoLocking": "true",
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
        }
        if self._onto_nothing:
            options["Dir::State::status"] = "/dev/null"
        command = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items()), *arguments]
        self._run(command, f"apt-get {arguments[0]}", cwd)

    def _unpack_one(self, archive: Path, root: Path, without: Sequence[str]) -> None:
        # Not dpkg-deb --extract: a package's ./lib must go through the link to usr/lib, not replace it.
        excludes = [f"--exclude={path}" for path in without]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE, stderr=log
            ) as content,
        ):
            tar = ["tar", "--extract", "--keep-directory-symlink", *excludes, "--directory", str(root)]
            code = subprocess.run(tar, stdin=content.stdout, stdout=log, stderr=log, check=False).returncode
        if code or content.returncode:
            raise KubernetesError(f"{archive.name} could not be unpacked: {last_words(self.log)} (log: {self.log}).")

    def _run(self, command: Sequence[str], what: str, cwd: Path | None) -> None:
        with self.log.open("ab") as log:
            code = subprocess.run(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            ).returncode
        if code:
            raise KubernetesError(f"{what} ended with exit code {code}: {last_words(self.log)} (log: {self.log}).")


def _mirror() -> str:
    """The address that this machine's apt has for the release."""
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
    return mirror_of(answer)


def mirror_of(answer: str) -> str:
    """Pick the mirror from lines of `<address> <release> <component>`.

    Raises:
        KubernetesError: none is for the release's `main`.
    """
    for line in answer.splitlines():
        address, _, rest = line.partition(" ")
        if rest == f"{recipe.RELEASE} main":
            return address
    raise KubernetesError(f"apt has no source for {recipe.RELEASE} main: add one to /etc/apt/sources.list.d.")


def make_skeleton(root: Path) -> None:
    """The links of a Debian whose /bin, /lib and /sbin are below /usr."""
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")


def link_alternatives(root: Path) -> None:
    """Give programs the names that they are called by."""
    for name, target in ALTERNATIVES.items():
        link = root / name
        if (link.parent / target).is_symlink() and not link.is_symlink():
            link.symlink_to(target)


def space_left_gib(path: Path) -> float:
    """Free disk space where `path` is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free / 2**30

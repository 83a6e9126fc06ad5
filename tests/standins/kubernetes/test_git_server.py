from __future__ import annotations

import base64
import os
import subprocess
import threading
import urllib.request

import pytest

from standins.kubernetes.git_server import REPOSITORY, Server, ensure_repository

TOKEN = "a-token-of-this-test"


@pytest.fixture
def url(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    ensure_repository(folder)
    ensure_repository(folder)
    with Server(("127.0.0.1", 0), folder, TOKEN) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{REPOSITORY}"
        server.shutdown()
        thread.join()


def git(*arguments, cwd, url, token=TOKEN):
    said = base64.b64encode(f"anyone:{token}".encode()).decode()
    identity = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{url}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {said}",
        "GIT_TERMINAL_PROMPT": "0",
        **identity,
    }
    return subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def work(tmp_path):
    """A repository with a commit that is too large for one part of a request."""
    folder = tmp_path / "work"
    folder.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=folder, url="")
    (folder / "large").write_bytes(os.urandom(2 << 20))
    git("add", ".", cwd=folder, url="")
    assert git("commit", "--quiet", "-m", "One", cwd=folder, url="").returncode == 0
    return folder


def test_what_was_pushed_with_the_token_can_be_cloned_with_it(url, work, tmp_path):
    pushed = git("push", url, "main", cwd=work, url=url)
    assert pushed.returncode == 0, pushed.stderr
    cloned = git("clone", "--depth=1", url, "copy", cwd=tmp_path, url=url)
    assert cloned.returncode == 0, cloned.stderr
    assert (tmp_path / "copy" / "large").read_bytes() == (work / "large").read_bytes()


@pytest.mark.parametrize("token", ["", "another"])
def test_nobody_reads_or_writes_without_the_token(url, work, tmp_path, token):
    assert git("push", url, "main", cwd=work, url=url, token=token).returncode
    assert git("clone", url, "copy", cwd=tmp_path, url=url, token=token).returncode


def test_a_health_check_needs_no_token(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.replace(REPOSITORY, "healthz")) as response:
        assert response.status == 200

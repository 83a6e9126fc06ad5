"""The examples of docs/REST.md; the page's head says how they are run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from standins.platform.secrets import ADMIN, Secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standins.platform.testing import LocalPlatform

PAGE = Path(__file__).parents[2] / "docs" / "REST.md"
_BLOCK = re.compile(r'^```bash test="([^"]+)" status=(\d+)( on="features")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
Block = tuple[str, int, str]


def blocks(*, of_features: bool) -> list[Block]:
    """Name, status and text of each, in the page's order: those that need a feature store, or the others."""
    found = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [(name, int(status), text) for name, status, on, text in found if bool(on) is of_features]


def environment(platform: LocalPlatform, **more: str) -> dict[str, str]:
    """What blocks and programs find in it."""
    return {
        **os.environ,
        "AIRFLOW_URL": platform.airflow_url,
        "AIRFLOW_USER": ADMIN,
        "AIRFLOW_PASSWORD": Secrets.of(platform.layout.secrets_file).admin_password,
        "FEATURES_URL": platform.layout.features_url,
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def run_blocks(platform: LocalPlatform, folder: Path, chosen: Iterable[Block]) -> None:
    """Run them; each has to end as it says."""
    (folder / ".curlrc").write_text('write-out = "%{stderr}HTTP %{http_code}\\n"\n', encoding="utf-8")
    env = environment(platform, CURL_HOME=str(folder))
    for name, status, text in chosen:
        script = f"set -euo pipefail; set -a; [ ! -f vars ] || . ./vars\n{text}\nexport -p > vars\n"
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=180, check=False
        )
        said = f"{name}: {done.stdout[-800:]}\n{done.stderr[-800:]}"
        assert done.stderr.strip().splitlines()[-1:] == [f"HTTP {status}"], said
        assert done.returncode == (0 if status < 400 else 22), said

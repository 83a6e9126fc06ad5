"""Calls a program and waits for it: what it printed, or one line that says why there is nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from standins.kubernetes.errors import KubernetesError


def output_of(
    command: Sequence[str],
    *,
    timeout_seconds: float,
    what: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    text: str | None = None,
) -> str:
    """Run a program; returns what it printed.

    Args:
        command: program and arguments.
        timeout_seconds: after this long it is killed.
        what: its name in messages; "": the command.
        cwd: where it runs.
        env: its environment; None: this process's.
        stdin: a descriptor to read from.
        text: what to read instead; without either it reads nothing.

    Raises:
        KubernetesError: it ended with another code than 0, or not in time; the message has its last line.
    """
    what = what or f"`{' '.join(command)}`"
    source = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL if stdin is None else stdin}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_seconds, check=False, **source
        )
    except subprocess.TimeoutExpired:
        raise KubernetesError(f"{what} did not end within {timeout_seconds:.0f} s.") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise KubernetesError(f"{what} ended with exit code {done.returncode}: {said}")
    return done.stdout

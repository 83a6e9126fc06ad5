"""Random secrets of one local platform, made at the first start and the same ever after."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ADMIN = "admin"
# Of the health checks: sees every DAG, import error and line of the audit log, and changes nothing.
READER = "platform_health"


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment anyone else."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(text)
    partial.replace(file)


@dataclass(frozen=True)
class Secrets:
    """What only this platform knows. None holds a character that a URL or a shell would read as anything else."""

    admin_password: str
    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    postgres_password: str
    cleanup_password: str
    metrics_token: str = ""
    reader_password: str = ""

    @classmethod
    def of(cls, file: Path) -> Secrets:
        """Read the file; make it, or what it lacks, first."""
        known = json.loads(file.read_text()) if file.exists() else {}
        made = {
            "admin_password": secrets.token_urlsafe(12),
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret_key": secrets.token_urlsafe(24),
            "postgres_password": secrets.token_urlsafe(18),
            "cleanup_password": secrets.token_urlsafe(18),
            "metrics_token": secrets.token_urlsafe(18),
            "reader_password": secrets.token_urlsafe(18),
        }
        result = cls(**{field.name: known.get(field.name, made[field.name]) for field in fields(cls)})
        if asdict(result) != known:
            write_private(file, json.dumps(asdict(result), indent=1))
        return result

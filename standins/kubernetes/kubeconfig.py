"""Kubeconfig files: where the API server is, whom to believe, and who one is."""

from __future__ import annotations

import base64

import yaml

from standins.kubernetes.certificates import Pair


def kubeconfig(server: str, authority: bytes, user: Pair) -> str:
    """The file's text, with keys and certificates in it, so that it can be read from anywhere.

    Args:
        server: URL of the API server.
        authority: the certificate that signed the server's, as PEM.
        user: who calls.
    """
    name = "drivetrain"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": _text(authority)}},
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _text(user.certificate),
                    "client-key-data": _text(user.key),
                },
            },
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(content, sort_keys=False)


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()

"""How the API server is asked, by the supervisor and by whoever waits for something in it."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.layout import Layout

TIMEOUT_SECONDS = 5.0


class Api:
    """The API as the administrator. No proxy of the environment is asked.

    Args:
        layout: whose API server.
    """

    def __init__(self, layout: Layout) -> None:
        context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")
        self._client = httpx.Client(base_url=layout.api_url, verify=context, timeout=TIMEOUT_SECONDS, trust_env=False)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """The object at a path, or None where there is none.

        Raises:
            KubernetesError: no answer, or another status than 200 and 404.
        """
        response = self._send(path)
        return None if response.status_code == 404 else response.json()

    def check(self, path: str) -> None:
        """Ask a health check.

        Raises:
            KubernetesError: it does not answer 200.
        """
        response = self._send(path)
        if response.status_code != 200:
            raise KubernetesError(f"GET {path} answered {response.status_code}.")

    def _send(self, path: str) -> httpx.Response:
        try:
            response = self._client.get(path)
        except httpx.HTTPError as error:
            raise KubernetesError(f"GET {path}: {error}") from error
        if response.status_code not in (200, 404):
            raise KubernetesError(f"GET {path} answered {response.status_code}: {response.text[:200]}")
        return response

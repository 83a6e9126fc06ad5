"""Waits for what the API server will show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubernetes import client, watch
from kubernetes.client import ApiException


def until(core: client.CoreV1Api, namespace: str, name: str, done: Callable[[Any], bool], seconds: int = 60) -> Any:
    """The first state of a pod that `done` is true of."""
    selector = f"metadata.name={name}"
    stream = watch.Watch().stream(core.list_namespaced_pod, namespace, field_selector=selector, timeout_seconds=seconds)
    last = None
    for event in stream:
        last = event["object"]
        if event["type"] != "DELETED" and done(last):
            return last
    raise AssertionError(f"pod {name}: not within {seconds} s; the last seen: {last.status if last else None}")


def is_gone(read: Callable[[], object]) -> bool:
    """Whether the API says 404."""
    try:
        read()
    except ApiException as error:
        return error.status == 404
    return False

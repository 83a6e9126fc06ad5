from __future__ import annotations

import platform

import pytest

from standins.kubernetes import needs
from standins.kubernetes.errors import NotPossibleError


def test_everything_that_is_missing_is_named_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(needs.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(needs, "CGROUPS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"PRETTY_NAME": "Another Linux"})
    with pytest.raises(NotPossibleError) as refused:
        needs.require()
    message = str(refused.value)
    assert "\n" not in message
    for part in ("root", "Another Linux", "ip: apt-get install iproute2", "control groups", "unshare"):
        assert part in message


def test_another_system_is_refused_before_anything_else_is_asked(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert needs.missing() == ["Linux: use a virtual machine"]

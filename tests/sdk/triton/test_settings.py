"""What a client is told, and what it says where that can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drivetrain_triton import TritonSettings
from drivetrain_triton.errors import ConfigurationError
from drivetrain_triton.settings import Scheme
from drivetrain_triton.transports.port import Server

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_says_what_the_constructor_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIVETRAIN_TRITON_URLS", "http://a:1, grpc://b")
    monkeypatch.setenv("DRIVETRAIN_TRITON_TIMEOUT_SECONDS", "3")
    monkeypatch.setenv("DRIVETRAIN_TRITON_HEADERS", '{"x-team": "pricing"}')
    found = TritonSettings.of(timeout_seconds=2)
    assert (found.urls, found.timeout_seconds) == (("http://a:1", "grpc://b"), 2)
    assert found.all_headers() == {"x-team": "pricing"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("triton.toml", 'urls = ["grpcs://triton:443"]\ntoken = "s3cret"\n'),
        ("triton.json", '{"urls": ["grpcs://triton:443"], "token": "s3cret"}'),
    ],
)
def test_a_file_says_all_of_it(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    found = TritonSettings.of_file(file)
    assert found.urls == ("grpcs://triton:443",)
    assert found.all_headers() == {"authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, r"urls \(DRIVETRAIN_TRITON_URLS\): Field required"),
        ({"urls": ()}, "urls"),
        ({"urls": ("triton:8000",)}, "'triton:8000' is none of http://, https://, grpc:// or grpcs://host:port"),
        ({"urls": ("http://me:s3cret@triton",)}, "'http://triton' is none of"),
        ({"urls": ("http://a",), "timeout_seconds": 0}, r"timeout_seconds \(DRIVETRAIN_TRITON_TIMEOUT_SECONDS\)"),
        ({"urls": ("http://a",), "colour": "red"}, "colour"),
    ],
)
def test_settings_that_can_t_be_used_are_told_by_their_names_and_without_what_they_say(
    given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        TritonSettings.of(**given)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("a.toml", "urls = ["), ("a.json", "{"), ("gone.toml", None)])
def test_a_file_that_can_t_be_read_is_told_by_its_name(tmp_path: Path, name: str, text: str | None) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=name):
        TritonSettings.of_file(file)


@pytest.mark.parametrize(
    ("url", "scheme", "address"),
    [
        ("http://triton", Scheme.HTTP, "triton:8000"),
        ("https://triton/models/", Scheme.HTTPS, "triton:443/models"),
        ("grpc://triton", Scheme.GRPC, "triton:8001"),
        ("grpcs://[::1]:9", Scheme.GRPCS, "[::1]:9"),
    ],
)
def test_a_url_without_a_port_has_its_protocols(url: str, scheme: Scheme, address: str) -> None:
    found = Server.of(url, TritonSettings.of(urls=(url,)))
    assert (found.scheme, found.address) == (scheme, address)

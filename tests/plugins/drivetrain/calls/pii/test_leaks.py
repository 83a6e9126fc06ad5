"""Secrets are found however they are written."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.pii.leaks import Leak, SecretsError, find_leaks

SECRETS = {"phone": "98450 12345", "pan": "ABCPK1234F", "otp": "4821", "mail": "josé.núñez@example.com"}
ENCODINGS = {
    "url": lambda text: quote(text, safe=""),
    "plus": quote_plus,
    "json": lambda text: json.dumps({"text": text}),
    "html": html.escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
}


def names(text: str) -> set[str]:
    return {leak.name for leak in find_leaks(SECRETS, text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("called 9845012345 today", {"phone"}),
        ("+91-98450-12345", {"phone"}),
        ("(984) 501.2345", {"phone"}),
        ("९८४५० १२३४५", {"phone"}),
        ("９８４５０１２３４５", {"phone"}),
        ("98\u200b450\u2060123\u00ad45", {"phone"}),
        ("nine eight four five uh zero one two three four five", {"phone"}),
        ("9\\u0038450\\n12345", {"phone"}),
        ("&#57;845012345", {"phone"}),
        ("abcpk 1234 f and otp=4821;", {"pan", "otp"}),
        ("otp four eight two one", {"otp"}),
        ("JOSÉ.NÚÑEZ@EXAMPLE.COM", {"mail"}),
    ],
)
def test_a_secret_is_found_however_it_is_written(text: str, found: set[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    "text", ["", "9845 the rest is elsewhere 12346", "at 14:821 ms", "id 148213", "45000 km, 2018", "a" * 10_000]
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert names(text) == set()


@pytest.mark.parametrize("outer", ENCODINGS)
@pytest.mark.parametrize("inner", ENCODINGS)
def test_encodings_within_each_other_are_undone(outer: str, inner: str) -> None:
    text = ENCODINGS[outer](ENCODINGS[inner](f'{{"said": "my number is {SECRETS["phone"]}"}}'))
    assert names(f"level=info body={text} ok") == {"phone"}


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(ENCODINGS)))
def test_a_secret_is_found_within_any_text(before: str, after: str, encoding: str) -> None:
    text = ENCODINGS[encoding](f"{before} {SECRETS['pan']} {after}")
    assert "pan" in names(text)


def test_a_leak_says_where_it_is_and_never_what() -> None:
    text = base64.b64encode(b"pay from 9845012345").decode()
    leaks = find_leaks(SECRETS, text)
    assert leaks == (Leak("phone", "base64"),)
    assert "98450" not in repr(leaks)


def test_secrets_that_would_be_found_everywhere_are_refused_by_name() -> None:
    with pytest.raises(SecretsError, match=r"secrets: cvv: fewer than 4 letters and digits: leave them out"):
        find_leaks({"cvv": "1-2-3", "otp": "4821"}, "")


def test_a_megabyte_of_log_is_read_in_a_moment() -> None:
    line = '{"level": "info", "price": 450000, "trace": "a3f9c1d2e4b5a6978877665544332211"} '
    assert names(line * 12_000 + "9845012345") == {"phone"}

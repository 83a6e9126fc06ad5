from __future__ import annotations

import json
import stat
import time

import google.auth.exceptions
import gspread
import httpx
import jwt
import pytest

from standins.sheets.testing import SheetsStandin

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def exchange(
    server: SheetsStandin, account: str = "sync-1", key: str | None = None, **claims: object
) -> httpx.Response:
    info = json.loads(server.keyfile(account).read_text())
    now = int(time.time())
    full = {
        "iss": info["client_email"],
        "aud": info["token_uri"],
        "iat": now,
        "exp": now + 3600,
        "scope": "https://www.googleapis.com/auth/spreadsheets",
    }
    token = jwt.encode({**full, **claims}, key or info["private_key"], "RS256", {"kid": info["private_key_id"]})
    return httpx.post(f"{server.url}/token", data={"grant_type": GRANT, "assertion": token})


def test_key_files_are_private_and_name_this_server(server):
    path = server.keyfile("sync-2")
    info = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert info["token_uri"] == f"{server.url}/token"
    assert info["client_email"] == "sync-2@drivetrain-local.iam.gserviceaccount.com"


def test_a_signed_jwt_is_exchanged_for_an_expiring_bearer_token(server):
    answer = exchange(server).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"iss": "nobody@example.com"}, "Invalid grant: account not found"),
        ({"aud": "https://example.com/token"}, "Invalid JWT: Failed audience check."),
        ({"exp": int(time.time()) - 4000, "iat": int(time.time()) - 7000}, "Invalid JWT: Token must be a short-lived"),
        ({"exp": int(time.time()) + 90_000}, "Invalid JWT: Token must be a short-lived"),
    ],
)
def test_wrong_claims_are_an_invalid_grant(server, claims, description):
    answer = exchange(server, **claims)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert answer.json()["error_description"].startswith(description)


def test_a_jwt_signed_with_another_accounts_key_is_refused(server):
    other = json.loads(server.keyfile("sync-2").read_text())["private_key"]
    assert exchange(server, key=other).json() == {
        "error": "invalid_grant",
        "error_description": "Invalid JWT Signature.",
    }


def test_an_unknown_grant_type_is_named(server):
    answer = httpx.post(f"{server.url}/token", data={"grant_type": "password"})
    assert answer.json()["error"] == "unsupported_grant_type"


def test_google_auth_reports_a_revoked_key_and_its_tokens_live_on(server):
    server.create_account("leaver")
    sid = server.create_spreadsheet(share_with=["leaver"])
    before = server.gspread_client("leaver")
    before.open_by_key(sid)
    server.revoke_account("leaver")
    assert before.open_by_key(sid).title == "Test"
    with pytest.raises(google.auth.exceptions.RefreshError, match=r"invalid_grant: Invalid JWT Signature\."):
        server.gspread_client("leaver").open_by_key(sid)
    server.revoke_account("leaver", "account")
    with pytest.raises(google.auth.exceptions.RefreshError, match="account not found"):
        before.open_by_key(sid)


def test_a_new_key_replaces_the_old_one(server):
    path = server.create_account("rotated")
    old = path.read_text()
    server.create_account("rotated")
    assert path.read_text() != old
    assert exchange(server, "rotated").status_code == 200
    path.write_text(old)
    assert exchange(server, "rotated").json()["error_description"] == "Invalid JWT Signature."


def test_an_unknown_token_is_401_and_none_at_all_is_403(server):
    sid = server.create_spreadsheet()
    url = f"{server.url}/v4/spreadsheets/{sid}"
    wrong = httpx.get(url, headers={"Authorization": "Bearer ya29.c.eyJzdWIiOiJ4In0.AAAA"})
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert httpx.get(url).json()["error"]["status"] == "PERMISSION_DENIED"
    assert "unregistered callers" in httpx.get(url).json()["error"]["message"]


def test_an_expired_token_is_401_and_google_auth_gets_a_new_one(tmp_path):
    with SheetsStandin(accounts=1, options={"token_seconds": 1}) as server:
        client = server.gspread_client()
        sid = server.create_spreadsheet()
        client.open_by_key(sid)
        token = client.http_client.auth.token
        headers = {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + 10
        while (answer := httpx.get(f"{server.url}/v4/spreadsheets/{sid}", headers=headers)).status_code == 200:
            assert time.monotonic() < deadline
        assert answer.status_code == 401
        client.open_by_key(sid)
        assert client.http_client.auth.token != token


def test_a_token_without_a_fitting_scope_is_refused(server):
    sid = server.create_spreadsheet()
    readonly = server.gspread_client(scopes=["https://www.googleapis.com/auth/spreadsheets.readonly"])
    book = readonly.open_by_key(sid)
    with pytest.raises(gspread.exceptions.APIError) as caught:
        book.values_clear("A1")
    assert caught.value.code == 403
    assert caught.value.error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    with pytest.raises(gspread.exceptions.APIError, match="insufficient authentication scopes"):
        readonly.list_spreadsheet_files()

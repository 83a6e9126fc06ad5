"""Service accounts: key files, the JWT exchange at /token, and bearer tokens.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest : a JWT that is signed with the
account's key is exchanged for an access token that lives an hour.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from standins.sheets.store import Store

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim."
)
_SKEW_SECONDS = 300
_NAME = re.compile(r"[a-z][a-z0-9-]{0,28}[a-z0-9]\Z")


class TokenError(Exception):
    """A refusal of the token endpoint: {"error", "error_description"} with status 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.answer = {"error": error, "error_description": description}


class Accounts:
    """The project's service accounts."""

    def __init__(self, store: Store, folder: Path, project: str, token_seconds: int) -> None:
        self._store = store
        self._folder = folder
        self._project = project
        self._token_seconds = token_seconds
        self._accounts = store.accounts()
        secret = store.setting("token_secret")
        if secret is None:
            secret = secrets.token_bytes(32)
            store.set_setting("token_secret", secret)
        self._secret = secret
        self.base_url = ""

    def ensure(self, names: list[str], base_url: str) -> None:
        """Make the accounts that are missing, and write every key file with this server's token_uri."""
        self.base_url = base_url
        missing = [name for name in names if name not in self._accounts]
        with ThreadPoolExecutor(max_workers=max(len(missing), 1)) as pool:
            # Making an RSA key takes a tenth of a second or more, and OpenSSL does it outside the interpreter's lock.
            for name, account in zip(missing, pool.map(self._make, missing), strict=True):
                self._accounts[name] = account
                self._store.save_account(name, account)
        for name in self._accounts:
            self._write_key_file(name)

    def create(self, name: str) -> tuple[Path, dict[str, Any]]:
        """An account (a new key for it, if it is there already) and its key file."""
        if not _NAME.match(name):
            raise ValueError(f"an account's name has 2 to 30 of a-z, 0-9 and -, and starts with a letter: {name!r}")
        account = self._make(name)
        old = self._accounts.get(name)
        if old is not None:
            account["client_id"] = old["client_id"]
        self._accounts[name] = account
        self._store.save_account(name, account)
        return self._write_key_file(name)

    def revoke(self, name: str, what: str) -> None:
        """End a key, or a whole account.

        ``key``: no more tokens, and those that are out live on, as when a key is deleted or expires; ``account``: the
        tokens end as well; empty: undo.
        """
        account = self._accounts[name]
        account["revoked"] = what
        self._store.save_account(name, account)

    def _make(self, name: str) -> dict[str, Any]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "email": f"{name}@{self._project}.iam.gserviceaccount.com",
            "client_id": str(secrets.randbelow(9 * 10**20) + 10**20),
            "key_id": secrets.token_hex(20),
            "private_key": private.decode(),
            "public_key": public.decode(),
            "revoked": "",
        }

    def _write_key_file(self, name: str) -> tuple[Path, dict[str, Any]]:
        account = self._accounts[name]
        email = account["email"]
        content = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": account["key_id"],
            "private_key": account["private_key"],
            "client_email": email,
            "client_id": account["client_id"],
            "auth_uri": f"{self.base_url}/o/oauth2/auth",
            "token_uri": f"{self.base_url}/token",
            "auth_provider_x509_cert_url": f"{self.base_url}/oauth2/v1/certs",
            "client_x509_cert_url": f"{self.base_url}/robot/v1/metadata/x509/{email.replace('@', '%40')}",
            "universe_domain": "googleapis.com",
        }
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{name}.json"
        temporary = path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        temporary.replace(path)
        return path, content

    def emails(self) -> list[str]:
        """The addresses of all accounts."""
        return [account["email"] for account in self._accounts.values()]

    def email(self, name: str) -> str:
        """The address behind an account's name; an address stays as it is."""
        account = self._accounts.get(name)
        return account["email"] if account else name

    def has(self, name: str) -> bool:
        """Whether there is an account of this name."""
        return name in self._accounts

    # Tokens ----------------------------------------------------------------------------------------------------------

    def exchange(self, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        """A signed JWT for an access token: (address, answer)."""
        grant = form.get("grant_type", "")
        if grant != GRANT:
            raise TokenError("unsupported_grant_type", f"Invalid grant_type: {grant}")
        assertion = form.get("assertion", "")
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            raise TokenError("invalid_grant", "Bad Request") from error
        account = next((each for each in self._accounts.values() if each["email"] == claims.get("iss")), None)
        if account is None or account["revoked"] == "account":
            raise TokenError("invalid_grant", "Invalid grant: account not found")
        if account["revoked"] == "key" or header.get("kid", account["key_id"]) != account["key_id"]:
            raise TokenError("invalid_grant", "Invalid JWT Signature.")
        try:
            jwt.decode(
                assertion,
                account["public_key"],
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise TokenError("invalid_grant", "Invalid JWT Signature.") from error
        self._check_claims(claims)
        scope = claims.get("scope") or ""
        if not scope:
            raise TokenError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        now = time.time()
        token = self._sign(
            {"sub": account["email"], "exp": now + self._token_seconds, "scope": scope, "n": secrets.token_hex(4)}
        )
        answer = {"access_token": token, "expires_in": self._token_seconds, "token_type": "Bearer"}
        return account["email"], answer

    def _check_claims(self, claims: dict[str, Any]) -> None:
        audience = claims.get("aud")
        right = {f"{self.base_url}/token", "https://oauth2.googleapis.com/token"}
        if audience not in right:
            raise TokenError(
                "invalid_grant", f"Invalid JWT: Failed audience check. The right audience is {self.base_url}/token"
            )
        issued, expires, now = claims.get("iat"), claims.get("exp"), time.time()
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise TokenError("invalid_grant", _SHORT_LIVED)
        if issued > now + _SKEW_SECONDS or expires < now - _SKEW_SECONDS or expires - issued > 3600 + _SKEW_SECONDS:
            raise TokenError("invalid_grant", _SHORT_LIVED)

    def _sign(self, payload: dict[str, Any]) -> str:
        body = base64.urlsafe_b64encode(orjson.dumps(payload)).rstrip(b"=")
        mark = hmac.new(self._secret, body, hashlib.sha256).digest()
        return f"ya29.c.{body.decode()}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"

    def identify(self, token: str) -> tuple[str, frozenset[str]] | None:
        """(address, scopes) of a bearer token; None if it is unknown, expired or its account is gone."""
        parts = token.split(".")
        if len(parts) != 4 or parts[0] != "ya29":
            return None
        expected = hmac.new(self._secret, parts[2].encode(), hashlib.sha256).digest()
        try:
            given = base64.urlsafe_b64decode(parts[3] + "=" * (-len(parts[3]) % 4))
            if not hmac.compare_digest(expected, given):
                return None
            payload = orjson.loads(base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)))
        except ValueError:
            return None
        if payload["exp"] < time.time():
            return None
        for account in self._accounts.values():
            if account["email"] == payload["sub"]:
                gone = account["revoked"] == "account"
                return None if gone else (payload["sub"], frozenset(payload["scope"].split()))
        return None

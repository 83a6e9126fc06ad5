"""Google's error answers: https://cloud.google.com/apis/design/errors (Sheets), and the older shape of Drive."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 200. ``body()`` is the JSON that Google would send."""

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


class DriveError(ApiError):
    """Drive v3 keeps ``errors[]`` with a domain and a reason: https://developers.google.com/workspace/drive/api/guides/handle-errors."""

    def __init__(self, code: int, reason: str, message: str, location: str | None = None) -> None:
        super().__init__(code, reason, message)
        self.reason = reason
        self.location = location

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        item: dict[str, Any] = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            item |= {"location": self.location, "locationType": "parameter"}
        return {"error": {"code": self.code, "message": self.message, "errors": [item]}}


def invalid(message: str) -> ApiError:
    """400 for a request that parses but cannot be done."""
    return ApiError(400, "INVALID_ARGUMENT", message)


def bad_request(violations: list[tuple[str, str]]) -> ApiError:
    """400 for a payload that does not fit the schema; ``violations`` are (field path, description)."""
    listed = [{"field": field, "description": text} if field else {"description": text} for field, text in violations]
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": listed}
    return ApiError(400, "INVALID_ARGUMENT", "\n".join(text for _, text in violations), [detail])


def permission_denied() -> ApiError:
    """403: the account has no access, or only a reader's, to this spreadsheet."""
    return ApiError(403, "PERMISSION_DENIED", "The caller does not have permission")


def not_found() -> ApiError:
    """404: no such spreadsheet (or metadata)."""
    return ApiError(404, "NOT_FOUND", "Requested entity was not found.")


def not_implemented(name: str) -> ApiError:
    """501, which Google never sends here: the stand-in cannot do this, and says so rather than pretending."""
    return ApiError(501, "UNIMPLEMENTED", f"The Sheets stand-in does not implement {name}.")


def unavailable() -> ApiError:
    """503 in Google's words."""
    return ApiError(503, "UNAVAILABLE", "The service is currently unavailable.")


def internal() -> ApiError:
    """500 in Google's words."""
    return ApiError(500, "INTERNAL", "Internal error encountered.")


def quota_exceeded(kind: str, per_user: bool, project: str, limit: int) -> ApiError:
    """429: which quota ran out, in words and in ``google.rpc.ErrorInfo`` (https://cloud.google.com/apis/design/errors#error_info)."""
    word = kind.capitalize()
    suffix = " per user" if per_user else ""
    message = (
        f"Quota exceeded for quota metric '{word} requests' and limit '{word} requests per minute{suffix}' of service "
        f"'sheets.googleapis.com' for consumer 'project_number:{project}'."
    )
    metadata = {
        "consumer": f"projects/{project}",
        "quota_limit": f"{word}RequestsPerMinutePer{'User' if per_user else 'Project'}",
        "quota_limit_value": str(limit),
        "quota_location": "global",
        "quota_metric": f"sheets.googleapis.com/{kind}_requests",
        "quota_unit": "1/min/{project}/{user}" if per_user else "1/min/{project}",
        "service": "sheets.googleapis.com",
    }
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": metadata,
        },
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [
                {
                    "description": "Request a higher quota limit.",
                    "url": "https://cloud.google.com/docs/quotas/help/request_increase",
                }
            ],
        },
    ]
    return ApiError(429, "RESOURCE_EXHAUSTED", message, details)


def unauthenticated() -> ApiError:
    """401: the bearer token is unknown or expired (google-auth refreshes and tries again)."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(401, "UNAUTHENTICATED", message)


def unregistered() -> ApiError:
    """403: no credential at all."""
    message = (
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API."
    )
    return ApiError(403, "PERMISSION_DENIED", message)


def scope_insufficient(service: str, method: str) -> ApiError:
    """403: the token was asked for without a scope that this method needs."""
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
        "metadata": {"service": service, "method": method},
    }
    return ApiError(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.", [detail])

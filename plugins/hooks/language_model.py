"""OpenAI's chat completions, or another server that speaks like it, by Airflow's own connection type openai."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import openai
from airflow.sdk import BaseHook

from drivetrain.calls.understand.answers import Completion, Finish, Usage
from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    FatalError,
    QuotaExceededError,
    RequestRejectedError,
    RetriableError,
    TargetMissingError,
    UnavailableError,
)
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    from drivetrain.calls.understand.answers import Question

# A model that thinks for long answers late; what is longer than this is lost.
# https://platform.openai.com/docs/api-reference/introduction
_TIMEOUT_SECONDS = 120.0
_NO_MONEY = "insufficient_quota"


class LanguageModelHook(BaseHook):
    """See drivetrain.calls.understand.answers.LanguageModel.

    Args:
        openai_conn_id: a connection of type openai: its password is the API key, its host another server's base URL.
        retry: for calls that are known not to have been charged.
        timeout_seconds: for an answer.
    """

    conn_name_attr = "openai_conn_id"
    default_conn_name = "openai_default"

    def __init__(
        self,
        openai_conn_id: str = default_conn_name,
        *,
        retry: RetryPolicy | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.openai_conn_id, self.timeout_seconds = openai_conn_id, timeout_seconds
        self.retry = retry or RetryPolicy()

    def complete(self, question: Question) -> Completion:
        """Ask.

        Raises:
            RetriableError: it may do better later.
            FatalError: it won't.
        """
        return self.retry.call(lambda: self._complete(question))

    def _complete(self, question: Question) -> Completion:
        try:
            told = self._client.chat.completions.create(
                model=question.model,
                messages=[
                    {"role": "system", "content": question.system},
                    {"role": "user", "content": question.text},
                ],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": question.schema_name, "strict": True, "schema": question.schema},
                },
                max_completion_tokens=question.most_tokens,
                store=False,
            )
        except openai.OpenAIError as error:
            raise self._told(error) from None
        return _completion(told)

    @cached_property
    def _client(self) -> openai.OpenAI:
        connection = self.get_connection(self.openai_conn_id)
        if not connection.password:
            raise CredentialsError(f"connection {self.openai_conn_id}: has no password: give the API key")
        # Retries are ours alone.
        return openai.OpenAI(
            api_key=connection.password,
            base_url=connection.host or None,
            timeout=self.timeout_seconds,
            max_retries=0,
        )

    def _told(self, error: openai.OpenAIError) -> FatalError | RetriableError:
        """OpenAI's errors by what happens next. Their messages may repeat what was sent, so none of them is told.

        https://platform.openai.com/docs/guides/error-codes
        """
        where = f"connection {self.openai_conn_id}"
        if isinstance(error, openai.APIConnectionError):  # a time-out, too: what was asked is charged, and asked again
            return UnavailableError(f"{where}: no answer within {self.timeout_seconds:g} s, or no connection")
        if not isinstance(error, openai.APIStatusError):
            return RetriableError(f"{where}: {type(error).__name__}")
        status, code = error.status_code, error.code or error.type or ""
        message = f"{where}: OpenAI answers {status} {code}".rstrip()
        if code == _NO_MONEY:
            return FatalError(f"{message}: its budget is used up: raise it at OpenAI")
        if status == 429:
            return QuotaExceededError(message, retry_after_seconds=_seconds(error.response.headers.get("retry-after")))
        if status >= 500 or status in (408, 409):
            return UnavailableError(message)
        kinds: dict[int, type[FatalError]] = {401: CredentialsError, 403: AccessDeniedError, 404: TargetMissingError}
        return kinds.get(status, RequestRejectedError)(message)


def _completion(told: Any) -> Completion:
    if not told.choices:
        raise RetriableError("OpenAI's answer has no choice in it")
    choice, usage = told.choices[0], told.usage
    details = getattr(usage, "prompt_tokens_details", None)
    is_refused = bool(choice.message.refusal) or choice.finish_reason == "content_filter"
    finish = Finish.REFUSED if is_refused else Finish.LENGTH if choice.finish_reason == "length" else Finish.DONE
    return Completion(
        text=choice.message.content or choice.message.refusal or "",
        finish=finish,
        usage=Usage(
            read=usage.prompt_tokens if usage else 0,
            read_cached=(details.cached_tokens or 0) if details else 0,
            written=usage.completion_tokens if usage else 0,
        ),
        model=told.model,
    )


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After header; a date, which OpenAI does not send, is none."""
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None

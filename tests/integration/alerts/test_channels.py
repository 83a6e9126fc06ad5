"""Each kind of channel against a real server."""

from __future__ import annotations

import json
import logging
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

from drivetrain.alerts.entry import News, seen
from drivetrain.alerts.notice import Item, Links, Notice
from drivetrain.errors import AmbiguousWriteError, FatalError, QuotaExceededError, RetriableError, UnavailableError
from drivetrain.retry import RetryPolicy
from hooks.alert_mail import EmailSender
from hooks.alert_posts import SlackSender, WebhookSender, signature
from tests.support.alerts import NOON, alert

if TYPE_CHECKING:
    from tests.support.receivers import HttpReceiver, MailReceiver

SLACK = "/services/T0/B0/topsecret"
SOON = RetryPolicy(attempts=3, initial_wait_seconds=0.001, max_wait_seconds=0.01)


def notice(line: str = "sync stock: 3 h old") -> Notice:
    item = Item(News.NEW, seen(None, alert(line=line), "ops", NOON))
    return Notice((item,), NOON, Links("https://airflow.example"))


def test_slack_gets_text_in_which_nothing_is_markup(http: HttpReceiver) -> None:
    SlackSender("slack").send(notice("<!channel> <https://evil.example|a & b>"))
    (post,) = http.at(SLACK)
    text = str(post.json["text"])
    assert text.startswith("*Drivetrain: 1 new*\n• [warning] retail: &lt;!channel&gt;")
    assert "<" not in text
    assert "a &amp; b" in text


def test_slacks_whole_address_may_be_the_password(http: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "slackwebhook", "password": f"{http.url}/whole"}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK", json.dumps(connection))
    SlackSender("slack").send(notice())
    assert len(http.at("/whole")) == 1


def test_a_webhook_is_signed_over_its_time_and_body(http: HttpReceiver) -> None:
    WebhookSender("hook").send(notice())
    (post,) = http.at("/hook")
    at = int(NOON.timestamp())
    assert post.headers["x-drivetrain-signature"] == f"t={at},v1={signature('signing key', at, post.body)}"
    (told,) = post.json["alerts"]  # type: ignore[misc]
    assert told["key"] == "late/stock"
    assert told["links"] == ["https://airflow.example/drivetrain/sheets/stock"]


def test_a_mail_is_text_in_html_whatever_was_in_it(mail: MailReceiver) -> None:
    EmailSender("smtp_default", ["a@drivetrain.example", "b@drivetrain.example"]).send(notice("<b>not bold</b>"))
    ((recipients, raw),) = mail.got
    assert recipients == ["a@drivetrain.example", "b@drivetrain.example"]
    message = message_from_string(raw)
    assert message["Subject"] == "Drivetrain: 1 new"
    payload = message.get_payload()
    assert isinstance(payload, list)
    body = payload[0].get_payload(decode=True)
    assert b"&lt;b&gt;not bold&lt;/b&gt;" in body


def test_what_had_no_effect_is_tried_again_at_once(http: HttpReceiver) -> None:
    http.answers[SLACK] = [429, 503]
    SlackSender("slack", retry=SOON).send(notice())
    assert len(http.at(SLACK)) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, FatalError),
        (302, FatalError),
        (429, QuotaExceededError),
        (503, UnavailableError),
        (500, AmbiguousWriteError),
        (0, AmbiguousWriteError),
    ],
)
def test_only_a_success_counts_and_no_error_or_log_tells_the_address(
    http: HttpReceiver, caplog: pytest.LogCaptureFixture, status: int, error: type[Exception]
) -> None:
    http.answers[SLACK] = [status] * 3
    with caplog.at_level(logging.DEBUG), pytest.raises(error) as refused:
        SlackSender("slack", retry=SOON).send(notice())
    assert "connection slack: " in str(refused.value)
    assert "topsecret" not in str(refused.value)
    assert "topsecret" not in "".join(record.getMessage() for record in caplog.records if record.name == "httpx")


def test_a_server_that_asks_for_a_long_pause_is_asked_again_in_a_later_round(http: HttpReceiver) -> None:
    http.answers["/hook"], http.headers["Retry-After"] = [429], "600"
    with pytest.raises(QuotaExceededError) as refused:
        WebhookSender("hook", retry=SOON).send(notice())
    assert refused.value.retry_after_seconds == 600
    assert http.got == []


def test_a_mail_server_that_refuses_is_named_with_the_fix(mail: MailReceiver) -> None:
    mail.refuse = True
    with pytest.raises(FatalError, match=r"connection smtp_default: the mail server refuses a@d\.example: correct"):
        EmailSender("smtp_default", ["a@d.example"]).send(notice())


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (None, "connection hook: there is none"),
        ({"conn_type": "http"}, "connection hook: host: missing"),
        ({"conn_type": "http", "host": "ftp://x"}, "connection hook: host: not an address"),
        ({"conn_type": "http", "host": "http://127.0.0.1", "port": 1}, "connection hook: no connection"),
    ],
)
def test_a_connection_that_leads_nowhere_is_named(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, object] | None, words: str
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_HOOK")
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_HOOK", json.dumps(connection))
    with pytest.raises((FatalError, RetriableError), match=words):
        WebhookSender("hook", retry=SOON).send(notice())

"""Alerts by e-mail, over Airflow's own hook for SMTP."""

from __future__ import annotations

import html
import smtplib
from typing import TYPE_CHECKING

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from drivetrain.errors import AmbiguousWriteError, FatalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.alerts.notice import Notice

_LINES = 200


class EmailSender:
    """E-mail.

    Args:
        conn_id: of type smtp; its extra `from_email` is the sender.
        to: whom.
    """

    def __init__(self, conn_id: str, to: Sequence[str]) -> None:
        self._conn_id, self._to = conn_id, list(to)

    def send(self, notice: Notice) -> None:
        """See drivetrain.alerts.notice.Sender."""
        where = f"connection {self._conn_id}"
        try:
            with SmtpHook(smtp_conn_id=self._conn_id) as hook:
                hook.send_email_smtp(to=self._to, subject=notice.headline, html_content=mail_body(notice))
        except smtplib.SMTPAuthenticationError as error:
            raise FatalError(f"{where}: the mail server refuses login and password: {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            refused = ", ".join(sorted(error.recipients))
            raise FatalError(f"{where}: the mail server refuses {refused}: correct the channel's `to`") from None
        except (smtplib.SMTPException, OSError) as error:
            said = " ".join(str(error).split())[:200]
            raise AmbiguousWriteError(f"{where}: the mail server: {type(error).__name__}: {said}") from None
        except AirflowException as error:
            raise FatalError(f"{where}: {' '.join(str(error).split())[:200]}") from None


def mail_body(notice: Notice) -> str:
    """HTML in which everything that came from outside is text."""
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in notice.lines(_LINES))
    return f"<h3>{html.escape(notice.headline)}</h3><ul>{lines}</ul>"

"""The channels that include/alerts/routes.yaml names, as senders."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from drivetrain.alerts.notice import Links
from drivetrain.alerts.routes import EmailChannel, SlackChannel, WebhookChannel
from hooks.alert_mail import EmailSender
from hooks.alert_posts import SlackSender, WebhookSender

if TYPE_CHECKING:
    from drivetrain.alerts.notice import Notice, Sender
    from drivetrain.alerts.routes import AlertRoutes, Channel

log = logging.getLogger(__name__)


class LogSender:
    """The task's own log."""

    def send(self, notice: Notice) -> None:
        """See drivetrain.alerts.notice.Sender."""
        for line in (notice.headline, *notice.lines(len(notice.items))):
            log.warning(line)


def senders(routes: AlertRoutes) -> dict[str, Sender]:
    """By the channels' names. Connections are asked for when something is sent."""
    return {name: _sender(channel) for name, channel in routes.channels.items()}


def links(routes: AlertRoutes) -> Links:
    """Where pages are, by Airflow's own configuration."""
    return Links(airflow=conf.get("api", "base_url", fallback="") or "", runbooks=routes.runbooks or "")


def _sender(channel: Channel) -> Sender:
    if isinstance(channel, SlackChannel):
        return SlackSender(channel.connection)
    if isinstance(channel, WebhookChannel):
        return WebhookSender(channel.connection)
    if isinstance(channel, EmailChannel):
        return EmailSender(channel.connection, channel.to)
    return LogSender()

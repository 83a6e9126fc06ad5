"""Who is told what, and where: include/alerts/routes.yaml."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from drivetrain.alerts.alert import Severity
from drivetrain.alerts.thresholds import Thresholds
from drivetrain.spec_types import Duration, Email, Slug, parse_duration
from drivetrain.specs import ClosedModel, load_spec

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from drivetrain.alerts.alert import Alert

FILE = "alerts/routes.yaml"
DEFAULT = "default"
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,250}$")]


class _Channel(ClosedModel):
    at_least: Severity = Severity.WARNING


class SlackChannel(_Channel):
    """Slack, by an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks .

    Attributes:
        connection: of type slackwebhook or http; its password is the webhook's secret part.
    """

    kind: Literal["slack"]
    connection: ConnectionId


class WebhookChannel(_Channel):
    """JSON to any address, signed.

    Attributes:
        connection: of type http; its password is the secret that signs.
    """

    kind: Literal["webhook"]
    connection: ConnectionId


class EmailChannel(_Channel):
    """E-mail.

    Attributes:
        connection: of type smtp.
        to: whom.
    """

    kind: Literal["email"]
    connection: ConnectionId = "smtp_default"
    to: Annotated[tuple[Email, ...], Field(min_length=1, max_length=50)]


class LogChannel(_Channel):
    """The log of the task, for where there is nothing else yet."""

    kind: Literal["log"]


Channel = Annotated[SlackChannel | WebhookChannel | EmailChannel | LogChannel, Field(discriminator="kind")]


class AlertRoutes(ClosedModel):
    """Channels, and which team's alerts go to which of them.

    Attributes:
        channels: by the names that routes use.
        routes: channels by team. `default` is for teams that are not listed, and has to be there.
        repeat_after: an alert that holds is told again after so long.
        quiet_after: a failed task counts as mended when it did not fail again for so long.
        runbooks: the address that the names of runbooks are put behind, for links.
        limits: from when on a condition is worth telling.
    """

    channels: Annotated[dict[Slug, Channel], Field(min_length=1)]
    routes: Annotated[dict[Slug, Annotated[tuple[Slug, ...], Field(min_length=1)]], Field(min_length=1)]
    repeat_after: Duration = "4h"
    quiet_after: Duration = "1h"
    runbooks: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    limits: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _channels_exist(self) -> Self:
        for team, channels in self.routes.items():
            if unknown := [name for name in channels if name not in self.channels]:
                known = ", ".join(sorted(self.channels))
                raise ValueError(f"routes.{team}: no channel is called {', '.join(unknown)}; there are: {known}")
        if DEFAULT not in self.routes:
            raise ValueError(f"routes.{DEFAULT}: missing, add it: else nobody hears of teams that are not listed")
        return self

    def channels_of(self, alert: Alert) -> tuple[str, ...]:
        """Where an alert goes."""
        names = self.routes.get(alert.team, self.routes[DEFAULT])
        return tuple(name for name in names if alert.severity.rank >= self.channels[name].at_least.rank)

    @property
    def repeat(self) -> dt.timedelta:
        """See repeat_after."""
        return parse_duration(self.repeat_after)

    @property
    def quiet(self) -> dt.timedelta:
        """See quiet_after."""
        return parse_duration(self.quiet_after)


def load_routes(include: Path) -> AlertRoutes:
    """Read the file.

    Raises:
        SpecError: it is wrong: one line with the file, the key and the fix.
    """
    return load_spec(include / FILE, AlertRoutes)

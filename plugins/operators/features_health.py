"""Looks at all feature views, and tells whoever has to know that what is served is too old."""

from __future__ import annotations

from drivetrain.alerts.features import feature_findings
from drivetrain.metrics.features import PREFIX, measures
from drivetrain.state.feature_standings import view_standings
from operators.health import Basis, HealthOperator, Look


class FeaturesHealthOperator(HealthOperator):
    """Hold each view's age to its freshness objective, send the numbers, and tell the channels what they don't know.

    Returns (XCom): `views`, how many there are; and see HealthOperator.
    """

    def look(self, basis: Basis) -> Look:
        """See HealthOperator."""
        views, limits = view_standings(basis.state.engine), basis.routes.limits
        return Look(
            feature_findings(views, basis.now, limits),
            {"views": len(views)},
            measures(views, basis.now, limits),
            PREFIX,
        )

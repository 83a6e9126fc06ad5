"""Who sees and does what: Airflow's own users, and what its auth manager says of their teams' DAGs.

A team's syncs are as visible as its DAG. So rights are given where all others are, in Airflow, and mean the same under
every auth manager.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends

if TYPE_CHECKING:
    from collections.abc import Iterable


FLEET_DAG = "sheets_worker"


def dag_of(team: str) -> str:
    """The DAG of a team's syncs, see operators.team_dags."""
    return f"sheets_sync_{team}"


@dataclass(frozen=True)
class Access:
    """One user's rights.

    Attributes:
        user: as Airflow knows them; requests without one never get here.
        manager: who decides.
    """

    user: BaseUser
    manager: BaseAuthManager[Any]

    @property
    def name(self) -> str:
        """For people to read."""
        return (self.user.get_name() or "somebody")[:200]

    def readable(self, teams: Iterable[str]) -> set[str]:
        """Those of the teams whose syncs the user may see."""
        details = _details(teams)
        return {
            team
            for team, dag in details.items()
            if self.manager.is_authorized_dag(method="GET", details=dag, user=self.user)
        }

    def readable_dags(self, dags: Iterable[str]) -> set[str]:
        """Those of the DAGs that the user may see."""
        ids = list(dags)
        owners = _owners(ids)
        return {
            dag
            for dag in ids
            if self.manager.is_authorized_dag(
                method="GET", details=DagDetails(id=dag, team_name=owners.get(dag)), user=self.user
            )
        }

    def sees_fleet(self) -> bool:
        """Whether the user may see what all teams share: as reading the DAG of the workers."""
        return self.manager.is_authorized_dag(method="GET", details=_detail(FLEET_DAG), user=self.user)

    def may_run(self, team: str) -> bool:
        """Whether the user may start the team's syncs: as triggering its DAG."""
        return self.manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=_details([team])[team], user=self.user
        )

    def may_pause(self, team: str) -> bool:
        """Whether the user may pause and resume the team's syncs: as pausing its DAG."""
        return self.manager.is_authorized_dag(method="PUT", details=_details([team])[team], user=self.user)


def access(
    user: Annotated[BaseUser, Depends(get_user)], manager: Annotated[BaseAuthManager[Any], Depends(get_auth_manager)]
) -> Access:
    """The request's user.

    Raises:
        HTTPException: 401 there is none; 403 the token is no token of ours.
    """
    return Access(user, manager)


AccessDep = Annotated[Access, Depends(access)]


def _details(teams: Iterable[str]) -> dict[str, DagDetails]:
    dags = {team: dag_of(team) for team in teams}
    owners = _owners(list(dags.values()))
    return {team: DagDetails(id=dag, team_name=owners.get(dag)) for team, dag in dags.items()}


def _detail(dag: str) -> DagDetails:
    return DagDetails(id=dag, team_name=_owners([dag]).get(dag))


def _owners(dags: list[str]) -> dict[str, str | None]:
    # What Airflow calls a team is the owner of a DAG bundle, and there only where several share one Airflow.
    many = conf.getboolean("core", "multi_team", fallback=False)
    return DagModel.get_dag_id_to_team_name_mapping(dags) if many else {}

"""FAB as the files say: made at the start, brought back after drift, never half done, never without an admin."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import yaml

from drivetrain.rbac.catalog import load_rbac, wanted_roles
from drivetrain.rbac.permissions import ADMIN_ROLE, BUILTIN, KNOWN, Permission
from standins.platform.secrets import ADMIN
from tests.support.fab import INCLUDE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fab import Fab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WANTED = wanted_roles(load_rbac(INCLUDE))
ROLE, STRAY = "team_growth_viewer", Permission("can_read", "DAG:sheets_sync_lending")


def assert_as_the_files_say(fab: Fab) -> None:
    roles = fab.roles()
    for role in WANTED:
        if role.is_builtin:
            assert roles[role.name] >= role.permissions, role.name
        else:
            assert roles[role.name] == role.permissions, role.name
    teams = {name for name in roles if name.startswith("team_")}
    assert teams == {role.name for role in WANTED if role.name.startswith("team_")}


def test_the_start_makes_the_roles_of_the_files(fab: Fab) -> None:
    assert_as_the_files_say(fab)
    assert fab.members()[ADMIN] == {ADMIN_ROLE}
    again = fab.run("plan", "--detailed-exitcode")
    assert (again.returncode, again.stdout) == (0, "nothing to change\n"), again.stderr


def test_our_list_of_permissions_is_that_of_the_installed_provider(fab: Fab) -> None:
    added = {role.name: role.permissions for role in WANTED if role.is_builtin}
    roles = fab.roles()
    for name, gives in BUILTIN.items():
        if name != ADMIN_ROLE:  # is given whatever there is
            assert roles[name] == gives | added.get(name, frozenset()), name
    assert roles[ADMIN_ROLE] >= KNOWN
    script = (
        "import json\n"
        "from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride\n"
        "print(json.dumps(FabAirflowSecurityManagerOverride.ROLE_CONFIGS))"
    )
    configs = {one["role"]: one["perms"] for one in json.loads(fab.python(script).splitlines()[-1])}
    assert {name: {Permission(*pair) for pair in pairs} for name, pairs in configs.items()} == dict(BUILTIN)


def test_drift_is_shown_by_a_plan_and_taken_back_by_apply(fab: Fab) -> None:
    fab.grant(ROLE, *STRAY)
    fab.grant(ROLE, "can_read", "Variables")
    fab.revoke("team_growth_operator", "can_edit", "DAG:sheets_sync_growth")
    fab.add_user("asha", "team_gone_viewer", ROLE)
    fab.add_user("ravi", "auditors")
    drifted = fab.roles()

    planned = fab.run("plan", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stderr
    assert planned.stdout.splitlines() == [
        "- role team_gone_viewer",
        "    - user asha",
        "~ role team_growth_operator",
        "    + can_edit on DAG:sheets_sync_growth",
        f"~ role {ROLE}",
        "    - can_read on DAG:sheets_sync_lending",
        "    - can_read on Variables",
    ]
    assert fab.roles() == drifted, "a plan changes nothing"

    done = fab.run("apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*planned.stdout.splitlines(), "roles are as the files say"]
    assert_as_the_files_say(fab)
    assert fab.members()["asha"] == {ROLE}, "who has a team's role is not ours to say here"
    assert fab.members()["ravi"] == {"auditors"}, "and other roles are not ours at all"


def test_users_that_a_file_names_get_the_role_and_others_lose_it(fab: Fab, include: Path) -> None:
    for name in ("mei", "noor"):
        fab.add_user(name)
    file = include / "rbac" / "teams" / "pricing.yaml"
    for users in (["mei", "Noor", "tomorrow"], ["noor"], []):
        file.write_text(yaml.safe_dump({"team": "pricing", "members": {"viewer": {"users": users}}}))
        done = fab.run("apply", "--yes", include=include)
        assert done.returncode == 0, done.stderr
        have = {user for user, roles in fab.members().items() if "team_pricing_viewer" in roles}
        assert have == {user.lower() for user in users} - {"tomorrow"}
        assert ("? user tomorrow is not there yet" in done.stdout) is ("tomorrow" in users)


def test_the_last_admin_is_not_locked_out(fab: Fab, include: Path) -> None:
    admin = {"role": "Admin", "description": "FAB's.", "builtin": True, "members": {"users": ["tomorrow"]}}
    (include / "rbac" / "roles" / "Admin.yaml").write_text(yaml.safe_dump(admin))
    (include / "rbac" / "teams" / "new.yaml").write_text("team: new\n")
    before = fab.roles(), fab.members()
    for command in (("plan",), ("apply", "--yes")):
        refused = fab.run(*command, include=include)
        assert refused.returncode == 1
        assert refused.stderr.splitlines()[-1].startswith(f"role Admin: {ADMIN} would lose it, and nobody")
    assert (fab.roles(), fab.members()) == before, "not even the role of the new team was made"


def test_a_permission_that_fab_lacks_is_refused_and_not_made(fab: Fab) -> None:
    with fab.engine.begin() as connection:
        connection.execute(sa.text("UPDATE ab_view_menu SET name = 'Pools before' WHERE name = 'Pools'"))
    try:
        refused = fab.run("apply", "--yes")
    finally:
        with fab.engine.begin() as connection:
            connection.execute(sa.text("UPDATE ab_view_menu SET name = 'Pools' WHERE name = 'Pools before'"))
    assert refused.returncode == 1
    assert "role platform_admin: FAB does not know can_create on Pools" in refused.stderr.splitlines()[-1]
    assert_as_the_files_say(fab)


WAITS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ab_%'")


def test_killed_in_the_middle_nothing_was_done_and_the_next_run_does_it(fab: Fab) -> None:
    fab.revoke("team_growth_operator", "can_edit", "DAG:sheets_sync_growth")
    fab.grant(ROLE, *STRAY)
    before = fab.roles()
    with fab.engine.connect() as holder:
        # Reading goes on, writing waits: it hangs after the first statement of its transaction.
        holder.execute(sa.text("LOCK TABLE ab_permission_view_role IN SHARE MODE"))
        process = fab.start("apply", "--yes")
        deadline = time.monotonic() + 60
        with fab.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looker:
            while not looker.execute(WAITS).scalar():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        process.kill()
        process.communicate()
        holder.rollback()
    assert fab.roles() == before
    assert fab.run("apply", "--yes").returncode == 0
    assert_as_the_files_say(fab)


def test_two_at_once_end_as_one_does(fab: Fab, include: Path) -> None:
    (include / "rbac" / "teams" / "newest.yaml").write_text("team: newest\ndags: [newest_scores]\n")
    both = [fab.start("apply", "--yes", include=include) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert Permission("can_edit", "DAG:newest_scores") in fab.roles()["team_newest_operator"]
    assert sum("+ role team_newest_viewer" in out for out, _ in said) == 1
    assert fab.run("apply", "--yes").returncode == 0
    assert_as_the_files_say(fab)


LOGIN = """
import json
from airflow.providers_manager import ProvidersManager
ProvidersManager().initialize_providers_configuration()
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

found = []
with get_application_builder() as builder:
    for groups in (["drivetrain-growth", "no-group-of-ours"], ["drivetrain-lending-operators"], []):
        person = {"username": "lena", "email": "lena@drivetrain.example", "role_keys": groups}
        user = builder.sm.auth_user_oauth(person, rotate_session_id=False)
        found.append(sorted(role.name for role in user.roles))
print(json.dumps(found))
"""


def test_a_login_by_groups_gives_the_roles_of_the_files_and_takes_the_others(fab: Fab) -> None:
    # Without AUTH_TYPE: OAuth itself needs authlib; what a login does with groups needs only this.
    config = fab.layout.airflow_home / "webserver_config.py"
    config.write_text(
        "from pathlib import Path\n"
        "from drivetrain.rbac.groups import auth_roles_mapping\n"
        f"AUTH_ROLES_MAPPING = auth_roles_mapping(Path({str(INCLUDE)!r}))\n"
        "AUTH_ROLES_SYNC_AT_LOGIN = True\n"
        "AUTH_USER_REGISTRATION = True\n"
        "AUTH_USER_REGISTRATION_ROLE = 'Public'\n"
    )
    try:
        first, second, third = json.loads(fab.python(LOGIN).splitlines()[-1])
    finally:
        config.unlink()
    assert first == ["Public", "team_growth_viewer"]
    assert second == ["Public", "team_lending_operator"]
    assert third == ["Public"]


def test_under_another_auth_manager_there_is_nothing_to_do(fab: Fab, monkeypatch: pytest.MonkeyPatch) -> None:
    simple = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    env = {**fab.env, "AIRFLOW__CORE__AUTH_MANAGER": simple}
    monkeypatch.setattr(type(fab), "env", property(lambda _: env))
    refused = fab.run("plan")
    assert refused.returncode == 1
    assert f"[core] auth_manager is {simple}: roles are FAB's" in refused.stderr.splitlines()[-1]

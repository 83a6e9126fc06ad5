"""Plans: what they change, what they never touch, and that a second one has nothing to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.errors import FatalError, GuardError
from drivetrain.rbac.permissions import BUILTIN, KNOWN, Permission, on_dag
from drivetrain.rbac.plan import Observed, Plan, RoleChange, WantedRole, plan_roles, told

READ_RUNS = Permission("can_read", "DAG Runs")
READ_DAGS = Permission("can_read", "DAGs")
GROWTH = on_dag("can_read", "sheets_sync_growth")
VIEWER = WantedRole("team_growth_viewer", frozenset({READ_RUNS, GROWTH}))
FRESH = Observed(
    roles=dict(BUILTIN),
    members={"Admin": frozenset({"root"})},
    users={"root": True},
    permissions=KNOWN,
)


def with_role(observed: Observed, name: str, *permissions: Permission, members: tuple[str, ...] = ()) -> Observed:
    return replace(
        observed,
        roles={**observed.roles, name: frozenset(permissions)},
        members={**observed.members, name: frozenset(members)},
        users={**dict.fromkeys(members, True), **observed.users},
        permissions=observed.permissions | set(permissions),
    )


def done(plan: Plan, observed: Observed) -> Observed:
    """What FAB has once the plan is done: written without a look at how plans are made."""
    roles = {name: set(gives) for name, gives in observed.roles.items()}
    members = {name: set(users) for name, users in observed.members.items()}
    for change in plan.changes:
        if change.deletes:
            roles.pop(change.role)
            members.pop(change.role, None)
            continue
        gives, users = roles.setdefault(change.role, set()), members.setdefault(change.role, set())
        assert not gives & set(change.grants), "what it has already"
        assert gives >= set(change.revokes), "what it has not"
        gives.update(change.grants)
        gives.difference_update(change.revokes)
        users.update(change.joins)
        users.difference_update(change.leaves)
    return Observed(
        {name: frozenset(gives) for name, gives in roles.items()},
        {name: frozenset(users) for name, users in members.items()},
        observed.users,
        observed.permissions | set(plan.missing),
    )


def test_a_role_that_is_missing_is_made_with_permissions_on_dags_that_fab_has_not_seen() -> None:
    plan = plan_roles([VIEWER], FRESH)
    assert plan == Plan((RoleChange("team_growth_viewer", creates=True, grants=(READ_RUNS, GROWTH)),), (GROWTH,))
    assert plan_roles([VIEWER], done(plan, FRESH)).is_empty


def test_what_somebody_gave_a_role_by_hand_is_taken_again() -> None:
    stray = on_dag("can_edit", "sheets_sync_lending")
    there = with_role(FRESH, VIEWER.name, READ_RUNS, GROWTH, READ_DAGS, stray)
    [change] = plan_roles([VIEWER], there).changes
    assert change == RoleChange(VIEWER.name, revokes=tuple(sorted([READ_DAGS, stray])))


def test_what_somebody_took_from_a_role_by_hand_is_given_again() -> None:
    [change] = plan_roles([VIEWER], with_role(FRESH, VIEWER.name, READ_RUNS)).changes
    assert change == RoleChange(VIEWER.name, grants=(GROWTH,))


def test_a_role_of_a_team_that_is_gone_goes_and_a_role_that_is_nobodys_stays() -> None:
    there = with_role(with_role(FRESH, "team_old_viewer", READ_RUNS, members=("asha",)), "auditors", READ_DAGS)
    [change] = plan_roles([], there).changes
    assert change == RoleChange("team_old_viewer", deletes=True, revokes=(READ_RUNS,), leaves=("asha",))


def test_fabs_own_roles_get_what_a_file_adds_and_lose_nothing() -> None:
    added = WantedRole("Viewer", frozenset({Permission("can_read", "Plugins")}), is_builtin=True)
    [change] = plan_roles([added], FRESH).changes
    assert change == RoleChange("Viewer", grants=(Permission("can_read", "Plugins"),))
    assert plan_roles([], FRESH).is_empty


def test_users_are_given_roles_only_where_a_file_names_them() -> None:
    there = with_role(FRESH, VIEWER.name, READ_RUNS, GROWTH, members=("asha", "ravi"))
    assert plan_roles([VIEWER], there).is_empty
    named = replace(VIEWER, users=frozenset({"asha", "root", "tomorrow"}))
    [change] = plan_roles([named], there).changes
    assert change == RoleChange(VIEWER.name, joins=("root",), leaves=("ravi",), absent=("tomorrow",))
    after = plan_roles([named], done(Plan((change,)), there))
    assert after.is_empty
    assert told(after) == [f"? role {VIEWER.name}", "    ? user tomorrow is not there yet"]


def test_a_user_is_the_same_in_capital_letters_as_at_a_login() -> None:
    there = with_role(FRESH, VIEWER.name, READ_RUNS, GROWTH, members=("Asha",))
    assert plan_roles([replace(VIEWER, users=frozenset({"asha"}))], there).is_empty


ADMINS = WantedRole("Admin", frozenset(), users=frozenset({"asha"}), is_builtin=True)


@pytest.mark.parametrize(
    ("users", "refused"),
    [
        ({"root": True}, True),  # asha is not there yet
        ({"root": True, "asha": False}, True),  # and may not log in
        ({"root": True, "asha": True}, False),
    ],
)
def test_the_last_admin_is_never_locked_out(users: dict[str, bool], refused: bool) -> None:
    there = replace(FRESH, users=users)
    if not refused:
        [change] = plan_roles([ADMINS], there).changes
        assert (change.joins, change.leaves) == (("asha",), ("root",))
        return
    with pytest.raises(GuardError, match="role Admin: root would lose it, and nobody who can log in would have it"):
        plan_roles([ADMINS], there)


def test_an_admin_who_can_not_log_in_does_not_count() -> None:
    there = replace(FRESH, members={"Admin": frozenset({"root", "asha"})}, users={"root": True, "asha": False})
    with pytest.raises(GuardError, match="role Admin"):
        plan_roles([ADMINS], there)


def test_where_nobody_is_admin_yet_there_is_nobody_to_lock_out() -> None:
    there = replace(FRESH, members={}, users={})
    assert plan_roles([ADMINS, VIEWER], there).changes[0].absent == ("asha",)


def test_a_permission_that_fab_does_not_know_is_refused_and_not_made() -> None:
    typo = WantedRole("ops", frozenset({Permission("can_raed", "DAGs")}))
    with pytest.raises(FatalError, match="role ops: FAB does not know can_raed on DAGs"):
        plan_roles([typo], FRESH)


def test_fabs_own_roles_are_not_made_by_us() -> None:
    with pytest.raises(FatalError, match="role Admin: FAB has none yet: start Airflow's API server once"):
        plan_roles([ADMINS], replace(FRESH, roles={}))


def test_most_of_the_teams_roles_do_not_go_by_mistake() -> None:
    there = FRESH
    for number in range(6):
        there = with_role(there, f"team_t{number}_viewer", READ_RUNS)
    few = [WantedRole(f"team_t{number}_viewer", frozenset({READ_RUNS})) for number in range(2)]
    with pytest.raises(GuardError, match="4 of 6 roles of teams would go: is --include the right folder"):
        plan_roles(few, there)
    assert len(plan_roles(few, there, deletes_many=True).changes) == 4
    half = [*few, WantedRole("team_t2_viewer", frozenset({READ_RUNS}))]
    assert len(plan_roles(half, there).changes) == 3


def test_a_plan_is_told_line_by_line() -> None:
    there = with_role(FRESH, "team_old_viewer", READ_RUNS, members=("asha",))
    assert told(plan_roles([VIEWER], there)) == [
        "+ role team_growth_viewer",
        "    + can_read on DAG Runs",
        "    + can_read on DAG:sheets_sync_growth",
        "- role team_old_viewer",
        "    - can_read on DAG Runs",
        "    - user asha",
    ]


NAMES = ["team_a_viewer", "team_b_viewer", "ops", "mine", "Viewer", "Admin"]
SOME = [*sorted(KNOWN)[::9], *(on_dag("can_read", f"dag_{number}") for number in range(4))]
SETS = st.frozensets(st.sampled_from(SOME))
PEOPLE = st.frozensets(st.sampled_from(["root", "asha", "ravi", "mei"]))


@st.composite
def wanted_sets(draw: st.DrawFn) -> list[WantedRole]:
    names = draw(st.lists(st.sampled_from([name for name in NAMES if name != "mine"]), unique=True))
    return [
        WantedRole(name, draw(SETS), draw(st.none() | PEOPLE), is_builtin=name in BUILTIN) for name in sorted(names)
    ]


@st.composite
def states(draw: st.DrawFn) -> Observed:
    made = draw(st.lists(st.sampled_from([name for name in NAMES if name not in BUILTIN]), unique=True))
    roles = dict(BUILTIN) | {name: draw(SETS) for name in made}
    users = draw(st.dictionaries(st.sampled_from(["root", "asha", "ravi"]), st.booleans()))
    members = {name: draw(PEOPLE) & set(users) for name in roles}
    return Observed(roles, members, users, KNOWN | draw(SETS) | frozenset().union(*roles.values()))


@given(wanted_sets(), states())
def test_a_plan_that_is_done_leaves_nothing_to_do_and_nobody_elses_role_touched(
    wanted: list[WantedRole], there: Observed
) -> None:
    could = {name for name in there.members.get("Admin", ()) if there.users[name]}
    try:
        plan = plan_roles(wanted, there)
    except GuardError:
        asked = next(role.users for role in wanted if role.name == "Admin")
        assert asked is not None
        assert not any(there.users.get(name) for name in asked)
        return
    after = done(plan, there)
    assert plan_roles(wanted, after).is_empty
    named = {role.name for role in wanted}
    for name, gives in there.roles.items():
        if name in BUILTIN:
            assert after.roles[name] >= gives
        elif not name.startswith("team_") and name not in named:
            assert after.roles[name] == gives
            assert after.members.get(name, frozenset()) == there.members.get(name, frozenset())
    for role in wanted:
        if not role.is_builtin:
            assert after.roles[role.name] == role.permissions
        if role.users is not None:
            assert after.members.get(role.name, frozenset()) == role.users & set(there.users)
    if could:
        assert any(there.users[name] for name in after.members["Admin"]), "somebody still is Admin"

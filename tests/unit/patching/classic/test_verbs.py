# SPDX-License-Identifier: Apache-2.0
"""What each verb of sw-patch orders, and every refusal with its text."""
from __future__ import annotations

from typing import Any

import pytest

from flock.core.records import replace
from patching.classic import verbs
from patching.classic.verbs import Command, Plan, Removal
from patching.contract.records import OrderKind
from patching.contract.states import AgentState, Direction, Owner, ReleaseStatus
from patching.contract.states import DeployState as D
from patching.contract.states import HostState as H
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core.classic import PatchState
from patching.core.model import Deploy, HostRow, View
from tests.unit.patching.core.systems import a_release, a_system

P1, P2, P3 = "starlingx-10.0.1", "starlingx-10.0.2", "starlingx-10.0.3"
DROP = Command(OrderKind.DELETE_DEPLOY)


def system(first: R = R.AVAILABLE, second: R = R.AVAILABLE, third: R = R.AVAILABLE, **fields: Any) -> View:
    """Three patches; the second requires the first."""
    running = {R.DEPLOYED: "10.0.3", R.COMMITTED: "10.0.3"}.get(third) or {R.DEPLOYED: "10.0.2"}.get(second) or {
        R.DEPLOYED: "10.0.1", R.COMMITTED: "10.0.1"}.get(first, "10.0.0")
    return a_system("DX", a_release("10.0.1", first, **fields), a_release("10.0.2", second, requires=(P1,)),
                    a_release("10.0.3", third), running=running)


def deploying(view: View, *covers: str, state: D = D.START_DONE, owner: Owner = Owner.CLASSIC,
              rows: tuple[H, H] = (H.PENDING, H.PENDING), **fields: Any) -> View:
    direction = fields.get("direction", Direction.APPLY)
    moving = R.DEPLOYING if direction is Direction.APPLY else R.REMOVING
    releases = {**view.releases, **{name: replace(view.releases[name], state=moving) for name in covers}}
    return replace(view, releases=releases, deploy=Deploy(
        view.running, Version.parse("10.0.2"), state, covers, owner=owner, **fields),
        rows={name: HostRow(name, row) for name, row in zip(view.hosts, rows, strict=True)})


def apply(view: View, *ids: str, agents: dict[str, AgentState] | None = None) -> Plan:
    return verbs.apply(view, agents or {}, ids)


def remove(view: View, *ids: str, **how: Any) -> Plan:
    return verbs.remove(view, {}, ids, Removal(**how))


def test_apply_begins_a_deployment_of_the_newest() -> None:
    assert apply(system(), P1, P3, P2) == Plan((Command(OrderKind.START, (P3, P2, P1)),), (
        f"{P1} is now in the repo", f"{P3} is now in the repo", f"{P2} is now in the repo"))
    assert apply(system(R.DEPLOYED), P1, P2) == Plan((Command(OrderKind.START, (P2,)),), (
        f"{P1} is already in the repo", f"{P2} is now in the repo"))
    assert apply(system(R.DEPLOYED), P1) == Plan(info=(f"{P1} is already in the repo",))


def test_apply_adds_to_a_deployment_that_no_host_has_begun() -> None:
    view = deploying(system(), P1)
    assert apply(view, P2).commands == (DROP, Command(OrderKind.START, (P2, P1)))
    assert apply(view, P1) == Plan(info=(f"{P1} is already in the repo",))


@pytest.mark.parametrize(("view", "ids", "error"), [
    (system(), ("starlingx-10.0.9", "x"), ("Patch starlingx-10.0.9 does not exist", "Patch x does not exist")),
    (system(), ("starlingx-10.0.0",), ("Patch starlingx-10.0.0 does not exist",)),
    (system(), (P2,), (f"{P1} is required by: {P2}",)),
    (deploying(system(), P1, state=D.HOST, rows=(H.DEPLOYED, H.PENDING)), (P3,),
     (f"{P3} must wait: {P1} is applied on some hosts only. Install on all hosts first",)),
    (deploying(system(R.DEPLOYED), P1, direction=Direction.REMOVE), (P3,),
     (f"{P3} must wait: {P1} is removed on some hosts only. Install on all hosts first",)),
    (deploying(system(), P1, owner=Owner.USM, state=D.HOST), (P3,),
     (f"The deployment of {P1} (state host) was started with software; end it with software first",))])
def test_apply_is_refused(view: View, ids: tuple[str, ...], error: tuple[str, ...]) -> None:
    assert apply(view, *ids) == Plan(error=error)


@pytest.mark.parametrize("verb", [apply, lambda view, *ids, agents: verbs.remove(view, agents, ids, Removal())])
def test_the_set_does_not_change_while_a_host_installs(verb: Any) -> None:
    plan = verb(system(), P1, agents={"controller-1": AgentState.INSTALLING, "controller-0": AgentState.IDLE})
    assert plan == Plan(error=("These hosts are installing: controller-1. Try again when they are done",))


def test_remove_returns_to_the_release_below() -> None:
    view = system(R.DEPLOYED, R.DEPLOYED)
    assert remove(view, P2) == Plan((Command(OrderKind.START, (P1,)),), (f"{P2} has been removed from the repo",))
    assert remove(view, P1, P2).commands == (Command(OrderKind.START, ("starlingx-10.0.0",)),)
    assert remove(view, P3) == Plan(info=(f"{P3} is not in the repo",))


@pytest.mark.parametrize(("view", "ids", "how", "error"), [
    (system(), ("x",), {}, "Patch x does not exist"),
    (system(R.COMMITTED), (P1,), {}, f"Patch {P1} is committed and cannot be removed"),
    (system(R.DEPLOYED, unremovable=True), (P1,), {}, f"Patch {P1} is not removable"),
    (system(R.DEPLOYED, R.DEPLOYED), (P1,), {}, f"{P1} is required by: {P2}"),
    (system(R.DEPLOYED, third=R.DEPLOYED), (P1,), {}, f"{P1} can be removed only together with {P3}"),
    (system(R.DEPLOYED), (P1,), {"uses": {"openstack": [P1]}}, f"{P1} is required by application: openstack"),
    (deploying(system(), P1, owner=Owner.USM), (P1,), {},
     f"The deployment of {P1} (state start-done) was started with software; end it with software first"),
    (deploying(system(R.DEPLOYED), P3), (P1,), {}, f"{P1} must wait: {P3} is not applied yet"),
    (deploying(system(), P1, P2, state=D.HOST, rows=(H.DEPLOYED, H.PENDING)), (P2,), {},
     f"{P2} can be removed only together with {P1}, since hosts have them already"),
    (deploying(system(), P1, state=D.ACTIVATE), (P1,), {},
     f"{P1} cannot be removed in this moment (state activate). Try again in a minute")])
def test_remove_is_refused(view: View, ids: tuple[str, ...], how: dict[str, Any], error: str) -> None:
    assert remove(view, *ids, **how) == Plan(error=(error,))


def test_remove_in_spite_of_it() -> None:
    start = Command(OrderKind.START, ("starlingx-10.0.0",))
    assert remove(system(R.DEPLOYED, unremovable=True), P1, unremovable_too=True).commands == (
        replace(start, options={"removeunremovable": "yes"}),)
    assert remove(system(R.DEPLOYED), P1, uses={"openstack": [P1]}, skip_applications=True).commands == (start,)
    assert remove(system(R.DEPLOYED), P1, uses={"openstack": [P3]}).commands == (start,)


def test_remove_takes_back_what_is_being_applied() -> None:
    assert remove(deploying(system(), P1), P1).commands == (DROP,)
    assert remove(deploying(system(), P1, P2), P2).commands == (DROP, Command(OrderKind.START, (P1,)))
    touched = deploying(system(), P1, state=D.HOST, rows=(H.DEPLOYED, H.PENDING))
    assert remove(touched, P1).commands == (Command(OrderKind.ABORT),)


def test_delete_is_for_what_no_host_has() -> None:
    states = {P1: PatchState.AVAILABLE, P2: PatchState.UNKNOWN, P3: PatchState.PARTIAL_REMOVE}
    assert verbs.delete(system(), states, [P1, P2]) == Plan(
        (Command(OrderKind.DELETE_RELEASES, (P1, P2)),), (f"{P1} has been deleted", f"{P2} has been deleted"))
    assert verbs.delete(system(), states, [P3, "x"]).error == (
        "Patch x does not exist",
        f"Patch {P3} is not in the Available state: it is Partial-Remove. Remove it first")
    applied = verbs.delete(system(R.DEPLOYED), {P1: PatchState.APPLIED}, [P1])
    assert applied.error == (f"Patch {P1} is not in the Available state: it is Applied. Remove it first",)


@pytest.mark.parametrize(("state", "row", "kind"), [
    (D.START_DONE, H.PENDING, OrderKind.DEPLOY_HOST), (D.HOST_FAILED, H.FAILED, OrderKind.DEPLOY_HOST),
    (D.HOST_ROLLBACK, H.ROLLBACK_PENDING, OrderKind.ROLL_BACK_HOST),
    (D.HOST_ROLLBACK_FAILED, H.ROLLBACK_FAILED, OrderKind.ROLL_BACK_HOST)])
def test_host_install_goes_where_the_set_has_gone(state: D, row: H, kind: OrderKind) -> None:
    view = deploying(system(), P1, state=state, rows=(row, H.PENDING))
    assert verbs.host_install(view, ["controller-0"], "controller-0") == Plan(
        (Command(kind, hostname="controller-0"),), ("Patch installation request sent to controller-0.",))


@pytest.mark.parametrize(("view", "info"), [
    (system(), "controller-0 runs what it should: there is nothing to install"),
    (deploying(system(), P1, state=D.HOST, rows=(H.DEPLOYED, H.PENDING)),
     "controller-0 runs what it should: there is nothing to install"),
    (deploying(system(), P1, state=D.HOST, rows=(H.DEPLOYING, H.PENDING)), "controller-0 is installing already")])
def test_host_install_without_need(view: View, info: str) -> None:
    assert verbs.host_install(view, ["controller-0"], "controller-0") == Plan(info=(info,))


@pytest.mark.parametrize(("state", "kind"), [(D.ACTIVATE_FAILED, OrderKind.ACTIVATE),
                                             (D.ACTIVATE_ROLLBACK_FAILED, OrderKind.ACTIVATE_ROLLBACK)])
def test_host_install_tries_failed_scripts_again(state: D, kind: OrderKind) -> None:
    view = deploying(system(), P1, state=state, rows=(H.DEPLOYED, H.DEPLOYED))
    assert verbs.host_install(view, ["controller-0"], "controller-0").commands == (Command(kind),)


def test_host_install_is_refused() -> None:
    assert verbs.host_install(system(), [], "compute-9").error == (
        "Host compute-9 is not known: its agent has never reported",)
    foreign = deploying(system(), P1, owner=Owner.USM, state=D.HOST)
    assert "was started with software" in verbs.host_install(foreign, ["controller-0"], "controller-0").error[0]


def test_commit_and_its_preview() -> None:
    view = system(R.DEPLOYED)
    assert verbs.commit(view, [P1, P1]).commands == (Command(OrderKind.COMMIT, (P1,)),)
    asked: list[list[str]] = []
    assert verbs.commit_preview(view, [P1], lambda names: asked.append(list(names)) or 3 << 19).info == (
        f"Patches to be committed: {P1}", "This commit operation would free 1.50 MiB")
    assert asked == [[P1]]
    assert verbs.commit(view, ["x"]).error == verbs.commit_preview(view, ["x"], len).error == (
        "Patch x does not exist",)


def test_dependencies_in_both_directions() -> None:
    chain = replace(system(), releases={**system().releases, P3: a_release("10.0.3", requires=(P2,))})
    assert verbs.dependencies(chain, [P3], recursive=False) == ([P2], [])
    assert verbs.dependencies(chain, [P3], recursive=True) == ([P1, P2], [])
    assert verbs.dependencies(chain, ["x"], recursive=True) == ([], ["Patch x does not exist"])
    assert verbs.what_requires(chain, [P1, P3]).info == (f"{P1} is required by: {P2}",
                                                         f"{P3} is not required by any patches.")


def test_what_apply_all_applies() -> None:
    assert verbs.available(system(R.DEPLOYED)) == (P2, P3)
    assert verbs.available(system(status=ReleaseStatus.OBSOLETE)) == (P1, P2, P3)

# SPDX-License-Identifier: Apache-2.0
"""What-if simulations: their words, their steps and their end."""
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.contract.states import Condition, GroupState, Status
from sm.core.cluster import Assignment
from sm.core.scheduler import schedule
from sm.core.simulate import CHANGES, ROUNDS_MAX, BadChange, change, next_state, obey, shown, simulate
from tests.unit.sm.core.scheduler.domains import C0, C1, CONTROLLER, PATCHING, domain, failed, group, states, with_row


def test_a_cut_network_costs_what_the_site_says() -> None:
    site = replace(domain(), weights={"oam": 6, "mgmt": 0})
    assert change(site, f"cut {C0} oam").nodes[C0].score == -6
    assert change(site, f"cut {C0} mgmt").nodes[C0].score == 0
    with pytest.raises(BadChange, match="known are oam, mgmt"):
        change(site, f"cut {C0} cluster-host")


@pytest.mark.parametrize(("words", "because"), [
    ("", "is no change; the changes are: silent node; fence node"),
    ("explode controller-0", "'explode' is no change"),
    ("fence", "'fence' takes: node"),
    ("fence controller-0 controller-1", "'fence' takes: node"),
    ("maintenance now", "'maintenance' takes: nothing"),
    ("lock controller-7", "node 'controller-7' is not known; nodes are controller-0, controller-1"),
    ("fail cloud-services controller-0", "group 'cloud-services' is not known"),
    ("cut controller-0 mgmt,wifi", "networks 'mgmt,wifi': known are oam, cluster-host, mgmt, admin"),
    ("fail oam-services controller-0 rust", "condition 'rust': known are data-inconsistent"),
])
def test_a_change_that_cannot_be_made_names_the_word_and_the_rule(words: str, because: str) -> None:
    with pytest.raises(BadChange, match=because.replace("(", r"\(")):
        change(domain(), words)


def test_every_change_can_be_made() -> None:
    examples = {"node": C0, "networks": "mgmt,oam", "group": CONTROLLER, "[condition]": Condition.FATAL_FAILURE}
    for verb, (names, _) in CHANGES.items():
        cluster = failed(domain(), CONTROLLER, C0)
        if verb in ("silent", "lock", "unhealthy", "outdate", "cut", "maintenance", "swact", "swact-force", "heal",
                    "accept-loss"):
            assert change(cluster, " ".join([verb, *(examples[name] for name in names)])) != cluster
        assert simulate(cluster, [" ".join([verb, *(examples[name] for name in names)])]).settled


def test_changes_end_changes() -> None:
    cluster = domain()
    for there, back in [("lock", "unlock"), ("unhealthy", "healthy"), ("outdate", "update"), ("silent", "return")]:
        assert change(change(cluster, f"{there} {C1}"), f"{back} {C1}") == cluster
    assert change(change(cluster, f"cut {C1} mgmt"), f"mend {C1}") == cluster
    assert change(cluster, f"cut {C1} mgmt,cluster-host").nodes[C1].score == -6
    assert change(change(cluster, "maintenance"), "resume") == cluster


def test_a_node_returns_with_everything_stopped() -> None:
    back = change(change(domain(), f"fence {C0}"), f"return {C0}")
    assert back.assignments[CONTROLLER, C0].state is GroupState.DISABLED
    assert back.nodes[C0].current and not back.nodes[C0].gone


def test_the_domain_itself_is_not_touched() -> None:
    cluster = domain()
    before = {key: row for key, row in cluster.assignments.items()}
    assert states(simulate(cluster, [f"fence {C0}"]).cluster, CONTROLLER) == ["disabled", "active"]
    assert cluster.assignments == before and cluster.nodes[C0].current


def test_the_text_tells_steps_and_end() -> None:
    text = simulate(domain(groups=[group(PATCHING)]), [f"swact {C0}"]).text()
    assert text.splitlines() == [
        "+0 s",
        "  leader: patching-services leaves controller-0 and becomes standby there: a swact away from controller-0 has "
        "begun",
        "  controller-0: patching-services is go-standby",
        "+1 s",
        "  controller-0: patching-services is standby",
        "+2 s",
        "  leader: patching-services goes active on controller-1: a swact away from controller-0 has begun",
        "  controller-1: patching-services is go-active",
        "+3 s",
        "  controller-1: patching-services is active",
        "+4 s",
        "  leader: patching-services is standby on controller-0: controller-1 has it active; the move away from here "
        "has ended",
        "nothing more happens",
        "  patching-services: controller-0 standby, controller-1 active",
    ]


def test_a_simulation_ends_even_if_the_domain_does_not_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = domain()
    assert ROUNDS_MAX >= 50
    monkeypatch.setattr("sm.core.simulate.ROUNDS_MAX", 2)
    found = simulate(cluster, [f"swact {C0}"])
    assert not found.settled and "it does not come to rest" in found.text()


@pytest.mark.parametrize(("desired", "state", "then"), [
    ("active", "standby", "go-active"), ("active", "go-active", "active"), ("active", "active", "active"),
    ("standby", "active", "go-standby"), ("standby", "go-active", "go-standby"), ("standby", "go-standby", "standby"),
    ("disabled", "go-standby", "disabling"), ("disabled", "disabling", "disabled"), ("active", "initial", "go-active"),
    ("initial", "standby", "standby"), ("active", "shutdown", "shutdown"),
])
def test_stages_of_an_assignment(desired: str, state: str, then: str) -> None:
    assert next_state(Assignment("g", C0, GroupState(desired), GroupState(state))) == then


def test_nodes_that_are_silent_do_nothing() -> None:
    cluster = change(with_row(domain(), CONTROLLER, C1, state=GroupState.GO_STANDBY), f"silent {C1}")
    after = obey(cluster, schedule(cluster, 0).decisions, 1)
    assert after.assignments[CONTROLLER, C1].state is GroupState.GO_STANDBY


def test_states_as_an_operator_reads_them() -> None:
    row = Assignment("g", C0, state=GroupState.ACTIVE, status=Status.FAILED, condition=Condition.RECOVERY_FAILURE)
    assert shown(row) == "active (failed, recovery-failure)"
    assert shown(Assignment("g", C0, state=GroupState.STANDBY, status=Status.WARN)) == "standby (warn)"

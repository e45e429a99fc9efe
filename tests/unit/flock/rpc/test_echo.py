# SPDX-License-Identifier: Apache-2.0
"""Echoes of a listener: when one counts as lost, whom it is taken from, and that a lost one makes the listener anew."""
from __future__ import annotations

import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from flock.rpc import Server, echo
from flock.rpc.echo import OWN, SHARED, Echoes
from flock.rpc.gate import SENDER
from flock.rpc.interface import call, rpc_interface
from flock.testing.services.process import wait_for


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def echoes(clock: Time, interval_s: float = 5.0) -> Echoes:
    return Echoes("controller-0", lambda: "service.a", (SHARED, OWN), interval_s, clock)


def test_an_echo_is_lost_when_the_broker_took_it_and_it_stays_away() -> None:
    clock = Time()
    found = echoes(clock)
    for route in (SHARED, OWN):
        found.was_sent(route)
    clock.now += 10
    found.heard(OWN)
    found.was_sent(SHARED)
    clock.now += 5.5
    assert found.lost() == [SHARED], "a later echo does not prolong the wait for the first"
    assert 15 < found.silent_s() < 16
    found.heard(SHARED)
    assert found.lost() == [] and found.silent_s() == 0


def test_a_broker_that_takes_nothing_is_trouble_but_no_reason_to_listen_anew() -> None:
    clock = Time()
    found = echoes(clock)
    found.was_sent(SHARED)
    found.begin()
    clock.now += 60
    assert found.lost() == [] and found.silent_s() == 60


def test_a_busy_server_has_lost_nothing() -> None:
    clock = Time()
    found = echoes(clock)
    found.was_sent(SHARED)
    clock.now += 60
    found.was_busy()
    assert found.lost() == [] and found.silent_s() == 0
    clock.now += 16
    assert found.lost() == [SHARED]


@pytest.mark.parametrize(("interval_s", "bound_s"), [(2.0, 10.0), (5.0, 15.0), (60.0, 180.0)])
def test_the_bound_leaves_a_slow_machine_time(interval_s: float, bound_s: float) -> None:
    assert echoes(Time(), interval_s).bound_s == bound_s


def test_echoes_of_others_are_refused_and_those_of_our_other_servers_forwarded() -> None:
    clock, forwarded = Time(), []
    found = echoes(clock)
    served = echo.endpoint(found, forwarded.append)
    own, other = {SENDER: "service.a"}, {SENDER: "host.worker-0"}
    clock.now += 60
    for context, origin, route in ((other, "controller-0", SHARED), (other, "controller-1", SHARED),
                                   ({}, "controller-0", OWN), (own, "x" * 300, SHARED), (own, 5, SHARED),
                                   (own, "controller-1", OWN), (own, "controller-0", "elsewhere")):
        served.echo(context, origin=origin, route=route)
    assert forwarded == [] and found.silent_s() == 60
    served.echo(own, origin="controller-1", route=SHARED)
    assert forwarded == ["controller-1"]
    served.echo(own, origin="controller-0", route=SHARED)
    served.echo(own, origin="controller-0", route=OWN)
    assert found.silent_s() == 0


@rpc_interface(topic="echoing", version="1.0", speaks_for="system", callers=("tests",))
class Echoing:
    @call(timeout_s=5)
    def ask(self) -> str:
        raise TypeError("interface")


class Answers:
    def ask(self) -> str:
        return "here"


def anew() -> float:
    return REGISTRY.get_sample_value("flock_rpc_listened_anew_total", {"topic": "echoing"}) or 0.0


def test_echoes_arrive_and_a_lost_one_makes_the_listener_anew(fake_transport: Any,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[float] = []
    server = Server(fake_transport, "controller-0", {Echoing: Answers()}, echo_interval_s=0.05,
                    heard=lambda: heard.append(time.monotonic()))
    assert server.start()
    wait_for(lambda: len(heard) > 2, 10, "echoes")
    assert server.trouble() is None
    before = anew()
    monkeypatch.setattr(Echoes, "lost", lambda _self: [SHARED])
    wait_for(lambda: anew() > before, 10, "the listener to listen anew")
    monkeypatch.undo()
    heard.clear()
    wait_for(lambda: len(heard) > 2 and server.ready, 10, "echoes again")
    assert server.stop(10)

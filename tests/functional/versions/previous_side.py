# SPDX-License-Identifier: Apache-2.0
"""Runs with the previous wheel on its path and nothing of this tree: raises alarms, calls, or serves and writes down.

``previous_side.py ROLE URL EXCHANGE [SPOOL]``; each line on stdout is one JSON list.
"""
from __future__ import annotations

import dataclasses
import json
import signal
import sys
from typing import Any

from oslo_config import cfg

from flock import rpc
from flock.core.codec import codec_for
from fm.raiser import Raiser
from mtce.contract.records import ActionReply, CommandResult, HostStatus, MtcAlive, MtceHost
from mtce.contract.rpc import AgentEvents, MtceHosts
from sysinv.contract.records import HostRef
from sysinv.contract.rpc import InventoryReports
from sysinv.resources.port.report import PortReport

HOST = "6e6f6465-0000-4000-8000-000000000007"


def say(*words: Any) -> None:
    """One line for the test."""
    print(json.dumps(words, default=lambda value: dataclasses.asdict(value)), flush=True)


class Conductor:
    """Implements every method of two conductors: says what it gets, and answers."""

    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        """Decode the items as the inventory does: ``previous_side.py call`` and its counterpart send ports only."""
        say("report", {"kind": kind, "items": [codec_for(PortReport).from_document(item) for item in items]})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def take(**arguments: Any) -> Any:
            say(name, arguments)
            return self.answers.get(name)

        return take

    answers = {
        "put_host": ActionReply("pass"), "get_host_by_macs": HostRef(HOST, "worker-7", "worker"),
        "get_host": HostStatus(HOST, "worker-7", "unlocked", "enabled", "available", "enabled", "available", "none",
                               "idle", "", 60),
    }


def raise_alarms(bus: Any, spool: str, flush_s: float) -> None:
    """Two alarms, one of them cleared, and a log."""
    raiser = Raiser(bus, spool)
    raiser.raise_alarm("200.005", host="previous-1", severity="major")
    raiser.raise_alarm("200.005", host="previous-2", severity="critical")
    raiser.log_event("200.021", entity_instance_id="host=previous-1.command=unlock", reason_text="said \"so\" ✓")
    raiser.clear_alarm("200.005", host="previous-2")
    say("flushed", raiser.flush(flush_s))
    if flush_s > 1:
        say("active", sorted(fault.entity_instance_id for fault in raiser.active()))
    raiser.stop()


def call(bus: Any) -> None:
    """What agents and sysinv say to the two conductors."""
    inventory = rpc.client(InventoryReports, bus)
    say("host", inventory.get_host_by_macs(macs=["52:54:00:00:00:07"], hostname="worker-7"))
    port = PortReport("eth0", "0000:00:03.0", 0, "52:54:00:00:00:07", 1500, 1000, None, "full", 0, "virtio", "", "",
                      "", "", "")
    inventory.report(host_uuid=HOST, kind="port", items=[codec_for(PortReport).to_document(port)])
    events = rpc.client(AgentEvents, bus)
    events.mtc_alive(alive=MtcAlive(HOST, "worker-7", "boot", 60, 1, True, True, False, True, None, False))
    events.command_result(result=CommandResult(HOST, "boot", "goenabled", "1", True))
    hosts = rpc.client(MtceHosts, bus)
    say("reply", hosts.put_host(host=MtceHost(HOST, "worker-7", "worker", "worker", "52:54:00:00:00:07", "fd01::7",
                                              None, "locked", "disabled", "online")))
    say("status", hosts.get_host(host_uuid=HOST))


def serve(bus: Any) -> None:
    """Be both conductors until SIGTERM."""
    conductor = Conductor()
    server = rpc.Server(bus, "controller-0", {
        InventoryReports: conductor, AgentEvents: conductor, MtceHosts: conductor})
    server.start(120)  # the release before has no name for it
    say("ready", rpc.__file__)
    signal.sigwait({signal.SIGTERM})
    server.stop(5)


def main(role: str, url: str, exchange: str, *more: str) -> None:
    """Play ``role``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    bus = rpc.transport(conf, url, exchange)
    if role == "raise":
        raise_alarms(bus, more[0], float(more[1]))
    else:
        {"call": call, "serve": serve}[role](bus)
    bus.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

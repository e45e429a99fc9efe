# SPDX-License-Identifier: Apache-2.0
"""Two daemons and a witness as real processes, which move a floating address and a web server."""
from __future__ import annotations

from sm.contract.control import Verb
from tests.functional.sm.daemon.conftest import Builder, now_s


def test_election_and_swact(yards: Builder) -> None:
    yard = yards()
    active, standby = yard.active()
    began = now_s()
    active.ask(Verb.SWACT)
    moved = yard.wait_served(began, standby.name)
    print(f"swact: {moved - began:.2f} s")
    assert yard.active()[0] is standby
    yard.never_both()

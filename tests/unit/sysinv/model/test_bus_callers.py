# SPDX-License-Identifier: Apache-2.0
"""What the broker lets a daemon send, and what the interfaces say of it."""
from flock.rpc.interface import interface_spec
from sysinv.model.busaccounts import SERVICES
from tests.wire.interfaces import interfaces


def test_the_broker_lets_each_daemon_call_what_interfaces_let_it_call():
    missing = [(caller, spec.topic) for spec in (interface_spec(one) for one in interfaces().values())
               for caller in spec.callers if caller in SERVICES
               and spec.topic not in (SERVICES[caller].agents if spec.per_host else SERVICES[caller].calls)]
    assert missing == []

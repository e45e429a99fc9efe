# SPDX-License-Identifier: Apache-2.0
"""The conductor hears its own word over a bus that works, and only then."""
from flock import rpc
from flock.testing.services.process import wait_for
from mtce.conductor.echo import BusEcho, EchoHeard


def test_the_word_comes_back(fake_transport):
    heard = []
    server = rpc.Server(fake_transport, "controller-0", {BusEcho: EchoHeard(lambda: heard.append("heard"))})
    server.start()
    rpc.client(BusEcho, fake_transport, server="controller-0").echo()
    wait_for(lambda: heard, 10, "own word")
    server.stop()
    assert heard == ["heard"]

# SPDX-License-Identifier: Apache-2.0
"""A daemon compares its interfaces with the running servers and says when they do not fit."""
from flock.rpc import Server, VersionWatch, call, rpc_interface
from flock.testing.services.process import wait_for


@rpc_interface(topic="watched", version="1.2", speaks_for="system", callers=("tests",), namespace="things")
class Things:
    @call(timeout_s=2)
    def act(self, *, number: int) -> int:
        raise TypeError("interface")


@rpc_interface(topic="watched", version="2.0", speaks_for="system", callers=("tests",), namespace="things")
class NewerThings:
    @call(timeout_s=2)
    def act(self, *, number: int) -> int:
        raise TypeError("interface")


class Working:
    def act(self, *, number: int) -> int:
        return number


def test_a_server_that_fits_ends_the_watch(fake_transport):
    server = Server(fake_transport, "one", {Things: Working()})
    server.start()
    watch = VersionWatch(fake_transport, [Things], interval_s=0.05)
    watch.start()
    wait_for(lambda: not watch.is_asking(), 10, "end of the watch")
    assert watch.trouble() is None
    server.stop()


def test_a_server_of_another_release_is_trouble_until_it_is_replaced(fake_transport):
    server = Server(fake_transport, "one", {Things: Working()})
    server.start()
    watch = VersionWatch(fake_transport, [NewerThings], interval_s=0.05)
    watch.start()
    wait_for(lambda: watch.trouble() is not None, 10, "trouble")
    assert "2.0 is needed" in watch.trouble()
    server.stop()
    newer = Server(fake_transport, "one", {NewerThings: Working()})
    newer.start()
    wait_for(lambda: watch.trouble() is None, 30, "end of the trouble")
    newer.stop()


def test_nobody_there_is_no_trouble_yet(fake_transport, monkeypatch):
    monkeypatch.setattr("flock.rpc.versions.DESCRIBE_DEADLINE_S", 0.1)
    watch = VersionWatch(fake_transport, [Things], interval_s=0.05)
    watch.start()
    assert watch.trouble() is None and watch.is_asking()
    watch.stop()
    wait_for(lambda: not watch.is_asking(), 10, "end of the watch")

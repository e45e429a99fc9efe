# SPDX-License-Identifier: Apache-2.0
"""Pulses that the sender could not hand to a network are no evidence against a host."""
import pytest

from mtce.core.fallback import AFTER_MISSES
from mtce.core.heartbeat import Detector, Thresholds, Watch
from mtce.heartbeat import sockets
from mtce.heartbeat.sender import Sender
from mtce.heartbeat.settings import Link

HOST = "2f1c1d7e-0000-4000-8000-000000000001"
OTHER = "2f1c1d7e-0000-4000-8000-000000000002"
CLUSTER_KEY = bytes(range(32))


@pytest.fixture
def sending(tmp_path):
    made = []

    def make(*networks, interface="lo"):
        (tmp_path / interface).mkdir(exist_ok=True)
        (tmp_path / interface / "carrier").write_text("1")
        links = tuple(Link(network, interface, 9, 0) for network in networks)
        sender = Sender(links, "127.0.0.1", CLUSTER_KEY, Detector(1_000, Thresholds()), sys_class_net=tmp_path)
        sender.watch(Watch(HOST, "worker-0", ("mgmt", "cluster-host"), 1))
        made.append(sender)
        return sender

    yield make
    for sender in made:
        sender.close()


def levels(sender, periods=30):
    for number in range(periods):
        sender.tick(number * 1_000)
    return {change.network: change.level for change in sender.detector.present()}


def test_pulse_that_leaves_without_an_answer_is_a_miss(sending):
    assert levels(sending("mgmt")) == {"mgmt": "loss", "cluster-host": "unknown"}


def test_pulse_that_the_kernel_refuses_is_no_miss(sending, monkeypatch, caplog):
    monkeypatch.setattr(sockets, "send", lambda *_: False)
    assert levels(sending("mgmt", "cluster-host")) == {"mgmt": "unknown", "cluster-host": "unknown"}
    assert caplog.text.count("mgmt (lo): no pulse leaves") == 1


def test_interface_that_is_missing_or_goes_between_two_calls_is_no_miss(sending, monkeypatch):
    assert levels(sending("mgmt", interface="nosuch0"))["mgmt"] == "unknown"

    def gone(*_):
        raise OSError(19, "No such device")
    monkeypatch.setattr(sockets, "send_through", gone)
    assert levels(sending("mgmt"))["mgmt"] == "unknown"


def test_network_without_a_link_of_the_sender_is_unknown_and_named_once(sending, caplog):
    sending("mgmt").watch(Watch(HOST, "worker-0", ("mgmt", "cluster-host"), 2))
    assert caplog.text.count("cluster-host: this host has no interface there") == 1


def test_first_pulse_that_leaves_again_counts(sending, monkeypatch):
    sender = sending("mgmt")
    with monkeypatch.context() as patched:
        patched.setattr(sockets, "send", lambda *_: False)
        assert levels(sender)["mgmt"] == "unknown"
    for number in range(30, 41):
        sender.tick(number * 1_000)
    assert sender.detector.path(HOST, "mgmt").level == "loss"


def test_hosts_that_do_not_answer_multicast_get_pulses_of_their_own(sending, monkeypatch):
    sent = []
    monkeypatch.setattr(sockets, "send", lambda _sock, data, address: sent.append((data, address)) or True)
    sender = sending("mgmt")
    known = (("mgmt", "192.168.204.10"), ("cluster-host", "192.168.206.10"))
    sender.watch_all([Watch(HOST, "worker-0", ("mgmt", "cluster-host"), 1, known),
                      Watch(OTHER, "worker-1", ("mgmt",), 1)])
    path = sender.detector.path(HOST, "mgmt")
    unicast = []
    for number in range(AFTER_MISSES + 4):
        sent.clear()
        sender.tick(number * 1_000)
        assert sent[0][1] == ("127.0.0.1", 9) and {data for data, _ in sent} == {sent[0][0]}
        unicast.append([address for _, address in sent[1:]])
        # What the host answers from now on, it answers because of the pulses of its own.
        path.answered = number > AFTER_MISSES
    # The first period, which only began, counts no miss. The address of worker-1 is not known.
    assert unicast == [[]] * (AFTER_MISSES) + [[("192.168.204.10", 9)]] * 4
    sender.unwatch(HOST)
    sent.clear()
    sender.tick((AFTER_MISSES + 4) * 1_000)
    assert [address for _, address in sent] == [("127.0.0.1", 9)]


def test_a_pulse_that_does_not_leave_is_not_repeated_to_each_host(sending, monkeypatch):
    tried = []
    monkeypatch.setattr(sockets, "send", lambda _sock, _data, address: tried.append(address) and False)
    sender = sending("mgmt")
    sender.watch(Watch(HOST, "worker-0", ("mgmt",), 1, (("mgmt", "192.168.204.10"),)))
    sender.detector.path(HOST, "mgmt").misses = AFTER_MISSES
    sender.tick(1_000)
    assert tried == [("127.0.0.1", 9)]

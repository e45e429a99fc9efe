# SPDX-License-Identifier: Apache-2.0
"""The certificate authority is replaced while the cloud runs: all hosts stay in service, and what the old authority has
signed is refused afterwards."""
import contextlib
import socket
import ssl
import threading
import time

import pytest

from devstack.virtualcloud.cloudclient import CloudClient, states, wait_for
from devstack.virtualcloud.mainjob import IN_SERVICE, STATE_DIR, boots
from flock import tls

HOSTS = ("controller-0", "worker-0", "worker-1")
CA, OLD = "/etc/flock/tls/ca.crt", "/run/flock-old-tls"
PYTHON = "/opt/flock/venv/bin/python"
ADMITS = ("from sysinv.bootstrap.presented import wait_admits; "
          "wait_admits({wanted}, 5671, {ca!r}, '{folder}/host.crt', '{folder}/host.key')")


class Watch:
    """Looks at all hosts and alarms as an operator does, all the while, with ca.crt of the clients."""

    def __init__(self):
        self.seen, self.trouble, self.looks = set(), [], 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        self._thread.join(60)

    def _look(self):
        while not self._end.wait(0.5):
            try:
                # A new client: it reads the file, and logs in anew.
                cloud = CloudClient(STATE_DIR / "admin-password")
                # The task may still tell of what an earlier test did.
                self.seen |= {(name, states(cloud.host(name)).split(" (")[0]) for name in HOSTS}
                self.seen |= {(alarm["entity_instance_id"], alarm["alarm_id"]) for alarm in cloud.alarms()
                              if alarm["entity_instance_id"].startswith("host=")}
                self.looks += 1
            except Exception as error:  # noqa: BLE001 - the test shows it
                self.trouble.append(repr(error))


def copy_authorities(on):
    """What an operator does: give the controller's file to the clients."""
    text = on("controller-0", "cat", CA)
    new = STATE_DIR / "ca.crt.new"
    new.write_text(text)
    new.replace(STATE_DIR / "ca.crt")
    return text.encode()


def check_admitted(on, folder, wanted):
    """RabbitMQ takes the certificate in ``folder`` of controller-0, or refuses it."""
    on("controller-0", PYTHON, "-W", "ignore", "-c", ADMITS.format(ca=CA, folder=folder, wanted=wanted))


@pytest.fixture
def old_pair(on):
    """Certificate and key of controller-0 as they are before the rotation, in a folder that only root can read."""
    on("controller-0", "sh", "-c",
       f"umask 077; mkdir -p {OLD} && cp /etc/flock/tls/host.crt /etc/flock/tls/host.key {OLD}")
    yield OLD
    on("controller-0", "rm", "-rf", OLD)


@pytest.fixture
def clients_follow(on):
    """Whatever happens, this machine's clients can use the cloud afterwards."""
    yield
    with contextlib.suppress(AssertionError):
        copy_authorities(on)


def test_the_authority_is_replaced_and_every_host_stays_in_service(cloud, on, healthy, old_pair, clients_follow):
    before = {name: boots(name) for name in HOSTS}
    known = {(alarm["entity_instance_id"], alarm["alarm_id"]) for alarm in cloud.alarms()}
    [old] = tls.split(copy_authorities(on))
    check_admitted(on, old_pair, True)
    with Watch() as watch:
        began = time.monotonic()
        print(on("controller-0", "flock-rotate", "authority", timeout_s=420))
        print(f"first stage: {time.monotonic() - began:.1f} s")
        # Clients that know the old one only go on meanwhile.
        looks = watch.looks
        wait_for("clients with the old file", lambda: watch.looks > looks, 60)
        both = tls.split(copy_authorities(on))
        assert both[0] == old and len(both) == 2
        for name in HOSTS:
            assert tls.split(on(name, "cat", CA).encode()) == both
        for name in HOSTS[1:]:
            shown = on(name, "cat", "/etc/flock/tls/host.crt").encode()
            assert tls.issuer_of(shown, b"".join(both)) == both[1]
        check_admitted(on, old_pair, True)
        began = time.monotonic()
        print(on("controller-0", "flock-rotate", "authority", "--finish", timeout_s=600))
        print(f"second stage: {time.monotonic() - began:.1f} s")
        looks = watch.looks
        wait_for("clients with both", lambda: watch.looks > looks, 60)
        assert copy_authorities(on) == both[1]
        for name in HOSTS:
            assert tls.split(on(name, "cat", CA).encode()) == [both[1]]
        # All have come back over new connections; nobody misses anything later.
        end = time.monotonic() + 60
        wait_for("a minute without trouble", lambda: time.monotonic() > end, 70)
    assert watch.trouble == [] and watch.looks > 20
    assert watch.seen - known == {(name, IN_SERVICE) for name in HOSTS}
    assert {name: boots(name) for name in HOSTS} == before
    check_admitted(on, old_pair, False)
    check_admitted(on, "/etc/flock/tls", True)
    assert on("controller-0", "sh", "-c", "ls /etc/flock/tls /etc/flock").find("ca.key.old") == -1
    status = on("controller-0", "flock-rotate", "status")
    assert "has not renewed" not in status and "has not ended" not in status
    context = tls.client_context(authorities_pem=old.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        _connect(context)
    _connect(tls.client_context(STATE_DIR / "ca.crt"))


def _connect(context):
    with socket.create_connection(("127.0.0.1", 5000), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="127.0.0.1"):
        pass

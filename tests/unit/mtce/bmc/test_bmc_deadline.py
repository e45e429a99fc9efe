# SPDX-License-Identifier: Apache-2.0
"""BMCs that send a reply byte by byte: a command ends at its time limit, with a reason, and holds no thread."""
import socket
import threading
import time

import pytest

from mtce.bmc.interfaces import Access, BmcError
from mtce.bmc.redfish import RedfishPower
from mtce.bmc.session import RedfishSettings, Session, is_redfish

START = b"HTTP/1.1 200 OK\r\n"
REPLIES = {
    "lines of a head": (START, b"X-Slow: 1\r\n"),
    "one line of a head": (START + b"X-Slow: ", b"1"),
    "status line": (b"HTTP/1.1 2", b"0"),
    "body": (START + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n", b" "),
}


@pytest.fixture
def trickling(request):
    """A service that sends the beginning of a reply at once and then one piece every 50 ms; yields its port."""
    first, piece = REPLIES[request.param]
    stopped = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def answer(client):
        with client:
            try:
                client.recv(65536)
                client.sendall(first)
                while not stopped.wait(0.05):
                    client.sendall(piece)
            except OSError:
                pass

    def serve():
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    stopped.set()
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def settings(port):
    # Each read succeeds within its own timeout; only the limit of the whole command can end it.
    return RedfishSettings("http", port, False, connect_timeout_s=0.5, read_timeout_s=0.5, command_timeout_s=0.5)


@pytest.mark.parametrize("trickling", REPLIES, indirect=True)
def test_a_command_ends_at_its_time_limit(trickling):
    begun, threads = time.monotonic(), threading.active_count()
    with pytest.raises(BmcError, match="an answer did not end in time"):
        RedfishPower(Session(Access("127.0.0.1", "root", "secret"), settings(trickling))).state()
    assert time.monotonic() - begun < 4
    assert threading.active_count() <= threads + 4


@pytest.mark.parametrize("trickling", REPLIES, indirect=True)
def test_a_slow_reply_is_no_proof_that_the_service_is_not_redfish(trickling):
    with pytest.raises(BmcError, match="an answer did not end in time"):
        is_redfish(Access("127.0.0.1", "root", "secret"), settings(trickling))

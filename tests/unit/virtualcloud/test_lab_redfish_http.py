# SPDX-License-Identifier: Apache-2.0
"""The HTTP of a management controller over a real socket: what is refused, what an answer carries, how it ends."""
import asyncio
import http.client
import json
import socket
import threading
from contextlib import contextmanager

import pytest

from devstack.virtualcloud.redfish.listener import BODY_BYTES_MAX, CONNECTIONS_MAX, Listener
from devstack.virtualcloud.redfish.requests import Response


@contextmanager
def serving(answer):
    """A listener in an event loop of its own; gives its address."""
    loop, made = asyncio.new_event_loop(), threading.Event()
    found = {}

    async def start():
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        found["address"] = listener.getsockname()
        found["listener"] = Listener(listener, answer)
        made.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.create_task(start())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    assert made.wait(10)
    try:
        yield found["address"]
    finally:
        loop.call_soon_threadsafe(found["listener"].close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def echo(request):
    return Response(200, {"method": request.method, "path": request.path, "body": request.body.decode(),
                          "x-y": request.headers.get("x-y", "")}, {"X-Auth-Token": "t"})


@pytest.fixture(scope="module")
def address():
    with serving(echo) as found:
        yield found


def raw(address, data):
    """The whole reply to bytes, after which the connection has ended."""
    with socket.create_connection(address, timeout=10) as stream:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: stream.recv(65536), b""))


def test_a_request_is_read_whole_and_the_connection_is_kept(address):
    client = http.client.HTTPConnection(*address, timeout=10)
    for _ in range(3):
        client.request("PATCH", "/redfish/v1/Systems/1/?a=b", body="{}", headers={"X-Y": "z"})
        reply = client.getresponse()
        assert json.loads(reply.read()) == {
            "method": "PATCH", "path": "/redfish/v1/Systems/1", "body": "{}", "x-y": "z"}
        assert (reply.status, reply.headers["X-Auth-Token"], reply.headers["OData-Version"]) == (200, "t", "4.0")
    client.close()


def test_head_tells_the_size_and_sends_no_body(address):
    reply = raw(address, b"HEAD /redfish HTTP/1.1\r\nConnection: close\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"Content-Length: 6" in head and b"Connection: close" in head
    assert body == b""


@pytest.mark.parametrize(("data", "status"), [
    (b"hello there you\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"BREW / HTTP/1.1\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
    (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
    (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % number for number in range(200)) + b"\r\n", 431),
    (b"GET /".ljust(65537, b"a"), 414),  # all of which is read, so that the refusal arrives
])
def test_what_is_no_request_is_refused_in_redfish_words(address, data, status):
    head, _, body = raw(address, data).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert json.loads(body)["error"]["message"]


def test_too_many_connections_are_not_served():
    with serving(echo) as address:
        held = [socket.create_connection(address, timeout=10) for _ in range(CONNECTIONS_MAX)]
        try:
            for stream in held:
                stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert stream.recv(12) == b"HTTP/1.1 200"
            assert raw(address, b"") == b""
        finally:
            for stream in held:
                stream.close()


def test_the_end_of_the_service_ends_its_connections():
    with serving(echo) as address:
        stream = socket.create_connection(address, timeout=10)
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stream.recv(12) == b"HTTP/1.1 200"
    with stream:
        while stream.recv(65536):
            pass
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=10)

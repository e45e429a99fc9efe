# SPDX-License-Identifier: Apache-2.0
import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.virtualcloud.redfish.requests import Rejection
from devstack.virtualcloud.redfish.server import BODY_BYTES_MAX, Response, read_request, render_response


def read(data):
    async def go():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_request(reader)

    return asyncio.run(go())


def test_a_request_is_read_whole():
    request = read(b"PATCH /redfish/v1/Systems/1/?a=b HTTP/1.1\r\nContent-Length: 2\r\nX-Y: z\r\n\r\n{}rest")
    assert (request.method, request.path, request.body) == ("PATCH", "/redfish/v1/Systems/1", b"{}")
    assert request.headers["x-y"] == "z"


def test_the_end_of_a_connection_is_no_request():
    assert read(b"") is None


@pytest.mark.parametrize(("data", "status"), [
    (b"hello\r\n\r\n", 400),
    (b"GET / HTTP/2\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), 413),
    (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % number for number in range(100)) + b"\r\n", 400),
    (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", 400),
])
def test_what_is_no_request_is_refused(data, status):
    with pytest.raises(Rejection) as refused:
        read(data)
    assert refused.value.status == status


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data):
    try:
        read(data)
    except (Rejection, asyncio.IncompleteReadError):
        pass


def test_an_answer_tells_its_size():
    text = render_response(Response(200, {"a": 1}, {"X-Auth-Token": "t"}), keep=False)
    head, _, body = text.partition(b"\r\n\r\n")
    assert body == b'{"a": 1}'
    assert b"Content-Length: 8" in head and b"Connection: close" in head and b"X-Auth-Token: t" in head
    assert render_response(Response(204), keep=True).endswith(b"\r\n\r\n")

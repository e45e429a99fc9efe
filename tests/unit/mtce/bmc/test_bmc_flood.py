# SPDX-License-Identifier: Apache-2.0
"""BMCs that send 600 MB: every command of every protocol ends in time, reads a few MiB, and logs a few lines."""
import logging
import time
import tracemalloc
import zlib

import pytest

from mtce.bmc.connector import ANSWER_MAX_BYTES
from mtce.bmc.interfaces import BmcError, PowerState
from mtce.bmc.ipmi import IpmiSettings
from mtce.bmc.kinds import BmcSettings, open_bmc, perform
from mtce.bmc.session import RedfishSettings
from tests.unit.mtce.bmc.conftest import RESET, SYSTEM

FLOOD_BYTES = 600 * 1024 * 1024
PIECE = b"x" * 65536
MEMORY_MAX_BYTES = 64 * 1024 * 1024
LOG_MAX_BYTES = 64 * 1024
# What the kernel's buffers of both ends hold of a reply that is no longer read.
BUFFERED_BYTES = 16 * 1024 * 1024
SESSION = "/redfish/v1/SessionService/Sessions"


class Flood:
    """One kind of reply; ``sent`` counts the bytes that the BMC got rid of."""

    def __init__(self, kind, status):
        self.kind, self.status, self.sent = kind, status, 0

    def __call__(self, handler):
        handler.send_response(self.status)
        if self.status == 302:
            handler.send_header("Location", handler.path)
        if self.status == 201:
            handler.send_header("X-Auth-Token", "t-1")
            handler.send_header("Location", SESSION + "/1")
        if self.kind == "header":
            for number in range(FLOOD_BYTES // len(PIECE)):
                self._send(handler, b"X-%d: " % number + PIECE[:60_000] + b"\r\n", flush=True)
        if self.kind == "declared":
            handler.send_header("Content-Length", str(FLOOD_BYTES))
        elif self.kind == "chunked":
            handler.send_header("Transfer-Encoding", "chunked")
        elif self.kind == "compressed":
            handler.send_header("Content-Encoding", "deflate")
        handler.end_headers()
        self._send(handler, b'{"a": "' if self.kind in ("declared", "endless") else b"")
        packer = zlib.compressobj(9)
        for _ in range(FLOOD_BYTES // len(PIECE)):
            if self.kind == "chunked":
                self._send(handler, b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
            else:
                self._send(handler, packer.compress(PIECE) if self.kind == "compressed" else PIECE)

    def _send(self, handler, piece, *, flush=False):
        if flush:
            handler.flush_headers()
        handler.wfile.write(piece)
        self.sent += len(piece)


class Logged(logging.Handler):
    """Counts what a log file would get at the level DEBUG of everything."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.bytes = 0

    def emit(self, record):
        self.bytes += len(self.format(record))


@pytest.fixture
def logged():
    handler, root = Logged(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


def run(access, settings, bm_type, verb):
    """Carry a command out; what the operator reads, None when it was done. Checks time and memory."""
    tracemalloc.start()
    begun = time.monotonic()
    try:
        state = perform(open_bmc(bm_type, access, settings), verb, graceful=False)
        assert verb != "query" or isinstance(state, PowerState)
        return None
    except BmcError as error:
        assert len(str(error)) < 600 and "\n" not in str(error)
        return str(error)
    finally:
        assert time.monotonic() - begun < settings.redfish.command_timeout_s + settings.redfish.read_timeout_s + 5
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY_MAX_BYTES


# Which command asks for what; a command that does not is not flooded.
PATHS = [("query", "/redfish/v1", 200), ("query", SESSION, 201), ("query", "/redfish/v1/Systems", 200),
         ("query", SYSTEM, 200), ("query", SYSTEM, 500), ("query", SYSTEM, 302), ("reset", RESET, 200),
         ("power-off", RESET, 202), ("power-on", SYSTEM, 200), ("netboot", SYSTEM, 200)]


@pytest.mark.parametrize("kind", ["declared", "chunked", "endless", "compressed", "header"])
@pytest.mark.parametrize(("verb", "path", "status"), PATHS)
def test_a_command_ends_and_takes_a_few_mib(recorded, access, logged, verb, path, status, kind):
    settings = BmcSettings(redfish=RedfishSettings("http", recorded.port, False, 2, 3, command_timeout_s=6))
    flood = recorded.floods[path] = Flood(kind, status)
    said = run(access, settings, "redfish", verb)
    assert flood.sent, "the command did not ask for it"
    assert said is not None and said.startswith("The board management controller")
    # Each of a few repetitions may take as much.
    assert flood.sent < FLOOD_BYTES / 4 and flood.sent < 4 * (ANSWER_MAX_BYTES + BUFFERED_BYTES)
    assert logged.bytes < LOG_MAX_BYTES


@pytest.mark.parametrize("kind", ["declared", "chunked", "endless", "compressed", "header"])
@pytest.mark.parametrize("path", ["/redfish/v1", "/redfish"])
def test_the_search_for_redfish_ends(recorded, access, logged, path, kind):
    settings = BmcSettings(redfish=RedfishSettings("http", recorded.port, False, 2, 3, command_timeout_s=6),
                           ipmi=IpmiSettings(timeout_s=1.0, retries=0))
    flood = recorded.floods[path] = Flood(kind, 200)
    if path == "/redfish":
        recorded.answers["/redfish/v1"] = (401, {})
    run(access, settings, "dynamic", "query")
    assert 0 < flood.sent < 4 * (ANSWER_MAX_BYTES + BUFFERED_BYTES)
    assert logged.bytes < LOG_MAX_BYTES


@pytest.mark.parametrize("kind", ["declared", "chunked", "endless", "compressed", "header"])
def test_the_end_of_a_session_does_not_undo_the_command(recorded, access, logged, kind):
    settings = BmcSettings(redfish=RedfishSettings("http", recorded.port, False, 2, 3, command_timeout_s=6))
    flood = recorded.floods[SESSION + "/1"] = Flood(kind, 200)
    assert run(access, settings, "redfish", "reset") is None
    assert 0 < flood.sent < ANSWER_MAX_BYTES + BUFFERED_BYTES and len(recorded.resets) == 1
    assert logged.bytes < LOG_MAX_BYTES


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("verb", ["query", "power-on", "power-off", "reset", "netboot"])
def test_ipmi_output_is_limited(access, logged, tmp_path, monkeypatch, verb, stream):
    tool = tmp_path / "ipmitool"
    tool.write_text(f"#!/bin/sh\nhead -c {FLOOD_BYTES} /dev/zero | tr '\\0' x >&{stream}\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said = run(access, BmcSettings(ipmi=IpmiSettings(timeout_s=5.0)), "ipmi", verb)
    assert said is not None and logged.bytes < LOG_MAX_BYTES

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
import struct

import pytest

from sm.transport import probes
from sm.transport.probes import Prober, request, token_in
from sm.transport.settings import PathLink

TOKEN = bytes(range(16))


def test_a_ping_has_the_checksum_that_routers_check() -> None:
    ping = request(False, TOKEN)
    words = sum(struct.unpack(f"!{len(ping) // 2}H", ping))
    assert (words & 0xFFFF) + (words >> 16) == 0xFFFF
    assert ping[0] == 8 and request(True, TOKEN) == bytes([128]) + bytes(7) + TOKEN


def test_only_the_answer_with_a_token_counts() -> None:
    answer4 = bytes([0x46]) + bytes(23) + bytes(8) + TOKEN
    answer6 = bytes([129]) + bytes(7) + TOKEN
    assert token_in(answer4, False) == token_in(answer6, True) == TOKEN
    for data in (b"", answer4[:-1], answer4 + b"x", bytes([0x45]) * 44, bytes([0x4F])):
        assert token_in(data, False) is None
    for data in (b"", request(True, TOKEN), answer6[:-1]):
        assert token_in(data, True) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ping")
@pytest.mark.parametrize("link", [PathLink("mgmt", "lo", "127.0.7.2", (), targets=("127.0.7.3", "127.0.7.4")),
                                  PathLink("oam", "lo", "::1", (), targets=("::1", "fd00::9"))])
def test_targets_that_answer_make_a_path_reachable(link: PathLink) -> None:
    async def run() -> tuple[str, bool | None]:
        told = asyncio.get_running_loop().create_future()
        prober = Prober((link, PathLink("admin", "lo", "127.0.7.2", ())), lambda *what: told.set_result(what))
        prober.start()
        try:
            return await asyncio.wait_for(told, 5)  # type: ignore[no-any-return]
        finally:
            prober.stop()

    assert asyncio.run(run()) == (link.name, True)


@pytest.mark.parametrize("link", [PathLink("mgmt", "absent0", "127.0.7.2", (), targets=("127.0.7.3", "127.0.7.4"))])
def test_a_path_that_cannot_be_probed_is_unknown(link: PathLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROBE_MS", 10)
    told: list[object] = []

    async def run() -> None:
        prober = Prober((link,), lambda *what: told.append(what))
        prober.start()
        await asyncio.sleep(0.1)  # ten probes
        prober.stop()

    asyncio.run(run())
    assert told == []

# SPDX-License-Identifier: Apache-2.0
"""Two mirror daemons over TLS: what is written on the active node is on the other one when that is said."""
from __future__ import annotations

import os
from pathlib import Path

from tests.functional.sm.mirror.conftest import World, begun, content, equal, in_sync


def test_a_thousand_files_directories_links_modes_owners_and_odd_names(pair: World) -> None:
    active, standby = pair.nodes["controller-0"], pair.nodes["controller-1"]
    for number in range(1_000):
        path = active.root / f"d{number % 10}" / f"e{number % 7}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number * 7 % 5_000))
    (active.root / "d1" / "link").symlink_to("../d2/e2/f2")
    Path(os.fsdecode(os.fsencode(active.root) + b"/odd \xff\xfe\n%name")).write_text("odd")
    (active.root / "ä").mkdir(mode=0o750)
    os.chown(active.root / "ä", 1, 2)
    (active.root / "secret").write_text("s")
    (active.root / "secret").chmod(0o600)
    os.chown(active.root / "secret", 65534, 3)
    assert "controller-1" in active.wait()
    assert equal(pair) and len(content(standby.root)) >= 1_000

    # Everything else that can happen to a name.
    os.rename(active.root / "d3", active.root / "moved")
    os.unlink(active.root / "d4" / "e4" / "f4")
    (active.root / "d5" / "e5" / "f5").chmod(0o640)
    (active.root / "moved" / "e3" / "f3").write_text("after the directory was renamed")
    (active.root / "d1" / "link").unlink()
    (active.root / "d1" / "link").mkdir()
    (active.root / "d1" / "link" / "in").write_text("a directory now")
    (active.root / "ä").rmdir()
    (active.root / "ä").symlink_to("secret")
    with (active.root / "d6" / "e6" / "f6").open("ab") as stream:
        stream.write(b"more")
    active.wait()
    assert equal(pair)
    (active.root / "moved" / "new" / "deep").mkdir(parents=True)
    (active.root / "moved" / "new" / "deep" / "file").write_text("in a new directory of a renamed one")
    active.wait()
    assert equal(pair)
    assert active.status().peers[0].generation == f"1.{active.status().number}"


def test_over_ipv6_alone_and_back_after_a_move(world6: World) -> None:
    first, second = begun(world6).nodes.values()
    (first.root / "key").write_text("one")
    assert "controller-1" in first.wait(first.root / "key")
    assert (second.root / "key").read_text() == "one"
    world6.lead("controller-1")
    in_sync(world6, "controller-1")
    (second.root / "key").write_text("two")
    assert "controller-0" in second.wait(second.root / "key")
    assert (first.root / "key").read_text() == "two" and equal(world6)

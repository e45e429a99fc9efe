# SPDX-License-Identifier: Apache-2.0
"""Facts of platform.conf."""
from __future__ import annotations

from pathlib import Path

from flock.exec import Root, platformconf


def test_a_value_is_found_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / platformconf.PATH
    path.parent.mkdir(parents=True)
    path.write_text("nodetype=worker\n UUID = 1-2 \nempty=\nno line\nsubfunction=a=b\n")
    root = Root(tmp_path)
    assert [platformconf.value(root, key) for key in ("nodetype", "UUID", "empty", "missing", "subfunction")] == [
        "worker", "1-2", None, None, "a=b"]
    assert platformconf.value(Root(tmp_path / "nothing"), "UUID") is None

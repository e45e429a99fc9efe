# SPDX-License-Identifier: Apache-2.0
"""Two files of one release that come at the same moment: real API, conductor and database."""
from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.functional.patching.running import Cloud

ROUNDS = 3


def test_of_two_contents_of_a_release_one_is_taken_and_the_other_refused(cloud: Cloud, tmp_path: Path) -> None:
    """Both were told that they are uploaded, and the later one replaced the other."""
    files = []
    for name, more in (("one", {}), ("two", {"software": {"other_10.0.1.fake": b'{"name": "other", "version": "1"}'}})):
        (tmp_path / name).mkdir()
        files.append(Path(shutil.copy(cloud.patch("10.0.1", **more), tmp_path / name)))

    def upload(path: Path) -> str:
        with path.open("rb") as stream:
            told = cloud.as_admin.post(f"{cloud.base}/v1/release", files=[(path.name, (path.name, stream))]).json()
        return str(told["info"] + told["error"])

    for _ in range(ROUNDS):
        with ThreadPoolExecutor(2) as threads:
            told = sorted(threads.map(upload, files), key=lambda text: "now uploaded" in text)
        assert "holds other content than starlingx-10.0.1" in told[0] and "is now uploaded" in told[1], told
        cloud.done("DELETE", "/v1/release/starlingx-10.0.1")

# SPDX-License-Identifier: Apache-2.0
"""A client of Kubernetes that has no usable file with server and credentials says so when it is used."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock import kubernetes
from flock.core.errors import Unavailable


@pytest.mark.parametrize("content", [None, "", "{", "clusters: []", "current-context: none"])
def test_without_a_usable_file_the_reason_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Unavailable, match="node worker-0 cannot be read"):
        kubernetes.connect(str(path), 1.0).node("worker-0")

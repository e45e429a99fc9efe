# SPDX-License-Identifier: Apache-2.0
"""What dpkg of a host is told of the product: its own tools find package, version and files."""
import subprocess
from pathlib import Path

import pytest

from devstack.virtualcloud import product
from tests.unit.patching.backends import packages

RECORD = "flock/__init__.py,sha256=x,0\n../../../bin/fm,sha256=x,220\nstx_flock-1.0.0.dist-info/RECORD,,\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    status = tmp_path / "image/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("Package: python3\nStatus: install ok installed\nMaintainer: m\nArchitecture: all\n"
                      "Version: 3.11.2-1\nDescription: d\n\n")
    return tmp_path / "image"


def test_dpkg_knows_the_product(tmp_path: Path, image: Path) -> None:
    packages.need("dpkg-query")
    info = tmp_path / "code/venv/lib/python3.11/site-packages/stx_flock-1.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(RECORD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stx-flock\nVersion: 1.0.0\n\nText\n")
    for path, content in product.registration(tmp_path / "code", image).items():
        target = image / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def query(*words: str) -> list[str]:
        done = subprocess.run(["dpkg-query", f"--admindir={image}/var/lib/dpkg", *words], capture_output=True,
                              text=True, check=True)
        return done.stdout.splitlines()
    assert query("-W", "-f", "${Package} ${Version} ${Status}\n") == [
        "python3 3.11.2-1 install ok installed", "stx-flock 1.0.0 install ok installed"]
    files = query("-L", "stx-flock")
    assert files[0] == "/." and str(tmp_path / "code/venv/bin/fm") in files
    assert str(tmp_path / "code/venv/lib/python3.11/site-packages/flock/__init__.py") in files
    assert str(tmp_path / "code/venv/bin") in files and not [path for path in files if ".." in path]


def test_a_machine_without_the_product_tells_nothing(tmp_path: Path, image: Path) -> None:
    (tmp_path / "code").mkdir()
    assert product.registration(tmp_path / "code", image) == {}

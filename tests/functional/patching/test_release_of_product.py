# SPDX-License-Identifier: Apache-2.0
"""A release of this product: a checkout makes the same package twice, and dpkg brings a host to the next release and
exactly back."""
from __future__ import annotations

import datetime
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from flock.core.errors import InvalidInput
from flock.testing.privileges import need_root
from patching.artifact import isofile, product, trust
from patching.artifact.product import Checkout, make_package
from patching.cmd import build
from patching.content.repository import Repository
from patching.contract.version import Version

REPO = Path(__file__).resolve().parents[3]
SETUP = """[metadata]
name = stx-flock
summary = A small one
[files]
packages =
    tiny
data_files =
    share/flock/systemd = etc/systemd/*
[entry_points]
console_scripts =
    fm-dbsync = tiny.tool:main
"""
MODULES = "venv/lib/python3.11/site-packages/tiny"
PYTHON = ("Package: python3\nStatus: install ok installed\nVersion: 3.11.2-1\nArchitecture: all\nMaintainer: m\n"
          "Description: d\n\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small product with the scripts of this one."""
    folder = tmp_path / "checkout"
    (folder / "tiny").mkdir(parents=True)
    (folder / "etc/systemd").mkdir(parents=True)
    (folder / "etc/systemd/flock-config.service").write_text("[Unit]\n")
    (folder / "etc/systemd/flock-going.service").write_text("[Unit]\n")
    for name in ("__init__", "going"):
        (folder / f"tiny/{name}.py").write_text("")
    (folder / "tiny/tool.py").write_text("def main():\n    print('first')\n")
    shutil.copytree(REPO / "etc/release", folder / "etc/release")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copyfile(REPO / name, folder / name)
    for name in ("requirements.txt", "README.md", "MANIFEST.in"):
        (folder / name).write_text("")
    (folder / "setup.cfg").write_text(SETUP)
    return folder


def change(checkout: Path) -> None:
    """What differs in the next release: a module and a unit go, others come, one is another."""
    (checkout / "tiny/tool.py").write_text("def main():\n    print('other')\n")
    (checkout / "tiny/going.py").rename(checkout / "tiny/coming.py")
    (checkout / "etc/systemd/flock-going.service").rename(checkout / "etc/systemd/flock-coming.service")


def host(tmp_path: Path) -> Path:
    root = tmp_path / "host"
    for name in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "etc/systemd/system", "etc/goenabled.d"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(PYTHON)
    return root


def install(root: Path, package: Path) -> dict[str, str]:
    """Install a package, and return the digests of what the host then has of the product."""
    done = subprocess.run(["dpkg", f"--root={root}", f"--log={root}/log", "--force-script-chrootless",
                           "--force-downgrade", "--install", str(package)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    places = (root / "opt/flock", root / "etc/systemd/system")
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest()
            for place in places for path in place.rglob("*") if path.is_file()}


def test_a_host_comes_to_the_next_release_and_exactly_back(checkout: Path, tmp_path: Path) -> None:
    need_root("dpkg")
    one = make_package(Checkout(checkout), Version.parse("1.0.0"), tmp_path)
    data = one.read_bytes()
    assert make_package(Checkout(checkout), Version.parse("1.0.0"), tmp_path).read_bytes() == data
    change(checkout)
    two = make_package(Checkout(checkout), Version.parse("1.1.0"), tmp_path)
    root = host(tmp_path)
    before = install(root, one)
    assert f"{MODULES}/going.py" in before and f"{MODULES}/__pycache__/going.cpython-311.pyc" in before
    assert "flock-going.service" in before
    after = install(root, two)
    assert f"{MODULES}/coming.py" in after and "flock-coming.service" in after
    assert not [name for name in after if "going" in name or "1.0.0" in name]
    assert after[f"{MODULES}/tool.py"] != before[f"{MODULES}/tool.py"]
    assert install(root, one) == before


def test_a_release_holds_what_it_brings_and_what_hosts_return_to(
        checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trusted").mkdir()
    assert build.run(["key", "maker", "--target", str(tmp_path)]) == 0
    (tmp_path / "maker.crt").rename(tmp_path / "trusted/maker.crt")
    common = ["--source", str(checkout), "--target", str(tmp_path)]
    assert build.run(["flock", *common, "--package-only", "1.0.0"]) == 0
    previous = capsys.readouterr().out.splitlines()[-1]
    assert build.run(["flock", *common, "1.1.0"]) == 1
    assert "release: of the product needs --key, --from, --previous" in capsys.readouterr().err
    assert build.run(["flock", *common, "--key", str(tmp_path / "maker.key"), "--from", "1.0", "--previous", previous,
                      "--status", "REL", "1.1.0"]) == 0
    image, signature = (Path(line) for line in capsys.readouterr().out.splitlines())
    found = isofile.read(image, image.name, signature, tmp_path / "into", trust.load(tmp_path / "trusted"),
                         datetime.datetime.now(datetime.UTC))
    assert found.supported_from == ("1.0",) and found.file.metadata.activation_scripts == ("10-databases",)
    repository = Repository(tmp_path / "software")
    assert repository.take(found.file).backend == "deb"
    folder = repository.release("starlingx-1.1.0")
    for script in ("post-start.sh", "extra/10-databases"):
        assert (folder / script).stat().st_mode & 0o100, script
    packages = sorted(path.name for path in (repository.feed / "starlingx-1.1.0/packages").iterdir())
    assert packages == ["stx-flock_1.0.0_all.deb", "stx-flock_1.1.0_all.deb"]


def test_what_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must be a checkout of stx-flock"):
        product.Checkout(tmp_path)

# SPDX-License-Identifier: Apache-2.0
"""Runs the OpenStack client as a process with the commands of this checkout, even if it is not installed."""
from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
_MAIN = "import sys; from openstackclient.shell import main; sys.exit(main(sys.argv[1:]))"


def register(place: Path) -> Path:
    """Make ``place`` a directory for PYTHONPATH that registers this checkout's plug-ins; returns ``place``."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "setup.cfg")
    info = place / "stx_flock-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stx-flock\nVersion: 0\n")
    groups = {name: text for name, text in parser["entry_points"].items() if name.startswith("openstack.")}
    (info / "entry_points.txt").write_text("\n".join(
        f"[{name}]\n" + "\n".join(line.strip() for line in text.splitlines()) for name, text in groups.items()))
    return place


def run_python(argv: list[str], place: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with ``argv``, this checkout and the plug-ins of ``place``, without OS_* variables."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    env["PYTHONPATH"] = os.pathsep.join(str(path) for path in (place, ROOT) if path)
    return subprocess.run([sys.executable, *argv], env=env, capture_output=True, text=True, timeout=TIMEOUT_S,
                          check=False)


def openstack(place: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run ``openstack`` with the plug-ins registered in ``place``."""
    return run_python(["-c", _MAIN, *argv], place)


def with_token(url: str, token: str) -> tuple[str, ...]:
    """Options of ``openstack`` for one API without Keystone."""
    return ("--os-auth-type", "admin_token", "--os-endpoint", url, "--os-token", token)

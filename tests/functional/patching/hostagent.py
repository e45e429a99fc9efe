# SPDX-License-Identifier: Apache-2.0
"""The real agent of a host as a process, with a directory for the host's disk."""
from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from flock.testing.daemons import start_daemon, write_conf
from flock.testing.services.process import Process, wait_for
from patching.agent.memory import Book
from patching.artifact import build
from patching.artifact.metadata import Metadata
from patching.backends.formats import load
from patching.backends.interface import Backend
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version
from tests.functional.patching.running import WAIT_S, Cloud


class HostAgent:
    """Takes the place of the cloud's simulated agent of ``hostname``."""

    def __init__(self, cloud: Cloud, hostname: str, backends: Sequence[str] = ("fake",),
                 report_period_s: float = 0.5) -> None:
        self.cloud, self.hostname = cloud, hostname
        self.folder, self.root = cloud.folder / hostname, cloud.folder / hostname / "root"
        simulated = cloud.agents.pop(hostname, None)
        number = cloud.inventory.hosts[hostname]["uuid"]
        if simulated is not None:
            simulated.stop()
        kind = "controller" if hostname.startswith("controller") else "worker"
        for name, text in (("proc/sys/kernel/random/boot_id", str(uuid.uuid4())), ("etc/platform/platform.conf",
                           f"sw_version=10.0.0\nnodetype={kind}\nsubfunction={kind}\nUUID={number}\n")):
            self.put(name, text)
        write_conf(self.folder / "conf/patching.conf", {
            "DEFAULT": {"transport_url": cloud.rabbit_url, "state_dir": self.folder / "state",
                        "run_dir": self.folder / "run"},
            "rpc": {"exchange": cloud.exchange},
            "patching_agent": {"feed_url": (cloud.software / "feed").as_uri(), "backends": ",".join(backends),
                               "root": self.root, "hostname": hostname, "report_period_s": report_period_s,
                               "content_dir": cloud.software}})
        self.backend: Backend = load(backends, self.root, 60.0)[backends[0]]
        self.process: Process | None = None

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def fault(self, name: str, text: str = "") -> Path:
        return self.put(f"var/lib/fake-packages/{name}", text)

    def start(self) -> None:
        self.process = start_daemon("patching-agent", self.folder, self.folder / "conf")
        self.process.wait_until(lambda: "patching-agent is ready" in self.log(), WAIT_S, "patching-agent to be ready")

    def kill(self) -> None:
        """SIGKILL, as a crash or a loss of power does it."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def boot(self) -> None:
        """End the process and start it in another boot of the host."""
        self.kill()
        shutil.rmtree(self.root / "run", ignore_errors=True)
        self.put("proc/sys/kernel/random/boot_id", str(uuid.uuid4()))
        self.start()

    def lock(self) -> None:
        self.put("run/.node_locked", "")
        self.cloud.inventory.lock(self.hostname)

    def unlock(self) -> None:
        """What host maintenance does: the host boots."""
        self.boot()
        self.cloud.inventory.unlock(self.hostname)

    def book(self) -> Book:
        """What the agent has stored."""
        return Book(self.folder / "state/patching/agent/agent.json")

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    def version(self, name: str) -> str:
        """Of an installed package, without RPM's epoch and release."""
        return self.backend.current().get(name, "").removeprefix("0:").removesuffix("-1")

    def wait(self, condition: object, what: str) -> None:
        assert callable(condition)
        wait_for(condition, WAIT_S, what)


def patch_of(cloud: Cloud, text: str, packages: Sequence[Path], previous: Sequence[Path] = (), *,
             reboot_required: bool = False) -> Path:
    """A signed patch of package files; ``previous``: what hosts return to."""
    folder = cloud.folder / "made" / text
    folder.mkdir(parents=True, exist_ok=True)
    software = {path.name: path for path in packages} | {f"previous/{path.name}": path for path in previous}
    metadata = Metadata(f"starlingx-{text}", Version.parse(text), "starlingx", "A fix", status=ReleaseStatus.RELEASED,
                        reboot_required=reboot_required, packages=tuple(path.name for path in packages))
    return build.build(metadata, software, folder, cloud.maker.key)


def rolled(cloud: Cloud, hostname: str, text: str) -> None:
    """A deployment from its start to its end, on one host."""
    cloud.start_release(text)
    cloud.deploy_host(hostname)
    assert cloud.hosts() == {hostname: "deployed"}, cloud.log()[-3000:]
    cloud.reaches("host-done")
    finish(cloud)


def finish(cloud: Cloud) -> None:
    """Activate, complete, delete."""
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    cloud.done("POST", "/v1/deploy/complete", {})
    cloud.done("DELETE", "/v1/deploy")
    cloud.reaches(None)

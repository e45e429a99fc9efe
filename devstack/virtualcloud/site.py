# SPDX-License-Identifier: Apache-2.0
"""The lab's folders on the machine, its name prefix, and the names derived from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import plan
from devstack.virtualcloud.errors import NotAvailable

STATE_DIR = "/var/lib/flock-lab"
PREFIX = "flk"
CODE_DIR = "/opt/flock"
STATE_DIR_CHARS_MAX = 48  # socket paths below it must fit into the kernel's 107 characters


@dataclass(frozen=True, slots=True)
class Site:
    """Folders and names of one lab; several labs with different folders and prefixes can share a machine."""

    state_dir: Path = Path(STATE_DIR)
    prefix: str = PREFIX
    image_dir: Path = Path(STATE_DIR) / "image"
    code_dir: Path = Path(CODE_DIR)

    def checked(self) -> Site:
        """Return this site when its names are valid; else NotAvailable."""
        plan.check_prefix(self.prefix)
        if not self.state_dir.is_absolute() or len(str(self.state_dir)) > STATE_DIR_CHARS_MAX:
            raise NotAvailable(
                f"state folder {self.state_dir}: an absolute path of at most {STATE_DIR_CHARS_MAX} characters"
            )
        return self

    @property
    def socket(self) -> Path:
        """Socket of the lab's daemon."""
        return self.state_dir / "lab.sock"

    @property
    def pid_file(self) -> Path:
        """Process id and start time of the lab's daemon."""
        return self.state_dir / "labd.pid"

    @property
    def log_file(self) -> Path:
        """Log of the lab's daemon."""
        return self.state_dir / "labd.log"

    def namespace(self, name: str) -> str:
        """Name of the network namespace of a host, or of `switch`, `outside`, `bmc`."""
        return f"{self.prefix}-{name}"

    def namespace_path(self, name: str) -> Path:
        """File of that namespace."""
        return Path("/run/netns") / self.namespace(name)

# SPDX-License-Identifier: Apache-2.0
"""What a daemon leaves to the next one of the same boot of the host: files in a directory that a reboot empties."""
from __future__ import annotations

import logging
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.core.local.view import LocalView

LOG = logging.getLogger(__name__)
HOST_BOOT = Path("/proc/sys/kernel/random/boot_id")
BYTES_MAX = 8_000_000
_GRACE = struct.Struct("<q")


def host_boot() -> str:
    """The uuid of this boot of the host."""
    return HOST_BOOT.read_text(encoding="ascii").strip()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The engines' view, the boot of the host in which it was true, and the version of the configuration."""

    host_boot: str
    local: LocalView
    version: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What an earlier daemon of this boot left. ``permitted_until_ms``: until when (monotonic) it might keep groups
    active; -1 where that is not known. ``version``: of the configuration that it used."""

    local: LocalView
    permitted_until_ms: int
    version: int


class Memory:
    """Two files: the view, written when it has changed; and the moment until which groups may be active, written in
    place at every tick. A file that cannot be written is no reason to stop: the next daemon then looks at all services
    as after a boot."""

    def __init__(self, directory: Path, boot: str) -> None:
        self._directory, self._boot = directory, boot
        self._saved: Remembered | None = None
        self._grace: int | None = None
        self.problem = ""

    def load(self) -> Left | None:
        """What the daemon before left; None after a boot."""
        try:
            with (self._directory / "view.json").open("rb") as stream:
                text = stream.read(BYTES_MAX)
            found: Remembered = codec_for(Remembered).decode(text, "view")
        except FileNotFoundError:
            return None
        except (OSError, InvalidInput) as error:
            LOG.error("what the daemon before has left cannot be read, so all services are looked at anew: %s", error)
            return None
        if found.host_boot != self._boot:
            return None
        return Left(found.local, self._load_grace(), found.version)

    def save(self, local: LocalView, permitted_until_ms: int, version: int) -> None:
        """Leave this to the next daemon; the view is written only when it is another one than before."""
        try:
            if self._grace is None:
                self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                self._grace = os.open(self._directory / "permitted", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._grace, _GRACE.pack(permitted_until_ms), 0)
            if self._saved is None or self._saved.local is not local or self._saved.version != version:
                remembered = Remembered(self._boot, local, version)
                if remembered != self._saved:
                    self._write(codec_for(Remembered).encode(remembered, "view"))
                self._saved = remembered
            self.problem = ""
        except (OSError, InvalidInput) as error:
            if not self.problem:
                LOG.error("the state for the next daemon cannot be written: %s", error)
            self.problem = f"the state for the next daemon cannot be written: {error}"

    def close(self) -> None:
        """Close the files."""
        if self._grace is not None:
            os.close(self._grace)
            self._grace = None

    def _write(self, data: bytes) -> None:
        temporary = self._directory / ".view.json"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(temporary, self._directory / "view.json")

    def _load_grace(self) -> int:
        try:
            return int(_GRACE.unpack((self._directory / "permitted").read_bytes())[0])
        except (OSError, struct.error):
            return -1

# SPDX-License-Identifier: Apache-2.0
"""The files through which the agent and ``sysinv-configure`` hand each other a configuration and its result.

The configuration stays on the host: it boots with it also while no controller answers.
"""
from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from sysinv.contract.records import ConfigurationResult, WantedConfiguration

PRIVATE = 0o600
BYTES_MAX = 16 * 1024 * 1024
_WANTED = codec_for(WantedConfiguration)
_RESULT = codec_for(ConfigurationResult)


class Unusable(InvalidInput):
    """A file of the exchange holds something else than its writer writes."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The directory of the files."""

    directory: Path

    def save(self, wanted: WantedConfiguration, host_uuid: str) -> None:
        """Store what the host should have; ``host_uuid`` opens its secrets."""
        document = {"host_uuid": host_uuid, "wanted": _WANTED.to_document(wanted, "wanted")}
        self._private()
        replace_file(self.directory / "wanted.json", json.dumps(document), PRIVATE)

    def wanted(self) -> tuple[str, WantedConfiguration] | None:
        """Return uuid of the host and configuration; None when none was saved. Raises Unusable."""
        document = self._read("wanted.json")
        if document is None:
            return None
        try:
            return str(document["host_uuid"]), _WANTED.from_document(document["wanted"], "wanted")
        except (KeyError, TypeError) as error:
            raise Unusable(field="wanted.json", rule="must be a saved configuration") from error

    def finish(self, result: ConfigurationResult) -> None:
        """Store the result of a run until the conductor has it."""
        self._private()
        replace_file(self.directory / "result.json", json.dumps(_RESULT.to_document(result, "result")), PRIVATE)

    def result(self) -> ConfigurationResult | None:
        """Return the result that the conductor does not have yet. Raises Unusable, InvalidInput."""
        document = self._read("result.json")
        return None if document is None else _RESULT.from_document(document, "result")

    def forget_result(self) -> None:
        """The conductor has the result, or nobody can read it."""
        (self.directory / "result.json").unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process applies a configuration, and keep others from it."""
        self._private()
        descriptor = os.open(self.directory / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE)
        try:
            # The other one is limited by the time that Puppet may take.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _private(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _read(self, name: str) -> Any:
        path = self.directory / name
        try:
            if path.stat().st_size > BYTES_MAX:
                raise Unusable(field=name, rule=f"must not be longer than {BYTES_MAX} bytes")
            return json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise Unusable(field=name, rule="must be JSON") from error


def exchange_of(conf: Any) -> Exchange:
    """Return the exchange below the state directory."""
    return Exchange(Path(conf.state_dir) / "configuration")

# SPDX-License-Identifier: Apache-2.0
"""Client of the system's health over the REST API."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flock.cli.errors import CliError
from flock.core.checks import from_rows
from sysinv.client.hosts import Api

KINDS = ("system", "upgrade", "kube-upgrade")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked. ``kind``: one of ``KINDS``. ``relaxed``: alarms that do not affect management do not count.
    ``ignored``: ids of alarms that do not count, separated by commas. ``system`` takes none of these."""

    kind: str = "system"
    relaxed: bool = False
    ignored: str = ""
    rootca: bool = False

    @property
    def path(self) -> str:
        """The path of the API."""
        kind = "" if self.kind == "system" else f"/{self.kind}"
        return f"/v1/health{kind}{'/relaxed' if self.relaxed else ''}"

    @property
    def query(self) -> dict[str, str]:
        """The arguments of the query."""
        return {**({"alarm_ignore_list": self.ignored} if self.ignored else {}),
                **({"rootca": "True"} if self.rootca else {})}


class Health:
    """One question about the health of the system."""

    def __init__(self, api: Api, wanted: Wanted) -> None:
        self._api, self._wanted = api, wanted

    def text(self) -> str:
        """A line for each check."""
        found = self._api.get(self._wanted.path, self._wanted.query)
        if not isinstance(found, str):
            raise CliError("The answer of the API is no text.")
        return found

    def checks(self) -> list[dict[str, Any]]:
        """The checks: ``check``, ``ok``, ``detail``, ``advice``, ``skipped``."""
        try:
            return from_rows(self._api.get(self._wanted.path, {**self._wanted.query, "format": "json"})).rows
        except ValueError as error:
            raise CliError(f"The answer of the API is no list of checks: {error}.") from error

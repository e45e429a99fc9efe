# SPDX-License-Identifier: Apache-2.0
"""Paths that clients know and this release does not serve: told apart from things that do not exist.

A subsystem names them in its ``Dialect``. A caller with a token is answered 501 with a sentence, whatever the method.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import FlockError


class NotBuilt(FlockError):
    """The path belongs to something that this release does not have."""

    code: ClassVar[str] = "flock.api.not_built"
    http: ClassVar[int] = 501
    text: ClassVar[str] = "{sentence}"


@dataclass(frozen=True, slots=True)
class Absent:
    """``what`` is the subject of the sentence (plural); each of ``paths`` stands for itself and all below it.

    ``*`` in a path is any one segment. ``error_key``: the client of these paths reads ``{"error": …}``. ``said``: the
    sentence that StarlingX answers with, where it no longer serves these paths either.
    """

    what: str
    paths: tuple[str, ...]
    error_key: bool = False
    said: str | None = None

    @property
    def sentence(self) -> str:
        """What the caller is told."""
        return self.said or f"{self.what} are not part of this release."

    def covers(self, path: str) -> bool:
        """Whether ``path`` (no trailing slash) is one of the paths or lies below one."""
        return any(_below(path.split("/"), template.split("/")) for template in self.paths)


def absent_at(known: Sequence[Absent], path: str) -> Absent | None:
    """The first entry that covers ``path``."""
    return next((entry for entry in known if entry.covers(path)), None)


def _below(segments: list[str], template: list[str]) -> bool:
    return len(segments) >= len(template) and all(
        part in ("*", segment) for segment, part in zip(segments, template, strict=False))

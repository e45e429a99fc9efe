# SPDX-License-Identifier: Apache-2.0
"""Paths that clients know but this release does not serve; they get another status than unknown paths.

A subsystem lists them in its ``Dialect``. A caller with a valid token gets 501 with a sentence, for every method.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from flock.core.errors import FlockError


class NotBuilt(FlockError):
    """The path belongs to a feature that this release does not have."""

    code: ClassVar[str] = "flock.api.not_built"
    http: ClassVar[int] = 501
    text: ClassVar[str] = "{sentence}"


@dataclass(frozen=True, slots=True)
class Absent:
    """``what`` is the subject of the sentence (plural); each of ``paths`` covers itself and all paths below it.

    ``*`` in a path matches any one segment. ``error_key``: the client of these paths reads ``{"error": …}``.
    ``starlingx_text``: StarlingX's sentence, if StarlingX does not serve these paths any more either.
    """

    what: str
    paths: tuple[str, ...]
    error_key: bool = False
    starlingx_text: str | None = None

    @property
    def sentence(self) -> str:
        """The error text for the caller."""
        return self.starlingx_text or f"{self.what} are not part of this release."

    def covers(self, path: str) -> bool:
        """Whether ``path`` (no trailing slash) is one of the paths or lies below one."""
        return any(_below(path.split("/"), template.split("/")) for template in self.paths)


def absent_at(known: Sequence[Absent], path: str) -> Absent | None:
    """The first entry of ``known`` that covers ``path``; None when there is none."""
    return next((entry for entry in known if entry.covers(path)), None)


def _below(segments: list[str], template: list[str]) -> bool:
    return len(segments) >= len(template) and all(
        part in ("*", segment) for segment, part in zip(segments, template, strict=False))

# SPDX-License-Identifier: Apache-2.0
"""Rules of the values of service parameters, which are texts."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
_SIZE = re.compile(r"([1-9][0-9]{0,9})([KMGT]?)")
_FACTOR = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")
_PATH = re.compile(r"(/[A-Za-z0-9_.+\-]+)+")
_VOLUME_KEYS = ("hostPath", "mountPath", "pathType", "readOnly")


@dataclass(frozen=True, slots=True)
class ValueRule:
    """``kind`` is integer, choice, text, size (bytes, with K, M, G or T), url or volume; the others limit it.

    ``also``: values that are possible besides.
    """

    kind: str
    least: int = 0
    most: int = 2**31 - 1
    values: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    pattern: str = ""
    length_max: int = 4096

    def broken(self, value: str) -> str | None:
        """Return what the value must be instead; None if it may be so."""
        if value in self.also or _KINDS[self.kind](self, value):
            return None
        return self.text

    @property
    def text(self) -> str:
        """The rule, for people."""
        if self.kind == "integer":
            more = "".join(f"{one} or " for one in self.also)
            return f"{more}a number from {self.least} to {self.most}"
        if self.kind == "choice":
            return f"one of {', '.join(self.values)}"
        if self.kind == "size":
            least = f" of at least {self.least // 2**30}G" if self.least else ""
            return f"a size{least}, such as 2G"
        if self.kind == "url":
            return "a URL that begins with http:// or https://"
        if self.kind == "volume":
            return ("hostPath:/x,mountPath:/y,pathType:File,readOnly:true, where pathType is File or "
                    "DirectoryOrCreate, or the same as JSON")
        form = f" of the form {self.pattern}" if self.pattern else ""
        return f"printable text of at most {self.length_max} characters{form}"


def _integer(rule: ValueRule, value: str) -> bool:
    return _NUMBER.fullmatch(value) is not None and rule.least <= int(value) <= rule.most


def _choice(rule: ValueRule, value: str) -> bool:
    return value in rule.values


def _text(rule: ValueRule, value: str) -> bool:
    if len(value) > rule.length_max or _PRINTABLE.fullmatch(value) is None:
        return False
    return not rule.pattern or re.fullmatch(rule.pattern, value) is not None


def _size(rule: ValueRule, value: str) -> bool:
    found = _SIZE.fullmatch(value)
    return found is not None and int(found[1]) * _FACTOR[found[2]] >= rule.least


def _url(rule: ValueRule, value: str) -> bool:
    if not _text(rule, value) or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _volume(_rule: ValueRule, value: str) -> bool:
    found = _volume_of(value)
    if found is None or set(found) - set(_VOLUME_KEYS) or not {"hostPath", "mountPath"} <= found.keys():
        return False
    paths = all(_PATH.fullmatch(found[name]) for name in ("hostPath", "mountPath"))
    return (paths and found.get("pathType", "File") in ("File", "DirectoryOrCreate")
            and found.get("readOnly", "true").lower() in ("true", "false"))


def _volume_of(value: str) -> Mapping[str, str] | None:
    if value.startswith("{"):
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return {str(name): str(one) for name, one in read.items()}
    pairs = [part.partition(":") for part in value.split(",")]
    if len({name for name, _, _ in pairs}) < len(pairs):
        return None
    return {name.strip(): text.strip() for name, _, text in pairs}


_KINDS: Mapping[str, Callable[[ValueRule, str], bool]] = {
    "integer": _integer, "choice": _choice, "text": _text, "size": _size, "url": _url, "volume": _volume}
KINDS = frozenset(_KINDS)

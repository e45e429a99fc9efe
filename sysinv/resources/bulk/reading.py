# SPDX-License-Identifier: Apache-2.0
"""Reads a file of hosts (XML, YAML or CSV) as names and texts; the meaning of the elements is in ``intake``.

The file is untrusted: it has no document type, entities, aliases or tags, and every size is bounded.
"""
from __future__ import annotations

import csv
import enum
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import PurePosixPath

import yaml
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from flock.core.text import spreadsheet_cell, storable
from sysinv.resources.bulk.fields import ELEMENTS, POWER_ON

FILE_BYTES_MAX = 2 << 20
HOSTS_MAX = 1000
ELEMENTS_MAX = 64
TEXT_MAX = 4096
ATTRIBUTE_MAX = 255
SHOWN = 64
# A host with a scalar for each name and value, and its own beginning and end.
_EVENTS_MAX = HOSTS_MAX * (2 * ELEMENTS_MAX + 2)
# The one in C is ten times as fast; both yield the same events.
_YAML_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

RawHost = tuple[tuple[str, str], ...]
"""Names and texts of the elements of one host, in the order of the file."""


class FileFormat(enum.StrEnum):
    """What a file of hosts may be."""

    XML = "xml"
    YAML = "yaml"
    CSV = "csv"


_MEDIA_TYPES = {
    "application/xml": FileFormat.XML, "text/xml": FileFormat.XML,
    "application/yaml": FileFormat.YAML, "application/x-yaml": FileFormat.YAML, "text/yaml": FileFormat.YAML,
    "text/x-yaml": FileFormat.YAML, "text/csv": FileFormat.CSV}
_ENDINGS = {".xml": FileFormat.XML, ".yaml": FileFormat.YAML, ".yml": FileFormat.YAML, ".csv": FileFormat.CSV}
_YAML_BEGINS = re.compile(r"\s*(?:(?:#|---|%YAML)[^\n]*\n\s*)*(?:---\s*)?(?:-\s|hosts\s*:|version\s*:|[\[{])")


class DocumentRefused(ValueError):
    """The file cannot be read; the text is the reason."""


def format_of(data: bytes, name: str, media_type: str | None) -> FileFormat:
    """Return the format that the media type tells, else the ending of the file's name, else its beginning."""
    told = _MEDIA_TYPES.get((media_type or "").lower()) or _ENDINGS.get(PurePosixPath(name).suffix.lower())
    if told is not None:
        return told
    begin = data[:TEXT_MAX].decode("utf-8-sig", "replace")
    if begin.lstrip().startswith("<"):
        return FileFormat.XML
    columns = {cell.strip().strip('"') for cell in begin.partition("\n")[0].split(",")}
    if len(columns) > 1 and columns <= set(ELEMENTS):
        return FileFormat.CSV
    return FileFormat.YAML if _YAML_BEGINS.match(begin) else FileFormat.XML


def read(data: bytes, form: FileFormat) -> list[RawHost]:
    """Return the hosts of a file; DocumentRefused."""
    if len(data) > FILE_BYTES_MAX:
        raise DocumentRefused(f"it has more than {FILE_BYTES_MAX} bytes")
    readers = {FileFormat.XML: _from_xml, FileFormat.YAML: _from_yaml, FileFormat.CSV: _from_csv}
    hosts = readers[form](data)
    if not hosts:
        raise DocumentRefused("it has no host")
    return hosts


class _Hosts:
    """The target of the XML parser: root, host and element are the only three levels."""

    def __init__(self) -> None:
        self.hosts: list[RawHost] = []
        self._depth = 0
        self._host: list[tuple[str, str]] = []
        self._name = ""
        self._texts: list[str] = []
        self._size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._depth += 1
        if any(len(name) > ATTRIBUTE_MAX or len(value) > ATTRIBUTE_MAX for name, value in attributes.items()):
            raise DocumentRefused(f"an attribute of <{_shown(tag)}> has more than {ATTRIBUTE_MAX} characters")
        if self._depth == 2 and tag != "host":
            raise DocumentRefused(f"the root may only have elements <host>, not <{_shown(tag)}>")
        if self._depth > 3:
            raise DocumentRefused(f"<{_shown(tag)}> is inside <{_shown(self._name)}>, which may only have text")
        if self._depth == 2:
            self._host = []
        self._name, self._texts, self._size = tag, [], 0

    def data(self, text: str) -> None:
        """A part of a text; long texts come in several."""
        if self._depth == 3:
            self._size += len(text)
            if self._size > TEXT_MAX:
                raise DocumentRefused(f"<{_shown(self._name)}> has more than {TEXT_MAX} characters")
            self._texts.append(text)
        elif text.strip():
            raise DocumentRefused(f"there is text outside of the elements of a host: {_shown(text.strip())}")

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._depth == 3:
            self._host.append((tag, "".join(self._texts)))
            _check_host(self._host)
        elif self._depth == 2:
            self.hosts.append(tuple(self._host))
            _check_count(self.hosts)
        self._depth -= 1

    def close(self) -> list[RawHost]:
        """The document has ended."""
        return self.hosts


def _from_xml(data: bytes) -> list[RawHost]:
    target = _Hosts()
    try:
        parser = DefusedXMLParser(target=target, forbid_dtd=True)
        parser.feed(data)
        parser.close()
    except DefusedXmlException:
        raise DocumentRefused("a document type (DTD) and entities are not permitted") from None
    except DocumentRefused:
        raise
    except (ET.ParseError, ValueError, LookupError) as error:
        raise DocumentRefused(_shown(str(error), TEXT_MAX)) from None
    return target.hosts


def _from_yaml(data: bytes) -> list[RawHost]:
    events = _events(_text(data))
    begin = next(events)
    if begin == ("begin", "map"):
        hosts = _hosts_key(events)
    elif begin == ("begin", "list"):
        hosts = _yaml_hosts(events)
    else:
        raise DocumentRefused("it must be a list of hosts, or have one below the key hosts")
    # What follows the list must be readable too.
    for _ in events:
        pass
    return hosts


def _hosts_key(events: Iterator[tuple[str, str]]) -> list[RawHost]:
    found: list[RawHost] | None = None
    for kind, name in events:
        if kind == "end":
            return found or []
        value_kind, value = next(events)
        if name == "hosts" and found is None and (value_kind, value) == ("begin", "list"):
            found = _yaml_hosts(events)
        elif name != "version" or value_kind != "text":
            raise DocumentRefused(f"the keys may be version and hosts, a list of hosts, once; not {_shown(name)}")
    return found or []


def _yaml_hosts(events: Iterator[tuple[str, str]]) -> list[RawHost]:
    hosts: list[RawHost] = []
    for kind, text in events:
        if kind == "end":
            break
        if (kind, text) != ("begin", "map"):
            raise DocumentRefused(f"host with index {len(hosts)} is no mapping of elements")
        hosts.append(_yaml_host(events, len(hosts)))
        _check_count(hosts)
    return hosts


def _yaml_host(events: Iterator[tuple[str, str]], index: int) -> RawHost:
    host: list[tuple[str, str]] = []
    for kind, name in events:
        if kind == "end":
            break
        value_kind, value = next(events) if kind == "text" else ("begin", "")
        if value_kind != "text":
            raise DocumentRefused(f"host with index {index}: names and values must be texts, at {_shown(name)}")
        host.append((name, value))
        _check_host(host)
    return tuple(host)


def _events(text: str) -> Iterator[tuple[str, str]]:
    """Yield (``begin``, ``list`` or ``map``), (``end``, "") and (``text``, value) of the only document.

    Every scalar is a text: a MAC address of digits is no number of base 60, and ``yes`` is a name.
    """
    documents = 0
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_YAML_LOADER)):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                raise DocumentRefused("anchors, aliases and tags are not permitted")
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise DocumentRefused("it has more than one document")
            if count > _EVENTS_MAX:
                raise DocumentRefused(f"it has more than {_EVENTS_MAX} parts")
            if isinstance(event, yaml.ScalarEvent):
                if len(event.value) > TEXT_MAX:
                    raise DocumentRefused(f"a text has more than {TEXT_MAX} characters: {_shown(event.value)}")
                yield "text", event.value
            elif isinstance(event, yaml.CollectionStartEvent):
                yield "begin", "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
            elif isinstance(event, yaml.CollectionEndEvent):
                yield "end", ""
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentRefused(_shown(" ".join(str(error).split()), TEXT_MAX)) from None
    yield "end", ""


def _from_csv(data: bytes) -> list[RawHost]:
    rows = csv.reader(io.StringIO(_text(data), newline=""), strict=True)
    hosts: list[RawHost] = []
    columns: list[str] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = _columns(row)
                continue
            if len(row) > len(columns):
                raise DocumentRefused(f"line {rows.line_num} has more cells than there are columns")
            hosts.append(_csv_host(columns, row, rows.line_num))
            _check_count(hosts)
    except csv.Error as error:
        raise DocumentRefused(f"line {rows.line_num}: {error}") from None
    return hosts


def _columns(row: list[str]) -> list[str]:
    columns = [cell.strip() for cell in row]
    unknown = [name for name in columns if name not in ELEMENTS]
    if unknown:
        raise DocumentRefused(f"the first line must name the columns; {_shown(unknown[0])!r} is none of "
                              f"{', '.join(ELEMENTS)}")
    if len(set(columns)) < len(columns):
        raise DocumentRefused("the first line names a column twice")
    return columns


def _csv_host(columns: list[str], row: list[str], line: int) -> RawHost:
    if any(len(cell) > TEXT_MAX for cell in row):
        raise DocumentRefused(f"line {line} has a cell of more than {TEXT_MAX} characters")
    # A column is there for all hosts, so that an empty cell does not switch a host on.
    return tuple((name, cell[1:] if is_guarded(cell) else cell) for name, cell in zip(columns, row, strict=False)
                 if name != POWER_ON or cell.strip())


def is_guarded(cell: str) -> bool:
    """Return whether a cell has an apostrophe in front so that no spreadsheet runs its text as a formula."""
    return cell.startswith("'") and is_formula(cell)


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run ``text`` as a formula, if it had no apostrophes in front."""
    bare = text.lstrip("'")
    return bool(spreadsheet_cell(bare) != bare)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentRefused("it is not UTF-8") from None


def _check_count(hosts: list[RawHost]) -> None:
    if len(hosts) > HOSTS_MAX:
        raise DocumentRefused(f"it has more than {HOSTS_MAX} hosts")


def _check_host(host: list[tuple[str, str]]) -> None:
    if len(host) > ELEMENTS_MAX:
        raise DocumentRefused(f"a host has more than {ELEMENTS_MAX} elements")


def _shown(text: str, length: int = SHOWN) -> str:
    """Return text of the file for an error: shortened, with control characters escaped."""
    return storable(text[:length])

# SPDX-License-Identifier: Apache-2.0
"""Writes hosts as a file that ``reading`` reads: XML, YAML or CSV. Pure."""
from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml

from sysinv.contract.enums import Personality, Subfunction
from sysinv.model.host import split_subfunctions
from sysinv.resources.bulk.fields import POWER_ON
from sysinv.resources.bulk.reading import FileFormat, is_formula
from sysinv.resources.host.table import I_HOST

Elements = dict[str, str]
"""Elements of one host in the order of the file."""
_ORDER = (Personality.CONTROLLER, Personality.STORAGE, Personality.WORKER)
_NAMED_BY_SYSTEM = (Personality.CONTROLLER, Personality.STORAGE)
_INSTALLATION = ("boot_device", "rootfs_device", "hw_settle", "install_output")
# StarlingX does not export these; they stand in the file of a host where they are not as in a new one.
_UNUSUAL = ("serialid", "ttys_dcd", "clock_synchronization", "apparmor")
# What XML 1.0 cannot have, not even as a reference.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMENT = f"<!-- <{POWER_ON} /> -->"
_COLUMNS = ("personality", "hostname", "subfunctions", "mgmt_mac", "mgmt_ip", "location", POWER_ON, "bm_type", "bm_ip",
            "bm_username", "bm_password", *_INSTALLATION, "vsc_controllers", "console", "tboot", *_UNUSUAL)


def sorted_hosts(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return controllers, storage hosts, workers and then all others, each by name."""
    ranks = {str(personality): rank for rank, personality in enumerate(_ORDER)}
    return sorted(rows, key=lambda row: (ranks.get(row["personality"], len(ranks)), row["hostname"] or ""))


def elements(row: Mapping[str, Any], static_addresses: bool) -> Elements:
    """Return the elements of one host. A password is never among them, only its empty element."""
    found: dict[str, Any] = {"personality": row["personality"]}
    named = row["personality"] not in _NAMED_BY_SYSTEM
    if named:
        found["hostname"] = row["hostname"]
    if named or Subfunction.LOWLATENCY in split_subfunctions(row["subfunctions"]):
        found["subfunctions"] = row["subfunctions"]
    found["mgmt_mac"] = row["mgmt_mac"]
    if static_addresses:
        found["mgmt_ip"] = row["mgmt_ip"]
    found |= {"location": (row["location"] or {}).get("locn") or None, POWER_ON: "false", "bm_type": row["bm_type"],
              "bm_ip": row["bm_ip"], "bm_username": row["bm_username"], "bm_password": ""}
    found |= {name: row[name] for name in (*_INSTALLATION, "vsc_controllers", "console", "tboot")}
    found |= {name: row[name] for name in _UNUSUAL if row[name] != _new(name)}
    return {name: _text(value) for name, value in found.items() if value is not None}


def written(hosts: Sequence[Elements], version: str, form: FileFormat) -> str:
    """Return the file."""
    if form is FileFormat.XML:
        return _as_xml(hosts, version)
    if form is FileFormat.YAML:
        document = {"version": version, "hosts": list(hosts)}
        return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1 << 16))
    return _as_csv(hosts)


def _as_xml(hosts: Sequence[Elements], version: str) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<hosts version={quoteattr(version)}>"]
    for host in hosts:
        lines += ["  <host>", *(f"    {_as_element(name, text)}" for name, text in host.items()), "  </host>"]
    return "\n".join([*lines, "</hosts>", ""])


def _as_element(name: str, text: str) -> str:
    if name == POWER_ON:
        return _COMMENT
    # A parser reads a plain return as a newline.
    inner = escape(_NOT_IN_XML.sub("\ufffd", text), {"\r": "&#13;"})
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _as_csv(hosts: Sequence[Elements]) -> str:
    """Return a table with the columns that a host needs. A host without an element has an empty cell there."""
    columns = [name for name in _COLUMNS if any(name in host for host in hosts)]
    out = io.StringIO()
    # With "\n" as its end of lines, the writer would not quote a return.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(host.get(name, "")) for name in columns] for host in hosts)
    return out.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if is_formula(text) else text


def _new(name: str) -> Any:
    return getattr(I_HOST.c[name].default, "arg", None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

# SPDX-License-Identifier: Apache-2.0
"""What each version of each interface is stands in a file, and versions of one major number live side by side."""
from __future__ import annotations

import copy
from typing import Any

import pytest

from flock.rpc.signature import schema
from tests.wire.interfaces import COMMAND, SCHEMAS, breaks, interfaces, path_of, recorded, records, version

INTERFACES = interfaces()
RECORDS = records()


def test_the_interfaces_of_all_subsystems_are_found() -> None:
    assert {"FmManager", "hosts", "agent_events", "MtceAgent", "inventory", "SysinvAgent"} <= set(INTERFACES)


@pytest.mark.parametrize("namespace", INTERFACES)
def test_a_changed_interface_has_a_new_version(namespace: str) -> None:
    now = schema(INTERFACES[namespace])
    assert path_of(now).exists(), f"version {now['version']} of {namespace} is not recorded: {COMMAND}"
    kept = next(said for said in recorded(namespace) if version(said) == version(now))
    assert now == kept, (
        f"{namespace} differs from what {path_of(now).name} says it is. Raise its version in the contract (the minor "
        f"number when an older peer may go on, see doc/source/contributor/interfaces.rst), then run: {COMMAND}")
    assert version(now) == max(map(version, recorded(namespace)))


@pytest.mark.parametrize("namespace", INTERFACES)
def test_minor_versions_live_side_by_side(namespace: str) -> None:
    said = recorded(namespace)
    for old, new in zip(said, said[1:], strict=False):
        if version(old)[0] == version(new)[0]:
            assert breaks(old, new) == [], f"{namespace} {new['version']} needs another major version"


@pytest.mark.parametrize("name", RECORDS)
def test_stored_records_can_be_read_by_other_releases(name: str) -> None:
    now = RECORDS[name]
    kept = recorded(now["namespace"])
    assert kept, f"{name} is not recorded: {COMMAND}"
    assert breaks(kept[-1], now) == []
    assert now == kept[-1], f"{name} has grown: {COMMAND}"


def test_no_schema_is_left_of_an_interface_that_is_gone() -> None:
    known = set(INTERFACES) | {said["namespace"] for said in RECORDS.values()}
    assert {path.name.rsplit("-", 1)[0] for path in SCHEMAS.glob("*.json")} == known


OLD: dict[str, Any] = {
    "topic": "t", "namespace": "n", "version": "1.0",
    "methods": {
        "tell": {"kind": "cast", "arguments": {"what": {"type": "Record", "default": False}}, "result": "null"}},
    "types": {"Record": {"fields": {"a": {"type": "string", "default": False}, "b": {"type": "Kind", "default": True}}},
              "Kind": {"values": ["x"], "fallback": None}, "Open": {"values": ["x", "y"], "fallback": "y"}}}
PLAIN = {"type": "integer", "default": False}


@pytest.mark.parametrize(("path", "value", "fits"), [
    (("methods", "more"), {"kind": "call", "arguments": {}, "result": "null"}, True),
    (("methods", "tell", "arguments", "more"), {**PLAIN, "default": True}, True),
    (("types", "Record", "fields", "c"), {**PLAIN, "default": True}, True),
    (("types", "Open", "values"), ["x", "y", "z"], True),
    (("methods", "tell", "arguments", "what", "type"), "json", True),
    (("methods", "tell", "arguments", "what", "type"), "string", False),
    (("types", "Record", "fields", "a", "type"), "json", False),
    (("types", "New"), {"fields": {"a": PLAIN}}, True),
    (("topic",), "u", False),
    (("methods",), {}, False),
    (("methods", "tell", "kind"), "call", False),
    (("methods", "tell", "result"), "string", False),
    (("methods", "tell", "arguments", "more"), PLAIN, False),
    (("methods", "tell", "arguments"), {}, False),
    (("types", "Record", "fields", "c"), PLAIN, False),
    (("types", "Record", "fields", "a"), PLAIN, False),
    (("types", "Record", "fields", "b", "default"), False, False),
    (("types", "Record", "fields"), {"a": {"type": "string", "default": False}}, False),
    (("types", "Kind", "values"), ["x", "y"], False),
    (("types", "Open", "values"), ["x"], False),
    (("types", "Kind"), {"fields": {}}, False),
])
def test_what_may_change_in_a_minor_version(path: tuple[str, ...], value: Any, fits: bool) -> None:
    new = copy.deepcopy(OLD)
    place = new
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert (breaks(OLD, new) == []) is fits
    assert breaks(OLD, OLD) == []

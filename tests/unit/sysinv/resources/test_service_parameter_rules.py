# SPDX-License-Identifier: Apache-2.0
"""Rules of values of service parameters, and what a schema may say."""
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sysinv.resources.serviceparameter import rules
from sysinv.resources.serviceparameter.catalogue import read, schema
from sysinv.resources.serviceparameter.values import ValueRule

NUMBER = ValueRule("integer", 100, 86400, also=("0",))
SIZE = ValueRule("size", 2**30)
VOLUME = ValueRule("volume")


@pytest.mark.parametrize(("rule", "value", "fits"), [
    (NUMBER, "0", True), (NUMBER, "99", False), (NUMBER, "100", True), (NUMBER, "86401", False),
    (NUMBER, "+100", False),
    (NUMBER, "100.0", False), (NUMBER, " 100", False), (NUMBER, "٣٠٠", False), (NUMBER, "9" * 400, False),
    (ValueRule("choice", values=("a", "b")), "a", True), (ValueRule("choice", values=("a",)), "A", False),
    (SIZE, "1G", True), (SIZE, "1023M", False), (SIZE, "1024M", True), (SIZE, "1T", True), (SIZE, "1g", False),
    (SIZE, "0", False), (SIZE, "G", False), (ValueRule("size"), "1", True),
    (ValueRule("text", pattern="[a-z]+"), "abc", True), (ValueRule("text", pattern="[a-z]+"), "abc\n", False),
    (ValueRule("text", length_max=3), "abcd", False), (ValueRule("text"), "é", True),
    (ValueRule("text"), "a\x7f", False),
    (ValueRule("url"), "http://a:3128", True), (ValueRule("url"), "https://[fd00::1]:3128/x", True),
    (ValueRule("url"), "http://", False), (ValueRule("url"), "file:///etc/passwd", False),
    (ValueRule("url"), "http://a:99999", False), (ValueRule("url"), "http://a b", False),
    (ValueRule("url"), "http://[", False),
    (VOLUME, "hostPath:/x,mountPath:/y,pathType:File,readOnly:true", True), (VOLUME, "hostPath:/x,mountPath:/y", True),
    (VOLUME, '{"hostPath": "/x", "mountPath": "/y", "readOnly": false}', True), (VOLUME, "{", False),
    (VOLUME, "", False),
    (VOLUME, '{"hostPath": ["/x"], "mountPath": "/y"}', False), (VOLUME, "hostPath:/x", False),
    (VOLUME, "hostPath:/x,mountPath:/y,pathType:Socket", False), (VOLUME, "hostPath:/x,mountPath:/y,other:1", False),
    (VOLUME, "hostPath:/x,hostPath:/z,mountPath:/y", False)])
def test_values(rule: ValueRule, value: str, fits: bool) -> None:
    assert (rule.broken(value) is None) is fits
    assert fits or rule.broken(value) == rule.text


@given(st.text(max_size=50))
def test_no_text_breaks_a_rule_of_the_product(value: str) -> None:
    for sections in schema().values():
        for section in sections.values():
            for known in section.parameters.values():
                broken = known.rule.broken(value)
                assert broken is None or broken
                if broken is None and known.key is not None and known.rule.kind == "integer":
                    assert str(int(value)) == value


def test_a_secret_is_not_repeated_in_a_refusal() -> None:
    section = schema()["platform"]["drbd"]
    with pytest.raises(rules.ParameterRefused) as caught:
        rules.check_value(section, "secret", "x" * 65)
    assert "x" * 65 not in str(caught.value)


GOOD = {"service": "one", "sections": {"a": {"effect": "stored", "parameters": {"n": {"type": "integer"}}}}}


def section_with(**changes: object) -> dict[str, object]:
    return {"service": "one", "sections": {"a": {"effect": "stored", **changes}}}


def write(folder: Path, document: object) -> Path:
    (folder / "one.yaml").write_text(yaml.safe_dump(document))
    return folder


def test_a_schema_is_found_by_scanning(tmp_path: Path) -> None:
    found = read(write(tmp_path, GOOD))
    assert found["one"]["a"].definition("n") is not None
    assert found["one"]["a"].definition("m") is None


@pytest.mark.parametrize("document", [
    {**GOOD, "service": "two"}, {"service": "one"}, [], {**GOOD, "more": 1}, section_with(effect="later"),
    section_with(effect="apply"), section_with(classes=["x"]), section_with(check="nothing"),
    section_with(effect="apply", classes=["x"], used_by="x", personalities=["edge"]),
    section_with(parameters={"n": {"type": "float"}}), section_with(parameters={"n": {"type": "integer", "most": 1}}),
    section_with(parameters={"n": {"type": "integer", "default": "x"}}),
    section_with(parameters={"n": {"type": "integer", "mandatory": True}}),
    section_with(parameters={"n": {"type": "text", "secret": True, "key": "a::b"}}),
    section_with(parameters={"n": {"type": "text", "pattern": "["}}), section_with(any={"name": "[", "type": "text"}),
    section_with(surprise=1)])
def test_a_wrong_schema_is_refused_with_its_file(tmp_path: Path, document: object) -> None:
    with pytest.raises(TypeError, match=r"one\.yaml: "):
        read(write(tmp_path, document))

# SPDX-License-Identifier: Apache-2.0
import pytest

from mtce.contract import pulsekey

HOST = "2f1c1d7e-0000-4000-8000-000000000001"
OTHER = "2f1c1d7e-0000-4000-8000-000000000002"


def test_controller_and_host_come_to_the_same_key():
    cluster = pulsekey.new_cluster_line()
    line = pulsekey.host_line(cluster, HOST)
    assert line.startswith("host:")
    assert pulsekey.key_of(line, HOST) == pulsekey.key_of(cluster, HOST)
    assert pulsekey.key_of(cluster, HOST) != pulsekey.key_of(cluster, OTHER)
    assert pulsekey.parse(cluster)[1].hex() not in line


def test_nothing_is_derived_from_a_host_key():
    with pytest.raises(ValueError, match="only a cluster key"):
        pulsekey.host_line(pulsekey.host_line(pulsekey.new_cluster_line(), HOST), OTHER)


@pytest.mark.parametrize(("text", "rule"), [
    ("", "must begin"), ("secret", "must begin"), ("cluster:zz", "hexadecimal"), ("host:00ff", "32 bytes")])
def test_bad_files_are_named_without_the_key(text, rule):
    with pytest.raises(ValueError, match=rule) as caught:
        pulsekey.parse(text)
    assert "00ff" not in str(caught.value)

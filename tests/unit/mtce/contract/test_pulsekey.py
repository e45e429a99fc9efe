# SPDX-License-Identifier: Apache-2.0
import pytest

from mtce.contract import pulsekey

CLUSTER = bytes(range(32))


def test_each_host_has_its_own_key():
    keys = {pulsekey.derive(CLUSTER, name) for name in ("worker-0", "worker-1", "controller-0")}
    assert len(keys) == 3
    assert all(len(key) == pulsekey.KEY_BYTES and key != CLUSTER for key in keys)
    assert pulsekey.parse(CLUSTER.hex() + "\n") == CLUSTER


@pytest.mark.parametrize(("text", "rule"), [("", "32 bytes"), ("secret", "hexadecimal"), ("00ff", "32 bytes")])
def test_bad_files_are_named_without_the_key(text, rule):
    with pytest.raises(ValueError, match=rule) as caught:
        pulsekey.parse(text)
    assert "00ff" not in str(caught.value)

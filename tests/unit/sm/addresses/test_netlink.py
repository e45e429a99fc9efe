# SPDX-License-Identifier: Apache-2.0
"""Messages and attributes of the kernel, whole and cut off."""
import struct

from sm.addresses import netlink

NEW = 16


def test_messages_are_cut_where_they_end() -> None:
    data = netlink.request(NEW, netlink.REQUEST, b"abcde") + b"\0" * 3 + netlink.request(netlink.DONE, 0, b"")
    assert list(netlink.messages(data)) == [(NEW, b"abcde"), (netlink.DONE, b"")]
    assert list(netlink.messages(data[:20])) == [], "cut off"
    assert list(netlink.messages(struct.pack("=IHHII", 0, NEW, 0, 1, 0))) == [], "of no length"


def test_attributes_are_read_up_to_one_that_is_cut_off() -> None:
    data = netlink.attribute(3, b"eth0\0") + netlink.attribute(7, b"1234")
    assert netlink.attributes(data) == {3: b"eth0\0", 7: b"1234"}
    assert netlink.attributes(data[:-2]) == {3: b"eth0\0"} and netlink.attributes(b"\0" * 8) == {}

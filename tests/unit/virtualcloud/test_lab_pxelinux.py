# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.virtualcloud import pxelinux
from devstack.virtualcloud.pxelinux import Action, BootFileError

TWO = """
# made by the conductor
DEFAULT install
PROMPT 0
TIMEOUT 10
APPEND global=1
LABEL local
  LOCALBOOT 0
label install
  Kernel vmlinuz
  append boot_device=/dev/sda console=ttyS0,115200 flock.role=worker
LABEL plain
  LINUX vmlinuz
LABEL bare
  KERNEL vmlinuz
  APPEND -
"""


def labels(text):
    return {label.name: label for label in pxelinux.parse(text).labels}


def test_own_file_is_asked_for_first():
    assert pxelinux.boot_file_names("52:54:00:F1:01:01") == (
        "pxelinux.cfg/01-52-54-00-f1-01-01", "pxelinux.cfg/default")


def test_the_default_label_is_chosen():
    assert pxelinux.parse(TWO).chosen().append == "boot_device=/dev/sda console=ttyS0,115200 flock.role=worker"
    assert pxelinux.parse("LABEL only\nKERNEL k\n").chosen().name == "only"


def test_global_append_counts_where_a_label_has_none():
    found = labels(TWO)
    assert found["plain"].append == "global=1"
    assert found["bare"].append == ""


@pytest.mark.parametrize(("text", "action"), [
    ("LABEL a\nAPPEND flock.wait=1", Action.WAIT),
    ("LABEL a\nKERNEL k\nAPPEND x flock.wait=1 y", Action.WAIT),
    ("LABEL a\nKERNEL k\nAPPEND flock.wait=0", Action.INSTALL),
    ("LABEL a\nKERNEL k", Action.INSTALL),
    ("LABEL a\nLOCALBOOT 0", Action.LOCAL),
    ("LABEL a\nLOCALBOOT -1\nKERNEL k", Action.LOCAL),
])
def test_what_a_label_asks_for(text, action):
    assert pxelinux.action(pxelinux.parse(text).chosen()) is action


@pytest.mark.parametrize("text", [
    "", "DEFAULT x\nLABEL y\nKERNEL k", "KERNEL k", "LABEL\nKERNEL k", "LABEL a", "x" * 70000, "LOCALBOOT 0",
])
def test_files_that_cannot_be_obeyed(text):
    with pytest.raises(BootFileError):
        pxelinux.action(pxelinux.parse(text).chosen())


def test_command_line_words():
    assert pxelinux.arguments("a=1 quiet a=2 b=x=y") == {"a": "2", "quiet": "", "b": "x=y"}


@given(st.text(max_size=300))
def test_any_text_is_parsed_or_refused(text):
    try:
        pxelinux.action(pxelinux.parse(text).chosen())
    except BootFileError:
        pass

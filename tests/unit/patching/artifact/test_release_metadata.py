# SPDX-License-Identifier: Apache-2.0
"""``metadata.xml``: what the specification shows is read, what is written is read again, the rest is refused."""
from __future__ import annotations

import pytest

from flock.core.errors import FlockError, InvalidInput
from patching.artifact.errors import ArtifactRefused
from patching.artifact.metadata import parse, parse_supported, write
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version, split_release_id
from tests.unit.patching.artifact.conftest import described

UPSTREAM = b"""<?xml version="1.0" ?>
<patch>
  <id>starlingx-10.0.2</id><sw_version>10.0.2</sw_version><component>starlingx</component>
  <summary>Fix for fm-api</summary><description>Two lines
of text</description><unknown>is ignored</unknown>
  <install_instructions/><warnings/><status>REL</status>
  <unremovable>N</unremovable><reboot_required>N</reboot_required>
  <requires><req_patch_id>starlingx-10.0.1</req_patch_id></requires>
  <packages><deb>fm-api_1.0-2_all.deb</deb></packages>
  <post_install>post-install.sh</post_install>
  <activation_scripts><script>20-restart-fm.sh</script></activation_scripts>
</patch>"""


def test_an_upstream_description_is_read() -> None:
    found = parse(UPSTREAM)
    assert (found.id, found.version, found.status) == (
        "starlingx-10.0.2", Version.parse("10.0.2"), ReleaseStatus.RELEASED)
    assert (found.requires, found.packages, found.hooks, found.activation_scripts) == (
        ("starlingx-10.0.1",), ("fm-api_1.0-2_all.deb",), {"post_install": "post-install.sh"}, ("20-restart-fm.sh",))
    assert not found.reboot_required
    assert found.description == "Two lines\nof text"


def test_what_is_written_is_read_again() -> None:
    whole = described("24.09.3", description="<&> \u2603", unremovable=True, reboot_required=True,
                      apply_active_release_only=True, requires=("starlingx-24.09.2",), semantics=("pre-apply",),
                      hooks={"pre_start": "pre-start.sh"}, activation_scripts=("10-a", "20-b"), prepatched_iso=True,
                      preinstalled_patches=("starlingx-24.09.1",), warnings="careful", install_instructions="none")
    assert parse(write(whole)) == whole
    assert parse(write(described())) == described()


@pytest.mark.parametrize("text", ["", "<reboot_required/>", "<reboot_required>n</reboot_required>",
                                  "<reboot_required>maybe</reboot_required>"])
def test_whoever_forgets_to_say_so_needs_a_reboot(text: str) -> None:
    assert parse(f"<patch><id>a-1.2.3</id>{text}</patch>".encode()).reboot_required


@pytest.mark.parametrize(("data", "words"), [
    (b"", "no XML"), (b"<patch>", "no XML"), (b"\xff\xfe", "no XML"), (b"<load/>", "the root must be <patch>"),
    (b'<!DOCTYPE a [<!ENTITY x "y">]><patch><id>a-1.2.3</id></patch>', "no XML"),
    (b'<!DOCTYPE p SYSTEM "file:///etc/passwd"><patch/>', "no XML"),
    (b"<patch><id>a-1.2.3</id><status>NEW</status></patch>", "status must be one of REL, TST, DEV, OBS"),
    (b"<patch><id>a-1.2.3</id><sw_version>1.2.4</sw_version></patch>", "differs from that of the id"),
    (b"<patch><id>a-1.2.3</id><packages><deb>../x.deb</deb></packages></patch>", "'../x.deb' is no file name"),
    (b"<patch><id>a-1.2.3</id><semantics><action>run</action></semantics></patch>", "pre-apply, pre-remove"),
    (b"<patch><id>a-1.2.3</id><requires>" + b"<req_patch_id>a-1.2.1</req_patch_id>" * 10_001 + b"</requires></patch>",
     "more than 10000"),
    (b"<patch>" + b" " * (1 << 20) + b"</patch>", "more than 1048576 bytes"),
    (b"<patch><summary>" + b"x" * 65_537 + b"</summary><id>a-1.2.3</id></patch>", "more than 65536 characters")])
def test_what_breaks_a_rule_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ArtifactRefused) as told:
        parse(data)
    assert words in str(told.value)


@pytest.mark.parametrize("text", ["", "x", "starlingx", "starlingx-10.0", "-10.0.1", "a b-1.2.3", "starlingx-10.0.1 ",
                                  "starlingx-10.0.-1", "1-1.2.3", "a-1.2.3\n", "a-\u0661.2.3"])
def test_ids_of_releases(text: str) -> None:
    with pytest.raises(InvalidInput):
        split_release_id(text)
    with pytest.raises(FlockError):
        parse(f"<patch><id>{text}</id></patch>".encode()) if text.strip() == text else split_release_id(text)


def test_versions_compare_as_numbers_and_keep_their_zeros() -> None:
    assert Version.parse("10.0.10") > Version.parse("10.0.9")
    assert Version.parse("24.09.1") == Version.parse("24.9.01")
    assert (str(Version.parse("24.09.1")), Version.parse("24.09.1").major) == ("24.09.1", "24.09")
    assert Version.parse("24.09.1").same_major(Version.parse("24.9.0"))


def test_where_a_major_release_can_be_reached_from() -> None:
    data = (b"<build><version>11.0</version><supported_upgrades><upgrade><version>10.0</version><required_patch>x"
            b"</required_patch></upgrade><upgrade><version>9.0</version></upgrade></supported_upgrades></build>")
    assert parse_supported(data) == ("10.0", "9.0")
    with pytest.raises(ArtifactRefused, match="is no version such as"):
        parse_supported(data.replace(b"9.0", b"nine"))

# SPDX-License-Identifier: Apache-2.0
"""Boot files of the network boot loader: pure rendering of ``pxelinux.cfg/default`` and one file per host."""
from __future__ import annotations

import re
from dataclasses import dataclass

from flock.core.errors import InvalidInput
from sysinv.contract.enums import Personality, Subfunction
from sysinv.model.host import split_subfunctions
from sysinv.model.hostname import PXE_NAME

KERNEL = "flock/vmlinuz"
INITRD = "flock/initrd"
AUTHORITY_WORD = "flock.ca"
# Values from a record must not contain characters that end a word or a line of a boot file.
_WORD = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True, slots=True)
class BootFile:
    """Content of one host's boot file; ``token`` is the one-time token in clear text.

    ``authority`` is the certificate (base64 of DER) by which the host verifies the controller; empty: plain HTTP.
    """

    host_uuid: str
    mgmt_mac: str
    personality: str
    subfunctions: str
    boot_device: str
    rootfs_device: str
    hw_settle: str
    install_output: str
    console: str
    tboot: str
    token: str
    software_version: str
    api_port: int
    authority: str = ""


def boot_file_name(mac: str) -> str:
    """Return PXELINUX's file name of a host, ``01-08-00-27-be-6e-25``: hardware type and MAC address with dashes."""
    return "01-" + mac.replace(":", "-")


def template_name(personality: str, subfunctions: str, software_version: str) -> str:
    """Return StarlingX's name for the host's kind of installation."""
    functions = split_subfunctions(subfunctions)
    low = "_lowlatency" if Subfunction.LOWLATENCY in functions else ""
    if personality == Personality.CONTROLLER and Subfunction.WORKER in functions:
        return f"pxe-smallsystem{low}-install-{software_version}"
    if personality in (Personality.WORKER, Personality.EDGEWORKER):
        return f"pxe-worker{low}-install-{software_version}"
    return f"pxe-{personality}-install-{software_version}"


def render_default() -> str:
    """Return the boot file of hosts without a personality: wait and boot again."""
    return "\n".join([
        "DEFAULT wait", "PROMPT 0", "TIMEOUT 0", "", "LABEL wait", "  MENU LABEL waiting for a personality",
        f"  KERNEL {KERNEL}", "  APPEND flock.wait=1", ""])


def authority_in(text: str) -> str:
    """The authority that a host's boot file names, empty without one."""
    return next((word.partition("=")[2] for word in text.split() if word.startswith(f"{AUTHORITY_WORD}=")), "")


def render_host(boot: BootFile) -> str:
    """Return the boot file of one host; InvalidInput for a value that a kernel command line cannot hold."""
    scheme = "https" if boot.authority else "http"
    base = f"{scheme}://{PXE_NAME}:{boot.api_port}/v1/ihosts/{boot.host_uuid}"
    words = [
        ("boot_device", boot.boot_device), ("rootfs_device", boot.rootfs_device), ("console", boot.console),
        ("flock.role", boot.personality), ("flock.subfunctions", boot.subfunctions),
        ("flock.install_output", boot.install_output),
        ("flock.hw_settle", "" if boot.hw_settle == "0" else boot.hw_settle), ("tboot", boot.tboot),
        ("flock.host_uuid", boot.host_uuid), ("flock.progress_url", f"{base}/install_progress"),
        ("flock.config_url", f"{base}/install_config"), ("flock.install_token", boot.token),
        (AUTHORITY_WORD, boot.authority)]
    for name, value in words:
        if not _WORD.fullmatch(value):
            raise InvalidInput(field=name, rule="must be printable and without blanks")
    append = " ".join(f"{name}={value}" for name, value in words if value)
    return "\n".join([
        "DEFAULT install", "PROMPT 0", "TIMEOUT 0", "", "LABEL install",
        f"  MENU LABEL {template_name(boot.personality, boot.subfunctions, boot.software_version)}",
        f"  KERNEL {KERNEL}", f"  INITRD {INITRD}", f"  APPEND {append}", ""])

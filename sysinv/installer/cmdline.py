# SPDX-License-Identifier: Apache-2.0
"""Parser of the kernel command line that sysinv renders for an installation."""
from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from flock import tls
from flock.core.errors import InvalidInput

CMDLINE_MAX = 4096
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DEVICE = re.compile(r"(/dev/)?[\w.:/+-]{1,255}", re.ASCII)


@dataclass(frozen=True, slots=True)
class InstallParameters:
    """Parameters from the boot file; ``wait``: the host has no personality yet and boots again later.

    ``authority`` is the certificate (PEM) by which the controller is verified; empty for plain HTTP.
    """

    wait: bool
    role: str = ""
    host_uuid: str = ""
    progress_url: str = ""
    config_url: str = ""
    install_token: str = ""
    authority: str = ""
    boot_device: str = ""
    rootfs_device: str = ""
    console: str = ""
    install_output: str = "text"


def parse_cmdline(text: str, pxecontroller: str | None = None) -> InstallParameters:
    """Parse an ``APPEND`` line; ignores arguments that are not the installer's.

    ``pxecontroller`` is an address that replaces the host name in the URLs, because an installing host has no name
    service. Raises InvalidInput naming the argument that is missing or malformed.
    """
    if len(text) > CMDLINE_MAX:
        raise InvalidInput(field="cmdline", rule=f"must not be longer than {CMDLINE_MAX} characters")
    words: dict[str, str] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        words[name] = value
    if words.get("flock.wait") == "1":
        return InstallParameters(wait=True)
    uuid = _required(words, "flock.host_uuid")
    if not _UUID.fullmatch(uuid):
        raise InvalidInput(field="flock.host_uuid", rule="must be a uuid")
    for name in ("boot_device", "rootfs_device"):
        if not _DEVICE.fullmatch(_required(words, name)) or ".." in words[name]:
            raise InvalidInput(field=name, rule="must name a device")
    return InstallParameters(
        wait=False, role=_required(words, "flock.role"), host_uuid=uuid,
        progress_url=_url(words, "flock.progress_url", pxecontroller),
        config_url=_url(words, "flock.config_url", pxecontroller),
        install_token=_required(words, "flock.install_token"), authority=_authority(words),
        boot_device=words["boot_device"],
        rootfs_device=words["rootfs_device"], console=words.get("console", ""),
        install_output=words.get("flock.install_output", "text"))


def _required(words: dict[str, str], name: str) -> str:
    value = words.get(name, "")
    if not value:
        raise InvalidInput(field=name, rule="must be given on the kernel command line")
    return value


def _authority(words: dict[str, str]) -> str:
    """The authority's certificate; must be given when a URL uses TLS, because nothing else proves the controller."""
    if not any(words[name].startswith("https:") for name in ("flock.progress_url", "flock.config_url")):
        return ""
    try:
        return tls.from_word(_required(words, "flock.ca"))
    except ValueError as error:
        raise InvalidInput(field="flock.ca", rule="must be a certificate, base64 of its DER form") from error


def _url(words: dict[str, str], name: str, pxecontroller: str | None) -> str:
    try:
        parts = urlsplit(_required(words, name))
        port = parts.port
    except ValueError as error:
        raise InvalidInput(field=name, rule=str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(field=name, rule="must be an http or https URL")
    if pxecontroller is None:
        return urlunsplit(parts)
    try:
        address = ipaddress.ip_address(pxecontroller)
    except ValueError as error:
        raise InvalidInput(field="pxecontroller", rule=str(error)) from error
    host = f"[{address}]" if address.version == 6 else str(address)
    return urlunsplit(parts._replace(netloc=host if port is None else f"{host}:{port}"))

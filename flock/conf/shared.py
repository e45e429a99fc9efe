# SPDX-License-Identifier: Apache-2.0
"""Where the files lie that both controllers of a system share: below one directory, which each of them has a copy of.

A file of one controller alone, such as its certificate or its configuration, does not belong there.
"""
from __future__ import annotations

from pathlib import Path

DIRECTORY = Path("/opt/platform")
SECRETS = DIRECTORY / "flock/secrets.json"
"""Passwords and keys from which each controller makes its configuration."""
SECRETS_KEY = DIRECTORY / "flock/secrets.key"
"""Encrypts the passwords of boards in the databases."""
ANSWERS = DIRECTORY / "flock/bootstrap.yaml"
"""The operator's answers for the bootstrap."""
AUTHORITY = DIRECTORY / "flock/authority"
"""``ca.key`` of the certificate authority, and ``ca.crt``: all authorities that are trusted."""
IDENTITY_KEYS = DIRECTORY / "keystone"
"""Keystone's ``fernet-keys`` and ``credential-keys``."""
DNSMASQ = DIRECTORY / "dnsmasq"
"""Configuration and leases."""
BOOT_FILES = DIRECTORY / "pxeboot"
"""The root of TFTP."""
BUS_DEFINITIONS = DIRECTORY / "rabbitmq/definitions.json"
"""Accounts and policies that the message bus imports at its start."""
SOFTWARE = DIRECTORY / "software"
"""Releases and their content."""
BOARDS = DIRECTORY / "flock/boards.yaml"
"""By controller, its board: type, address, username, password."""
HIERA = DIRECTORY / "puppet/hieradata"
"""Hiera data of the system and of each host."""

MOVED = (
    (Path("/etc/flock/secrets.json"), SECRETS), (Path("/etc/flock/secrets.key"), SECRETS_KEY),
    (Path("/etc/flock/tls/ca.key"), AUTHORITY / "ca.key"),
    (Path("/etc/keystone/fernet-keys"), IDENTITY_KEYS / "fernet-keys"),
    (Path("/etc/keystone/credential-keys"), IDENTITY_KEYS / "credential-keys"),
    (Path("/var/lib/flock/dnsmasq"), DNSMASQ), (Path("/var/pxeboot"), BOOT_FILES),
    (Path("/etc/rabbitmq/definitions.json"), BUS_DEFINITIONS),
)
"""Where an earlier release kept a file or directory, and where it is now."""

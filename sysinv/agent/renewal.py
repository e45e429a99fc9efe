# SPDX-License-Identifier: Apache-2.0
"""Renews this host's certificate, bus password and trusted authorities when the conductor asks for it.

Key and password are made here and go nowhere else: the conductor gets a certificate request and a salted hash. What is
new is stored beside the old before it is asked for, so an interrupted renewal goes on with it.
"""
from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flock import tls
from flock.core.errors import FlockError, InvalidInput, Unavailable
from flock.exec.atomic import NEXT, replace_file, replace_kept
from flock.rpc.accounts import SALT_BYTES, broker_hash, host_account
from sysinv.contract.rpc import Credentials
from sysinv.model import busconf

LOG = logging.getLogger(__name__)
PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Places:
    """Where the host's files are: flock.conf, and the directory with ca.crt, host.crt and host.key."""

    bus_file: Path
    tls_directory: Path


class Renewal:
    """``login(url)`` asks the broker whether an account is valid; ``restart`` begins the restart of the host's agents,
    which read their password only at their start."""

    def __init__(self, conductor: Credentials, hostname: str, places: Places, login: Callable[[str], bool],
                 restart: Callable[[], None]) -> None:
        self._conductor = conductor
        self._hostname = hostname
        self._places = places
        self._login = login
        self._restart = restart
        self._lock = threading.Lock()
        self._certificate = self._password = self._authorities = False

    def request(self, *, certificate: bool, bus_password: bool, authorities: bool = False) -> None:
        """Note what the conductor asked for; ``carry_out`` does it."""
        with self._lock:
            self._certificate |= certificate
            self._password |= bus_password
            self._authorities |= authorities

    def settle(self) -> None:
        """End renewals that were interrupted; the broker knows whether the new password is valid.

        Without this, an agent that was killed after it had set a password would never get onto the bus again.
        """
        if any(self._places.tls_directory.glob(f"host.*{NEXT}")) and not self._pair.install() and self._pair.asked:
            self.request(certificate=True, bus_password=False)
        next_file = self._next_file
        if not next_file.exists():
            return
        try:
            if self._login(busconf.transport_url(next_file.read_text(), str(next_file))):
                self._use_password()
        except Unavailable as error:
            LOG.info("whether the new bus password is valid is not known yet: %s", error)

    def carry_out(self, host_uuid: str) -> str | None:
        """Renew what was asked for; the reason when something failed, which is then tried again."""
        with self._lock:
            certificate, password, authorities = self._certificate, self._password, self._authorities
            self._certificate = self._password = self._authorities = False
        try:
            if authorities:
                # Before the certificate, which may be of an authority that was not trusted until now.
                certificate = self._adopt_authorities(host_uuid) or certificate
            if certificate:
                self._renew_certificate(host_uuid)
                certificate = False
            if authorities:
                self._confirm_authorities(host_uuid)
                authorities = False
            if password:
                self._renew_password(host_uuid)
                password = False
        except (FlockError, OSError) as error:
            LOG.warning("The host's credentials were not renewed: %s", error)
            self.request(certificate=certificate, bus_password=password, authorities=authorities)
            return f"the host's credentials were not renewed: {error}"
        return None

    def _adopt_authorities(self, host_uuid: str) -> bool:
        """Trust what the conductor names; True when the host's certificate is not of the authority that signs now."""
        wanted = self._conductor.trusted_authorities(host_uuid=host_uuid)
        self._trust(wanted.authorities)
        try:
            return tls.issuer_of(self._pair.certificate.read_bytes(), wanted.signer.encode()) is None
        except (OSError, ValueError):
            # A certificate that is missing or damaged is not of that authority either.
            return True

    def _confirm_authorities(self, host_uuid: str) -> None:
        # What is in the files, not what was meant to be.
        self._conductor.confirm_authorities(host_uuid=host_uuid, authorities=self._authorities_file.read_text(),
                                            certificate=self._pair.certificate.read_text())

    def _trust(self, authorities: str) -> None:
        try:
            # An unusable file would cut the host off.
            tls.client_context(authorities_pem=authorities)
        except (ValueError, OSError) as error:
            raise InvalidInput(field="authorities", rule="must be certificates in PEM form") from error
        replace_kept(self._authorities_file, authorities, 0o644)

    def _renew_certificate(self, host_uuid: str) -> None:
        pair = self._pair
        issued = self._conductor.renew_certificate(
            host_uuid=host_uuid, request_pem=pair.next_request(self._hostname).decode("ascii"))
        # Before the certificate: a pair that is complete takes its place after an interruption too.
        self._trust(issued.authorities)
        pair.stage(issued.certificate.encode())
        pair.install()
        LOG.info("This host has a new certificate, valid until %s",
                 tls.lifetime(issued.certificate.encode()).end.date())

    def _renew_password(self, host_uuid: str) -> None:
        if self._next_file.exists():
            # An earlier attempt that may have succeeded: the same password again.
            url = busconf.transport_url(self._next_file.read_text(), str(self._next_file))
            password = busconf.password_of(url)
        else:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            old = self._places.bus_file
            replace_file(self._next_file, busconf.with_password(
                old.read_text(), str(old), host_account(self._hostname), password), 0o600)
        self._conductor.set_bus_password(
            host_uuid=host_uuid, password_hash=broker_hash(password, secrets.token_bytes(SALT_BYTES)))
        self._use_password()

    def _use_password(self) -> None:
        replace_kept(self._places.bus_file, self._next_file.read_text())
        self._next_file.unlink()
        LOG.info("This host has a new bus password; its agents restart")
        try:
            self._restart()
        except FlockError as error:
            # The password is renewed all the same.
            LOG.warning("Restart the host's agents, which still use their old bus password: %s", error)

    @property
    def _pair(self) -> tls.Pair:
        return tls.Pair(self._places.tls_directory, "host")

    @property
    def _authorities_file(self) -> Path:
        return self._places.tls_directory / "ca.crt"

    @property
    def _next_file(self) -> Path:
        return self._places.bus_file.with_name(self._places.bus_file.name + NEXT)

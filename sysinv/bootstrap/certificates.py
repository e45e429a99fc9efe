# SPDX-License-Identifier: Apache-2.0
"""Pure making of the certificate authority and of the first controller's keys and certificates, one per role."""
from __future__ import annotations

import datetime
from dataclasses import dataclass

from flock import tls
from flock.conf import shared
from sysinv.bootstrap.answers import Answers
from sysinv.model.hostfiles import DOMAIN, PRIVATE, PUBLIC, TLS_DIRECTORY, RenderedFile


@dataclass(frozen=True, slots=True)
class Role:
    """A holder of a certificate. Only ``user`` can read its key; ``package``: only with that kind of database."""

    name: str
    user: str
    usage: tls.Usage
    package: str = ""


ROLES = (
    Role("rabbitmq", "rabbitmq", tls.Usage.SERVER),
    Role("postgresql", "postgres", tls.Usage.SERVER, "postgresql"),
    Role("front", "root", tls.Usage.SERVER),
    Role("host", "root", tls.Usage.CLIENT),
)


def server_names(answers: Answers, hostname: str) -> list[str]:
    """Return all names and addresses under which clients reach the services of the active controller."""
    names = ["controller", f"controller.{DOMAIN}", "pxecontroller", hostname, f"{hostname}.{DOMAIN}", "localhost",
             "127.0.0.1", "::1", answers.public_address.lower()]
    for network in answers.networks:
        if network.name in ("pxeboot", "mgmt", "oam"):
            names += [address for address in (network.floating_address, network.own_address(hostname)) if address]
    return list(dict.fromkeys(names))


def authority_files(answers: Answers, now: datetime.datetime) -> list[RenderedFile]:
    """Return certificate and key of a new authority."""
    made = tls.Authority.create(f"{answers.name} flock CA", now)
    return [RenderedFile(str(shared.AUTHORITY / "ca.key"), PRIVATE, made.key_pem.decode("ascii")),
            RenderedFile(str(shared.AUTHORITY / "ca.crt"), PUBLIC, made.certificate_pem.decode("ascii"))]


def certificate_files(role: Role, authority: tls.Authority, answers: Answers, hostname: str,
                      now: datetime.datetime) -> list[RenderedFile]:
    """Return a new key and its certificate for one role of the controller ``hostname``."""
    key = tls.new_key()
    names = server_names(answers, hostname) if role.usage is tls.Usage.SERVER else [hostname]
    subject = role.name if role.usage is tls.Usage.SERVER else hostname
    issued = authority.issue(tls.new_request(key, subject), role.usage, subject, names, now)
    return [RenderedFile(f"{TLS_DIRECTORY}/{role.name}.key", PRIVATE, key.decode("ascii")),
            RenderedFile(f"{TLS_DIRECTORY}/{role.name}.crt", PUBLIC, issued.decode("ascii"))]

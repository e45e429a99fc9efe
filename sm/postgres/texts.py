# SPDX-License-Identifier: Apache-2.0
"""Pure texts for PostgreSQL: its configuration, who may connect, how to reach a peer, whom a commit waits for."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sm.postgres.settings import Settings

ROLE = "sm_replication"
MAP = "sm"
TOOL = "sm-postgres"
"""The name of sessions that are no standby."""
BEGIN, END = "# sm begins: sm-postgres writes these lines", "# sm ends"
REWIND_FUNCTIONS = ("pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)", "pg_read_binary_file(text)",
                    "pg_read_binary_file(text, bigint, bigint, boolean)")
_LIST = re.compile(r"^synchronous_standby_names = '(.*)'$", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')


def slot(node: str) -> str:
    """The name of the replication slot of a node."""
    return "sm_" + re.sub(r"[^a-z0-9]", "_", node.lower())


def conninfo(settings: Settings, peer: str, database: str = "") -> str:
    """How to reach a peer: it must prove its name, and this node proves its own with its certificate.

    Without ``database`` this is for the standby. Only the standby has the name of the node: a copy that is under way
    also gets WAL and confirms it, and no commit may go on because of that.
    """
    parts = {
        "host": peer, "hostaddr": settings.peers[peer], "port": str(settings.peer_port(peer)), "user": ROLE,
        "dbname": database, "application_name": TOOL if database else settings.name, "sslmode": "verify-full",
        "sslrootcert": settings.authorities, "sslcert": str(settings.beside("crt")),
        "sslkey": str(settings.beside("key")), "gssencmode": "disable", "connect_timeout": "5", "keepalives_idle": "5",
        "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}
    # No value needs quotes: see the rules of the settings.
    return " ".join(f"{key}={value}" for key, value in parts.items() if value)


def standby_names(nodes: Iterable[str], before: str = "") -> str:
    """The value of synchronous_standby_names by which a commit waits for all of ``nodes``.

    New names come first, so that the priority of every other node changes: it shows which sender of WAL has read
    the new list. ``before``: the value until now.
    """
    known = [name for name in _QUOTED.findall(before) if name in set(nodes)]
    names = [*sorted(set(nodes) - set(known)), *known]
    return f"FIRST {len(names)} ({', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)})" if names else ""


def priorities(names: str) -> Mapping[str, int]:
    """By node, the priority that its sender of WAL has with this list; others have 0."""
    return {name: place for place, name in enumerate(_QUOTED.findall(names), 1)}


def listed(configuration: str) -> str:
    """The list of standbys in a text that ``configuration`` has made; empty without one."""
    found = _LIST.search(configuration)
    return found[1] if found else ""


def configuration(settings: Settings, primary: str, names: str) -> str:
    """The file conf.d/sm.conf. ``primary``: the peer to follow, empty for none; ``names``: see ``standby_names``."""
    values = {
        "listen_addresses": ",".join(("127.0.0.1", *settings.listen)), "port": str(settings.port),
        "unix_socket_directories": settings.socket, "wal_level": "replica", "hot_standby": "on",
        # pg_rewind needs one of hints and checksums.
        "wal_log_hints": "on", "full_page_writes": "on", "fsync": "on", "synchronous_commit": "on",
        # A stranger has a process until then; where nftables works, none gets so far.
        "authentication_timeout": "10s",
        "max_wal_senders": "10", "max_replication_slots": "10", "max_slot_wal_keep_size": settings.wal_kept,
        "wal_keep_size": "64MB", "wal_sender_timeout": "5s", "wal_receiver_timeout": "5s",
        "wal_receiver_status_interval": "1s", "wal_retrieve_retry_interval": "1s",
        "recovery_target_timeline": "latest", "primary_conninfo": conninfo(settings, primary) if primary else "",
        "primary_slot_name": slot(settings.name) if primary else "", "synchronous_standby_names": names}
    lines = [f"{key} = '{value}'" for key, value in values.items()]
    return "\n".join(("# sm-postgres writes this file.", *lines, ""))


def access(settings: Settings) -> tuple[str, str]:
    """The lines for pg_hba.conf and pg_ident.conf: a peer proves its name by its certificate."""
    suffix = {name: "/128" if ":" in address else "/32" for name, address in settings.peers.items()}
    rules = [f"hostssl {database} {ROLE} {address}{suffix[name]} cert map={MAP}"
             for name, address in sorted(settings.peers.items()) for database in ("replication", "postgres")]
    names = [f"{MAP} {name} {ROLE}" for name in sorted(settings.peers)]
    return "\n".join(rules), "\n".join(names)


def with_block(text: str, block: str) -> str:
    """``text`` with the lines of sm first, once: of the rules for access the first that fits decides."""
    kept, inside = [], False
    for line in text.splitlines():
        inside = inside or line == BEGIN
        if not inside:
            kept.append(line)
        inside = inside and line != END
    return "\n".join((BEGIN, *block.splitlines(), END, *kept)) + "\n"


def role_statements() -> Sequence[str]:
    """What makes the role of the peers, again and again with the same result. It has no password and may not write."""
    grants = [f"GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO {ROLE}" for function in REWIND_FUNCTIONS]
    return (f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN "
            f"CREATE ROLE {ROLE} LOGIN REPLICATION; END IF; END $$",
            f"GRANT pg_checkpoint, pg_monitor TO {ROLE}", *grants)


def control_values(text: str) -> Mapping[str, str]:
    """The lines of pg_controldata by their names."""
    return {name.strip(): value.strip() for name, colon, value in (line.partition(":") for line in text.splitlines())
            if colon}

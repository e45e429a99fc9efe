# SPDX-License-Identifier: Apache-2.0
"""Changes the account of the bus in the text of a configuration file, and leaves everything else as it is. Pure."""
from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from flock.core.errors import Refused
from sysinv.model.busaccounts import account_url

_URL = re.compile(r"^(\s*transport_url\s*=\s*)(\S+)[ \t]*$", re.MULTILINE)
_ADMIN = re.compile(r"(^\[bus_admin\][^\[]*?^\s*password\s*=\s*)(\S+)[ \t]*$", re.MULTILINE | re.DOTALL)


def transport_url(text: str, name: str) -> str:
    """The transport_url in the text of file ``name``; Refused when there is none."""
    found = _URL.search(text)
    if found is None:
        raise Refused(detail=f"{name} has no transport_url. Write it again with flock-bootstrap.")
    # oslo.config reads "$$" as "$".
    return found[2].replace("$$", "$")


def password_of(url: str) -> str:
    """The password in a transport_url, empty without one."""
    return unquote(urlsplit(url).password or "")


def with_password(text: str, name: str, account: str, password: str) -> str:
    """The text of file ``name`` with this account and password in its transport_url; Refused when it has none."""
    url = account_url(transport_url(text, name), account, password).replace("$", "$$")
    return _URL.sub(lambda found: found[1] + url, text, count=1)


def with_admin_password(text: str, name: str, password: str) -> str:
    """The text of file ``name`` with this ``[bus_admin] password``; Refused when it has none."""
    changed, count = _ADMIN.subn(lambda found: found[1] + password, text, count=1)
    if not count:
        raise Refused(detail=f"{name} has no [bus_admin] password. Write it again with flock-bootstrap.")
    return changed

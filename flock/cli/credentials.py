# SPDX-License-Identifier: Apache-2.0
"""The OS_* credentials and the keystoneauth session made from them."""
from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

import requests
from keystoneauth1 import access, token_endpoint
from keystoneauth1.identity import v3
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from urllib3.util import Retry

from flock.cli.errors import CliError
from flock.cli.tokens import TokenCache

TIMEOUT_DEFAULT_S = 600
# Keystone may be busy for the moment (429) and has then done nothing: the login is sent again after 0, 2, 4 and 8 s.
REPEAT_REFUSED = Retry(total=4, connect=0, read=False, redirect=0, other=0, status=4, status_forcelist=(429,),
                       allowed_methods=None, backoff_factor=1, respect_retry_after_header=False, raise_on_status=False)
OIDC_HEADER = "OIDC-Token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user and the URL of Keystone; ``token`` replaces user and password, ``endpoint`` replaces the catalogue."""

    auth_url: str = ""
    username: str = ""
    password: str = ""
    user_id: str = ""
    token: str = ""
    oidc: bool = False
    project_id: str = ""
    project_name: str = ""
    user_domain_id: str = ""
    user_domain_name: str = ""
    project_domain_id: str = ""
    project_domain_name: str = ""
    region_name: str = ""
    interface: str = "public"
    endpoint: str = ""
    cacert: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False
    timeout_s: float = TIMEOUT_DEFAULT_S

    def __repr__(self) -> str:
        return f"Credentials(auth_url={self.auth_url!r}, username={self.username!r})"


class OidcToken(token_endpoint.Token):
    """A token of an OpenID provider; sent in a separate header, without Keystone."""

    def get_headers(self, session: Session) -> dict[str, str]:
        return {OIDC_HEADER: self.token or ""}


class CachedPassword(v3.Password):
    """A login that first looks for a valid token of an earlier command in the cache.

    When an API refuses the token (401), removes it from the cache; keystoneauth then retries once with a new one.
    """

    def __init__(self, cache: TokenCache, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cache = cache
        self._asked_cache = False

    def get_auth_ref(self, session: Session) -> access.AccessInfoV3:
        if not self._asked_cache:
            self._asked_cache = True
            found = self._cache.load(self._login())
            if found is not None:
                token, body = found
                return access.AccessInfoV3(body, auth_token=token)
        fresh = self.auth_ref = super().get_auth_ref(session)
        self._cache.store(self._login(), **json.loads(self.get_auth_state() or "{}"))
        return fresh

    def _login(self) -> str:
        """A digest of all parameters of the login, including the password."""
        return self.get_cache_id() or ""

    def forget(self) -> None:
        """Remove the token from the cache."""
        self._cache.drop()

    def invalidate(self) -> bool:
        self.forget()
        return super().invalidate()


def missing_credential(given: Credentials) -> str | None:
    """A sentence about the first missing credential; None when nothing is missing."""
    if given.token and given.endpoint:
        return None
    if given.oidc:
        return ("A token of an OpenID provider (--stx-auth-type oidc) needs --os-auth-token and the URL of the API. "
                "'openstack --os-auth-type v3oidcpassword' and its kind get tokens by themselves.")
    needed = [("an auth url", "--os-auth-url", "OS_AUTH_URL", given.auth_url)]
    if not given.token:
        needed = [
            ("a username", "--os-username", "OS_USERNAME", given.username or given.user_id),
            ("a password", "--os-password", "OS_PASSWORD", given.password),
            ("a project name", "--os-project-name", "OS_PROJECT_NAME", given.project_name or given.project_id),
            *needed,
            # StarlingX's exact text, with its wrong article, because people search for it.
            ("an region name", "--os-region-name", "OS_REGION_NAME", given.region_name),
        ]
    for noun, option, env, value in needed:
        if not value:
            return f"You must provide {noun} via either {option} or via env[{env}]"
    return None


def session_for(given: Credentials, cache: TokenCache | None = None) -> Session:
    """A keystoneauth session; sends no request yet. CliError when a credential is missing."""
    if (missing := missing_credential(given)) is not None:
        raise CliError(missing)
    verify: Any = False if given.insecure else (given.cacert or True)
    cert = (given.cert, given.key) if given.cert and given.key else given.cert or None
    http = requests.Session()
    for scheme in ("http://", "https://"):
        http.mount(scheme, TCPKeepAliveAdapter())
    if given.auth_url:
        http.mount(given.auth_url, TCPKeepAliveAdapter(max_retries=REPEAT_REFUSED))
    return Session(auth=_auth(given, cache), verify=verify, cert=cert, timeout=given.timeout_s, session=http)


def _auth(given: Credentials, cache: TokenCache | None) -> Any:
    if given.token and given.endpoint:
        return (OidcToken if given.oidc else token_endpoint.Token)(given.endpoint, given.token)
    scope: dict[str, Any] = {
        "project_id": given.project_id or None,
        "project_name": given.project_name or None,
        "project_domain_id": given.project_domain_id or _default_domain(given.project_domain_name),
        "project_domain_name": given.project_domain_name or None,
    }
    if given.token:
        return v3.Token(given.auth_url, given.token, **scope)
    user_domain_id = given.user_domain_id or (None if given.user_id else _default_domain(given.user_domain_name))
    make = v3.Password if cache is None else functools.partial(CachedPassword, cache)
    return make(
        given.auth_url, password=given.password, username=given.username or None,
        user_id=given.user_id or None, user_domain_id=user_domain_id,
        user_domain_name=given.user_domain_name or None, **scope)


def _default_domain(name: str) -> str | None:
    return None if name else "default"

# SPDX-License-Identifier: Apache-2.0
"""TLS of the cloud: its certificate authority, keys and certificates, contexts, data sealed for one host.

Loads names at first use: the library of certificates takes 8 MiB, which an agent needs only when it renews one.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from flock.core.lazy import names_of

if TYPE_CHECKING:
    from flock.tls.authority import Authority, BadRequest, Usage, request_key
    from flock.tls.contexts import client_context, server_context
    from flock.tls.identity import as_word, fingerprint, from_word, new_key, new_request, public_fingerprint
    from flock.tls.renewal import Pair, fits, reissue
    from flock.tls.sealing import SealBroken, open_sealed, seal_for
    from flock.tls.trust import certified_key, issuer_of, joined, split, trust_word, word_of
    from flock.tls.validity import Lifetime, due, lifetime

__all__ = ["Authority", "BadRequest", "Lifetime", "Pair", "SealBroken", "Usage", "as_word", "certified_key",
           "client_context", "due", "fingerprint", "fits", "from_word", "issuer_of", "joined", "lifetime", "new_key",
           "new_request", "open_sealed", "public_fingerprint", "reissue", "request_key", "seal_for",
           "server_context", "split", "trust_word", "word_of"]

__getattr__ = names_of(__name__, {
    "authority": ("Authority", "BadRequest", "Usage", "request_key"), "contexts": ("client_context", "server_context"),
    "identity": ("as_word", "fingerprint", "from_word", "new_key", "new_request", "public_fingerprint"),
    "renewal": ("Pair", "fits", "reissue"), "sealing": ("SealBroken", "open_sealed", "seal_for"),
    "trust": ("certified_key", "issuer_of", "joined", "split", "trust_word", "word_of"),
    "validity": ("Lifetime", "due", "lifetime")})

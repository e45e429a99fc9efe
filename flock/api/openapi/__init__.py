# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document of an API, made from routes, policy, resources and the descriptions of methods."""
from flock.api.openapi.document import document

__all__ = ["document"]

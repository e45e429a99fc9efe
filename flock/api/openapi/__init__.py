# SPDX-License-Identifier: Apache-2.0
"""Makes the OpenAPI 3.1 document of an API from its routes, policy, resources and method declarations."""
from flock.api.openapi.document import document

__all__ = ["document"]

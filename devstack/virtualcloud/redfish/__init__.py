# SPDX-License-Identifier: Apache-2.0
"""The Redfish service of one virtual server: pure rendering and request reading, a small HTTP server."""

# SPDX-License-Identifier: Apache-2.0
"""``/v1/event_stream``: new events as server-sent events."""

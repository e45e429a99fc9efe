# SPDX-License-Identifier: Apache-2.0
"""``/v1/event_stream``: events as they happen."""

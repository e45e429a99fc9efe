# SPDX-License-Identifier: Apache-2.0
"""Where notices go: system log, webhooks, the trap agent. Each has its own order and retries in the outbox."""

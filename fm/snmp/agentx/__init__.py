# SPDX-License-Identifier: Apache-2.0
"""The sub-agent side of AgentX (RFC 2741): messages, their encoding, and the session with the master agent."""

# SPDX-License-Identifier: Apache-2.0
"""AgentX (RFC 2741), the sub-agent's side: messages, their octets, and the session with the master agent."""

# SPDX-License-Identifier: Apache-2.0
"""How beats travel between the nodes and the witness: datagrams, keys, sockets, carriers and probes."""

# SPDX-License-Identifier: Apache-2.0
"""Network ports of hosts."""

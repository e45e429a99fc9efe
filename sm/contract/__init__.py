# SPDX-License-Identifier: Apache-2.0
"""What other subsystems, and the parts of sm, may know of service management: states, records and messages."""

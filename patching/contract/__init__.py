# SPDX-License-Identifier: Apache-2.0
"""What other programs know of software management: states, records, errors."""

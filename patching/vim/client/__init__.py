# SPDX-License-Identifier: Apache-2.0
"""How programs ask for strategies, and show them."""

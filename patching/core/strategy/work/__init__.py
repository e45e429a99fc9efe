# SPDX-License-Identifier: Apache-2.0
"""How each step of a strategy is carried out: what is seen of the system decides what is ordered next."""

# SPDX-License-Identifier: Apache-2.0
"""The classic interface (sw-patch): what its verbs order of the one real model, and what it shows of it."""

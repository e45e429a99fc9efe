# SPDX-License-Identifier: Apache-2.0
"""Groups of the sensors of hosts' board management controllers, with what operators want to happen."""

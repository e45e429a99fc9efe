# SPDX-License-Identifier: Apache-2.0
"""The program that turns a booted, empty host into a member of the cloud: flock-install."""

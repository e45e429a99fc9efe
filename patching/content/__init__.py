# SPDX-License-Identifier: Apache-2.0
"""The content of releases: stored on the controllers, served to hosts, fetched and checked by them."""

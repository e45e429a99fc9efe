# SPDX-License-Identifier: Apache-2.0
"""Parameters of services, by service, section and name; ``schema/*.yaml`` says which there are."""

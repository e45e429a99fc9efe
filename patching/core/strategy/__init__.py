# SPDX-License-Identifier: Apache-2.0
"""Orchestration: a plan of stages and steps over all hosts, built from a picture of the system, then carried out."""

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Called by udhcpc: writes the lease to $FLOCK_LEASE_FILE and configures nothing.
[ "$1" = bound ] || exit 0
env > "$FLOCK_LEASE_FILE.new" && mv "$FLOCK_LEASE_FILE.new" "$FLOCK_LEASE_FILE"

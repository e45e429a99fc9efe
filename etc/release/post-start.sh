#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# At the begin of the deployment: the databases get what the new release needs. On the way back nothing is added.
set -eu
[ "$1" = --operation=apply ] || exit 0
exec "$(dirname "$0")/extra/10-databases" - - start

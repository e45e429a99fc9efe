#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Go-enabled test: the management address is configured and the root file system takes and keeps data.
set -eu

interface=$(sed -n 's/^management_interface=//p' /etc/platform/platform.conf | tail -n 1)
[ -n "$interface" ] || { echo "platform.conf names no management_interface" >&2; exit 1; }
ip -o address show dev "$interface" scope global | grep -q ' inet' ||
    { echo "$interface has no address" >&2; exit 1; }

probe=$(mktemp /var/tmp/goenabled.XXXXXX)
trap 'rm -f "$probe"' EXIT
echo "$$ written" > "$probe"
sync "$probe"
grep -q "^$$ written" "$probe" || { echo "data written to /var/tmp did not come back" >&2; exit 1; }

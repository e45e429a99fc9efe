#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Removes the lab: all its processes, namespaces, interfaces, mounts, and files outside its state folder.
# Also cleans up after an interrupted run. Usage: sudo devstack/unstack.sh [--purge]
#   --purge   also removes the state folder with the base image, and /opt/flock
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
case "${1:-}" in
"" | --purge) ;;
*)
    sed -n '4,6p' "$0" | cut -c3-
    [ "$1" = -h ] || [ "$1" = --help ] || exit 2
    exit 0
    ;;
esac
exec "$here/lab" down "$@"

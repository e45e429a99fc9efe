#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a program on a host's disk, in a separate mount namespace: the overlay is unmounted with the last process.
# hostrun.sh EXIT_FILE LOWER DISK [CGROUP_PROCS_FILE...] -- PROGRAM [ARGUMENT...]
# Writes the program's exit status to EXIT_FILE, which a restarted daemon can read too.
set -u
exit_file=$1 lower=$2 disk=$3
shift 3
while [ "$1" != -- ]; do
    echo $$ > "$1" || exit 126
    shift
done
shift
tries=0 options=""
# OSTree links the files of a deployment to its repository; with metacopy a link does not copy the file's content.
[ ! -d "$lower/ostree/repo" ] || options=",redirect_dir=on,metacopy=on"
until mount -t overlay overlay -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work$options" "$disk/root"; do
    tries=$((tries + 1))
    # the mount of the last run may still be in use for a moment
    [ "$tries" -lt 10 ] || exit 126
    sleep 0.2
done
"$@"
status=$?
if [ "$exit_file" != - ]; then
    echo "$status" > "$exit_file.new"
    mv "$exit_file.new" "$exit_file"
fi
exit "$status"

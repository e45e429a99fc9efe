#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a program on a host's disk, in a separate mount namespace: the overlay is unmounted with the last process.
# hostrun.sh EXIT_FILE LOWER DISK CODE [CGROUP_PROCS_FILE...] -- PROGRAM [ARGUMENT...]
# CODE is the product's directory on the machine, or -. DISK/code/root is the host's own view of it: what the host changes
# there is on its disk, so that it survives a boot and goes with an installation.
# Writes the program's exit status to EXIT_FILE, which a restarted daemon can read too.
set -u
exit_file=$1 lower=$2 disk=$3 code=$4
shift 4
while [ "$1" != -- ]; do
    echo $$ > "$1" || exit 126
    shift
done
shift
# overlay LOWER FOLDER TARGET [OPTIONS]
overlay() {
    tries=0
    until mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work${4:-}" "$3"; do
        tries=$((tries + 1))
        # the mount of the last run may still be in use for a moment
        [ "$tries" -lt 10 ] || exit 126
        sleep 0.2
    done
}
options=""
# OSTree links the files of a deployment to its repository; with metacopy a link does not copy the file's content.
[ ! -d "$lower/ostree/repo" ] || options=",redirect_dir=on,metacopy=on"
overlay "$lower" "$disk" "$disk/root" "$options"
if [ "$code" != - ]; then
    mkdir -p "$disk/code/upper" "$disk/code/work" "$disk/code/root"
    overlay "$code" "$disk/code" "$disk/code/root"
fi
"$@"
status=$?
if [ "$exit_file" != - ]; then
    echo "$status" > "$exit_file.new"
    mv "$exit_file.new" "$exit_file"
fi
exit "$status"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A service for the scenarios: a process that sleeps. The file /run/probe/NAME.COMMAND has what a command shall do instead:
# end with that status, or not end. NAME.calls has every command with its time.
dir=/run/probe
mkdir -p $dir
pid=$(cat $dir/$NAME.pid 2> /dev/null)
runs() { [ -n "$pid" ] && [ "$(cat /proc/$pid/comm 2> /dev/null)" = sleep ]; }
[ "$1" = monitor ] || echo "$(cut -d' ' -f1 /proc/uptime) $1" >> $dir/$NAME.calls
told=$(cat $dir/$NAME.$1 2> /dev/null)
[ "$told" != hang ] || sleep 3607
[ -z "$told" ] || exit "$told"
case $1 in
start)
    runs || {
        setsid sleep infinity < /dev/null > /dev/null 2>&1 &
        echo $! > $dir/$NAME.pid
    }
    ;;
stop)
    runs && kill -9 "$pid"
    rm -f $dir/$NAME.pid $dir/$NAME.active
    ;;
promote) touch $dir/$NAME.active ;;
demote) rm -f $dir/$NAME.active ;;
monitor)
    runs || exit 7
    [ ! -e $dir/$NAME.active ] || exit 8
    ;;
esac
exit 0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts a virtual edge cloud on this machine and performs its main job: discovers, installs, inventories, configures
# and unlocks two controllers and two workers. Idempotent: a second run completes what is missing.
# Usage: sudo devstack/stack.sh [--workers N] [--database sqlite|postgresql] [--model standard|aio-sx|aio-dx] [--controllers 1|2] [--ostree]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FLOCK_HOME=${FLOCK_HOME:-/opt/flock}
STATE=${FLOCK_LAB_STATE:-/var/lib/flock-lab}
workers=2 database="" model=standard controllers="" ostree=()
began=$SECONDS

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() {
    printf 'stack.sh: %s\n' "$*" >&2
    exit 1
}
usage() {
    sed -n '5p' "${BASH_SOURCE[0]}" | cut -c3-
    exit "$1"
}

while [ $# -gt 0 ]; do
    case $1 in
    --workers) workers=${2:-} && shift 2 ;;
    --database) database=${2:-} && shift 2 ;;
    --model) model=${2:-} && shift 2 ;;
    --controllers) controllers=${2:-} && shift 2 ;;
    --ostree) ostree=(--ostree) && shift ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
    esac
done
[[ $workers =~ ^[0-9]{1,2}$ ]] || fail "--workers must be a number from 0 to 99."
[[ $model =~ ^(standard|aio-sx|aio-dx)$ ]] || fail "--model must be standard, aio-sx or aio-dx."
# A lab that runs keeps its database, and files of SQLite cannot be copied to a second controller while they are written.
running=""
[ ! -S "$STATE/lab.sock" ] || running=$(sed -n 's/^database: //p' "$STATE/bootstrap.yaml" 2> /dev/null || true)
case $model in
standard) [ "$running" = sqlite ] && by_model=${controllers:-1} || by_model=${controllers:-2} ;;
aio-sx) by_model=1 ;;
aio-dx) by_model=2 ;;
esac
[[ $by_model =~ ^[12]$ ]] || fail "--controllers must be 1 or 2."
[ "${controllers:-$by_model}" = "$by_model" ] || fail "the model $model has $by_model controller(s)."
controllers=$by_model
if [ -z "$database" ]; then
    [ "$controllers" = 2 ] && database=postgresql || database=sqlite
    database=${running:-$database}
fi
[ "${running:-$database}" = "$database" ] || fail "the lab that runs has the database $running; devstack/unstack.sh removes it."
[[ $database =~ ^(sqlite|postgresql)$ ]] || fail "--database must be sqlite or postgresql."
[ "$controllers$database" != 2sqlite ] ||
    fail "two controllers need the database postgresql.${running:+ The lab that runs has another one; devstack/unstack.sh removes it.}"
[ "$model" = standard ] || workers=0
if [ "$controllers" = 2 ]; then
    free_mib=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$free_mib" -ge 3072 ] || [ -S "$STATE/lab.sock" ] ||
        fail "this machine has $free_mib MiB of free memory; two controllers need 3072 MiB. One needs less: --controllers 1"
fi

[ "$(uname -s)" = Linux ] || fail "the lab runs only on Linux."
[ "$(id -u)" = 0 ] || fail "run this as root: sudo devstack/stack.sh"
[ ! -x /usr/bin/python3 ] || (cd "$(dirname "$here")" && PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m devstack.virtualcloud.facts lab) || exit 1
mkdir -p "$STATE" "$FLOCK_HOME"
chmod 700 "$STATE"
if [ ! -d "$STATE/image" ]; then
    for place in "$STATE" "$FLOCK_HOME"; do
        free_mib=$(df --output=avail -m "$place" | tail -n 1 | tr -d ' ')
        [ "$free_mib" -ge 4096 ] || fail "$place has $free_mib MiB free; 4096 MiB are needed. Free some space and run this again."
    done
fi
exec 9> "$STATE/stack.lock"
flock -n 9 || fail "another stack.sh is running (lock $STATE/stack.lock)."

lab() { "$here/lab" "$@" 9>&-; }
# debootstrap builds the image while pip fills the virtual environments, because both mostly wait for the network.
"$here/prepare.sh" --packages 9>&-
say "base image"
lab image build &
image_job=$!
"$here/prepare.sh" 9>&- || fail "the machine could not be prepared; see above."
wait "$image_job" || fail "the base image could not be built; see above."

say "virtual machines: $model with $controllers controller(s) and $workers workers"
if [ "$model" = standard ]; then
    lab up standard --workers "$workers" "${ostree[@]}" --wait
    if [ "$controllers" = 2 ] && ! lab status | grep -q '^controller-1 '; then
        lab add controller-1 --role controller "${ostree[@]}"
    fi
else
    lab up "$model" "${ostree[@]}" --wait
fi

umask 077
if [ ! -s "$STATE/admin-password" ]; then
    openssl rand -hex 16 > "$STATE/admin-password"
fi
system_type=Standard system_mode=duplex
[ "$model" = standard ] || system_type=All-in-one
[ "$model" != aio-sx ] || system_mode=simplex
cat > "$STATE/bootstrap.yaml" << YAML
admin_password: "$(cat "$STATE/admin-password")"
name: flock-lab
system_type: $system_type
system_mode: $system_mode
database: $database
public_host: 127.0.0.1
overrides:
  mtce:
    heartbeat: {period_ms: 100}
    bmc: {redfish_scheme: http, redfish_port: 8000}
    timers: {bmc_reset_delay_s: 5, host_add_delay_s: 1, lazy_reboot_delay_s: 1, heartbeat_soak_s: 2}
YAML
umask 022

if ! lab exec controller-0 -- test -e /etc/platform/.initial_config_complete; then
    say "bootstrap of controller-0"
    lab put controller-0 "$STATE/bootstrap.yaml" /etc/flock/bootstrap.yaml
    lab exec controller-0 -- "$FLOCK_HOME/venv/bin/flock-bootstrap" --answers /etc/flock/bootstrap.yaml
fi

# The clients on this machine verify the cloud by its authority.
lab exec controller-0 -- cat /etc/flock/tls/ca.crt > "$STATE/ca.crt.new"
mv "$STATE/ca.crt.new" "$STATE/ca.crt"

say "main job"
PYTHONPATH=$(dirname "$here") "$FLOCK_HOME/venv/bin/python" -m devstack.virtualcloud.mainjob --workers "$workers" --controllers "$controllers"
say "done in $((SECONDS - began)) s"

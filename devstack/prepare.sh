#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prepares a bare Debian machine: system packages, the product's and Keystone's virtual environments.
# stack.sh and run_tests.sh call it. A repeated call changes nothing and returns at once.
# Usage: devstack/prepare.sh [--test|--scenarios|--bench|--packages]
#   --test       also install what only the tests need
#   --scenarios  the same, a Nova, a Kubernetes that is built once on this machine (kubernetes.sh), and QEMU with an image
#   --bench      as --test, and the programs that benchmarks compare the product with; none of them is started
#   --packages   install only system packages
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
FLOCK_HOME=${FLOCK_HOME:-/opt/flock}
with_tests=no with_peers=no with_kubernetes=no packages_only=no
[ "${1:-}" = --test ] && with_tests=yes
[ "${1:-}" = --scenarios ] && with_tests=yes with_kubernetes=yes
[ "${1:-}" = --bench ] && with_tests=yes with_peers=yes
[ "${1:-}" = --packages ] && packages_only=yes

PACKAGES=(
    rabbitmq-server memcached nginx postgresql-15 dnsmasq-base systemd-container debootstrap nftables iproute2 iputils-ping
    udhcpc curl openssl ipmitool openipmi python3-venv git procps util-linux fdisk ca-certificates keyutils
    rpm dnf createrepo-c ostree puppet-agent tzdata
)
TEST_PACKAGES=(dbus gdisk resource-agents shellcheck snmp snmpd snmptrapd zsh fish)
PEER_PACKAGES=(pacemaker corosync pacemaker-cli-utils keepalived)
# Emulates a machine with a kernel of its own; nothing of it starts by itself.
MACHINE_PACKAGES=(qemu-system-x86 seabios e2fsprogs)
# What kubernetes.sh builds with, and the database of the API server.
KUBERNETES_PACKAGES=(etcd-server golang-go golang-github-modern-go-reflect2-dev make patch rsync xz-utils debian-archive-keyring)

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

[ "$(uname -s)" = Linux ] || fail "The flock's lab runs only on Linux."
[ "$(id -u)" = 0 ] || fail "Run this as root: sudo $0"
command -v apt-get > /dev/null || fail "This machine has no apt-get; the lab is made for Debian 12."
# A bare machine may have no Python yet, so this check runs again after the packages are installed.
fits() { [ ! -x /usr/bin/python3 ] || (cd "$repo" && PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m devstack.virtualcloud.facts system) || exit 1; }
fits

missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2> /dev/null | grep -q 'ok installed' || printf '%s ' "$name"
    done
}

# Units that the packages enable at every boot.
declare -A UNITS=(
    [rabbitmq-server]="rabbitmq-server.service epmd.service epmd.socket" [memcached]=memcached.service [nginx]=nginx.service
    [postgresql-15]=postgresql.service [openipmi]=openipmi.service [snmpd]=snmpd.service
    [snmptrapd]="snmptrapd.service snmptrapd.socket" [resource-agents]=logd.service [pacemaker]=pacemaker.service
    [puppet-agent]=puppet.service
    [corosync]="corosync.service corosync-notifyd.service" [keepalived]=keepalived.service
    [etcd-server]=etcd.service [rsync]=rsync.service
)
policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/flock.conf
policy_mark="# the flock's prepare.sh: nothing starts while packages are installed" new_units=()

# Keeps package installation from starting services and from creating a PostgreSQL cluster. However this program ends,
# leave_machine removes both settings, and disables the units of the new packages for the machine's next boot.
hold_machine() {
    local name
    for name in "$@"; do
        # shellcheck disable=SC2206
        new_units+=(${UNITS[$name]:-})
    done
    trap leave_machine EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir -p "${clusters%/*}"
    printf 'create_main_cluster = false\n' > "$clusters"
    [ -e "$policy" ] && return 0
    printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" > "$policy"
    chmod 755 "$policy"
}
leave_machine() {
    local unit
    trap - EXIT
    forget_orders
    for unit in "${new_units[@]}"; do
        systemctl --quiet disable "$unit" > /dev/null 2>&1 || true
    done
    new_units=()
}
# Removes the settings of hold_machine, also those of an earlier run that was killed.
forget_orders() {
    rm -f "$clusters"
    ! grep -qsF "$policy_mark" "$policy" || rm -f "$policy"
}

install_packages() {
    local missing log rc=0
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    say "installing packages: $missing"
    # shellcheck disable=SC2086
    hold_machine $missing
    log=$(mktemp)
    # The shell handles a signal only after apt-get has ended, so the settings of hold_machine stay in force until then.
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
        > "$log" 2>&1 < /dev/null || rc=$?
    leave_machine
    if [ "$rc" -ne 0 ]; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: $missing"
    fi
    rm -f "$log"
}

# venv DIRECTORY FINGERPRINT REQUIREMENT... : makes a virtual environment, again when FINGERPRINT changes.
# Uses /usr/bin/python3, because the lab's hosts have that interpreter and see the directory at the same path.
venv() {
    local directory=$1 fingerprint=$2 log
    shift 2
    [ "$(cat "$directory/.fingerprint" 2> /dev/null)" = "$fingerprint" ] && return 0
    say "building virtual environment $directory"
    rm -f "$directory/.fingerprint"
    [ -x "$directory/bin/python" ] || /usr/bin/python3 -m venv "$directory"
    log=$(mktemp)
    if ! "$directory/bin/python" -m pip install --disable-pip-version-check -q -c "$here/constraints.txt" "$@" \
        > "$log" 2>&1 < /dev/null; then
        tail -n 8 "$log" >&2
        rm -f "$log"
        fail "pip could not fill $directory"
    fi
    rm -f "$log"
    printf '%s' "$fingerprint" > "$directory/.fingerprint"
}

requirements() {
    # Prints the requirements of setup.cfg's extras and requirements.txt, one per line.
    /usr/bin/python3 - "$repo" "$@" << 'PYTHON'
import configparser, pathlib, sys
repo, extras = pathlib.Path(sys.argv[1]), sys.argv[2:]
parser = configparser.ConfigParser()
parser.read(repo / "setup.cfg")
lines = (repo / "requirements.txt").read_text().splitlines()
for extra in extras:
    lines += parser["extras"][extra].splitlines()
print("\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("#")))
PYTHON
}

install_product() {
    local fingerprint marker=$FLOCK_HOME/venv/.product copy log
    fingerprint=$(cd "$repo" && find flock fm fm_api sysinv mtce sm patching etc setup.cfg requirements.txt MANIFEST.in -type f -not -name '*.pyc' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
    [ "$(cat "$marker" 2> /dev/null)" = "$fingerprint" ] && return 0
    say "installing the product into $FLOCK_HOME/venv"
    rm -f "$marker"
    copy=$(mktemp -d)
    log=$(mktemp)
    (cd "$repo" && tar -c --exclude=__pycache__ flock fm fm_api sysinv mtce sm patching etc setup.cfg setup.py pyproject.toml requirements.txt README.md MANIFEST.in) |
        tar -x -C "$copy"
    if ! PBR_VERSION=${PBR_VERSION:-1.0.0} "$FLOCK_HOME/venv/bin/python" -m pip install --disable-pip-version-check -q \
        --no-deps --no-build-isolation --force-reinstall "$copy" > "$log" 2>&1 < /dev/null; then
        tail -n 8 "$log" >&2
        rm -rf "$copy" "$log"
        fail "pip could not install the product"
    fi
    rm -rf "$copy" "$log"
    printf '%s' "$fingerprint" > "$marker"
}

mkdir -p "$FLOCK_HOME"
packages=("${PACKAGES[@]}")
[ "$with_tests" = no ] || packages+=("${TEST_PACKAGES[@]}")
[ "$with_peers" = no ] || packages+=("${PEER_PACKAGES[@]}")
[ "$with_kubernetes" = no ] || packages+=("${KUBERNETES_PACKAGES[@]}" "${MACHINE_PACKAGES[@]}")
forget_orders
install_packages "${packages[@]}"
fits
[ "$packages_only" = no ] || exit 0

mapfile -t needs < <(requirements controller host)
[ "$with_tests" = no ] || mapfile -t -O "${#needs[@]}" needs < <(requirements test)
# Keeps the tests' requirements in an environment that already has them, so that it is not built again.
wanted=$(printf '%s\n' "${needs[@]}" | cat - "$here/constraints.txt" | sha256sum | cut -d' ' -f1)
if [ "$with_tests" = no ] && [ -e "$FLOCK_HOME/venv/.with-tests" ]; then
    mapfile -t -O "${#needs[@]}" needs < <(requirements test)
    wanted=$(printf '%s\n' "${needs[@]}" | cat - "$here/constraints.txt" | sha256sum | cut -d' ' -f1)
fi
keystone_wanted=$(sha256sum "$here/constraints.txt" | cut -d' ' -f1)
venv "$FLOCK_HOME/keystone" "$keystone_wanted" keystone gunicorn python-memcached psycopg2-binary &
keystone_job=$!
venv "$FLOCK_HOME/venv" "$wanted" pbr setuptools wheel "${needs[@]}"
wait "$keystone_job"
[ "$with_tests" = no ] || touch "$FLOCK_HOME/venv/.with-tests"
install_product
if [ "$with_kubernetes" = yes ]; then
    venv "$FLOCK_HOME/nova" "$(cat "$here"/constraints*.txt | sha256sum | cut -d' ' -f1)" -c "$here/constraints-nova.txt" \
        nova openstack-placement gunicorn psycopg2-binary python-memcached
    "$here/kubernetes.sh"
    # After the product, whose virtual environment the image has too.
    (cd "$repo" && FLOCK_HOME=$FLOCK_HOME PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m devstack.virtualcloud.guestimage)
fi

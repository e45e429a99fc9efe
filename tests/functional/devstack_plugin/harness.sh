#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the plugin's phases without a devstack: harness.sh PHASES... with PHASES from
#   stack  unstack  clean
# Environment: WORK (scratch directory), REPO (this repository), LOCAL_CONF (file sourced like local.conf),
# DEVSTACK_DIR (a devstack checkout whose functions are used; without it standin.sh).
# Programs called from outside (openstack, sudo, systemctl, rabbitmqctl, dbsync) are stubs that write to $WORK/log.
set -o errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export WORK
TOP_DIR=${DEVSTACK_DIR:-$WORK/devstack}
DEST=$WORK/dest
DATA_DIR=$DEST/data
FILES=$WORK/files
LOGDIR=$WORK/logs
STACK_USER=$(id -un)
GLOBAL_VENV=False
ENABLED_SERVICES=key,rabbit,mysql
DISABLED_SERVICES=""
mkdir -p "$WORK/bin" "$WORK/systemd" "$DATA_DIR" "$FILES" "$LOGDIR"

stub() {
    cat > "$WORK/bin/$1"
    chmod +x "$WORK/bin/$1"
}
stub sudo <<'STUB'
#!/bin/sh
exec "$@"
STUB
stub openstack <<'STUB'
#!/bin/sh
echo "openstack $*" >> "$WORK/log"
case " $* " in
    *" show "*) exit 1 ;;
    *" list "*) ;;
    *) echo 0123456789abcdef ;;
esac
STUB
for program in fm-dbsync sysinv-dbsync mtce-dbsync patching-dbsync; do
    stub "$program" <<'STUB'
#!/bin/sh
test -r "$FLOCK_CONF_DIR/flock.conf" || exit 1
echo "$(basename "$0") $*" >> "$WORK/log"
STUB
done
stub sm-daemon <<'STUB'
#!/bin/sh
echo "sm-daemon $*" >> "$WORK/log"
STUB
stub rabbitmqctl <<'STUB'
#!/bin/sh
echo "rabbitmqctl $*" >> "$WORK/log"
cat > "$WORK/definitions.json"
STUB
PATH=$WORK/bin:$PATH

SERVICE_HOST=192.0.2.10
HOST_IP=$SERVICE_HOST
SERVICE_PROTOCOL=http
SERVICE_LISTEN_ADDRESS=0.0.0.0
SERVICE_TIMEOUT=60
SERVICE_PASSWORD=servicepw
ADMIN_PASSWORD=adminpw
RABBIT_PASSWORD=rabbitpw
DATABASE_PASSWORD=databasepw
SERVICE_PROJECT_NAME=service
SERVICE_DOMAIN_NAME=Default
REGION_NAME=RegionOne
KEYSTONE_SERVICE_URI=http://$SERVICE_HOST/identity
API_WORKERS=2
ENABLE_DEBUG_LOG_LEVEL=True
SYSLOG=False
FLOCK_CONF_DIR=$WORK/etc/flock
FLOCK_BIN_DIR=$WORK/bin
mkdir -p "$WORK/etc"

declare -A GITDIR
if [[ -n "${DEVSTACK_DIR:-}" ]]; then
    source "$TOP_DIR/functions"
    source "$TOP_DIR/lib/keystone"
    source "$TOP_DIR/lib/rpc_backend"
else
    source "$here/standin.sh"
fi

# What would touch the machine is logged instead.
SYSTEMD_DIR=$WORK/systemd
SYSTEMCTL="log_systemctl"
function log_systemctl { echo "systemctl $*" >> "$WORK/log"; }
function setup_develop { echo "setup_develop $*" >> "$WORK/log"; }
function pip_install { echo "pip_install $*" >> "$WORK/log"; }
function install_package { echo "install_package $*" >> "$WORK/log"; }
function recreate_database { echo "recreate_database $*" >> "$WORK/log"; }
function database_connection_url { echo "mysql+pymysql://root:$DATABASE_PASSWORD@127.0.0.1/$1?charset=utf8"; }
function get_python_exec_prefix { echo /opt/stack/data/venv/bin; }
function start_tls_proxy { echo "start_tls_proxy $*" >> "$WORK/log"; }
FLOCK_HOST_MAC=52:54:00:00:00:01
function wait_for_service { echo "wait_for_service $*" >> "$WORK/log"; }

DEVSTACK_PLUGINS=",flock"
GITDIR[flock]=$REPO
FLOCK_DIR=$REPO
[[ -z "${LOCAL_CONF:-}" ]] || source "$LOCAL_CONF"

run_phase override_defaults
run_phase source
function flock_await_line { echo "flock_await_line $*" >> "$WORK/log"; }
echo "ENABLED_SERVICES=$ENABLED_SERVICES" >> "$WORK/log"
for phase in "$@"; do
    case $phase in
        stack)
            for step in pre-install install post-config extra test-config; do
                echo "PHASE $step" >> "$WORK/log"
                run_phase stack "$step"
            done
            ;;
        *)
            echo "PHASE $phase" >> "$WORK/log"
            run_phase "$phase"
            ;;
    esac
done

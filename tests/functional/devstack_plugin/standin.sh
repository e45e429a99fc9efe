# SPDX-License-Identifier: Apache-2.0
# Stands in for the functions of a devstack checkout: the same names, arguments and visible effects, as far as the
# plugin uses them. harness.sh sources it when DEVSTACK_DIR names no checkout. Written for the tests, not for use.

function echo_summary { echo "SUMMARY $*"; }
function warn { echo "WARNING $1: ${*:2}" >&2; }
function die { echo "DIE $1: ${*:2}" >&2; exit 1; }
function define_plugin { :; }
function plugin_requires { :; }
function trueorfalse { local default=$1 name=$2; [[ "${!name:-$default}" == "True" ]] && echo True || echo False; }

function is_service_enabled {
    local service enabled=1
    for service in "$@"; do
        [[ ",$ENABLED_SERVICES," == *",$service,"* ]] && enabled=0
        if type "is_${service}_enabled" > /dev/null 2>&1; then
            enabled=0
            "is_${service}_enabled" || enabled=1
        fi
    done
    return "$enabled"
}
function enable_service {
    local service
    for service in "$@"; do
        if [[ ",${DISABLED_SERVICES:-}," == *",$service,"* ]]; then
            warn $LINENO "Attempt to enable_service $service when it has been disabled"
        elif ! is_service_enabled "$service"; then
            ENABLED_SERVICES="${ENABLED_SERVICES:+$ENABLED_SERVICES,}$service"
        fi
    done
}
function disable_service {
    local service list
    for service in "$@"; do
        DISABLED_SERVICES="${DISABLED_SERVICES:+$DISABLED_SERVICES,}$service"
        list=",$ENABLED_SERVICES,"
        list=${list//,$service,/,}
        list=${list#,}
        ENABLED_SERVICES=${list%,}
    done
}

# iniset FILE SECTION OPTION VALUE
function iniset {
    [[ $# -ge 4 ]] || die $LINENO "iniset needs a value: $*"
    local file=$1 section=$2 option=$3
    shift 3
    # Replaces the option where the section has it, else adds it as the section's first, else adds the section.
    SECTION="[$section]" OPTION=$option VALUE=$* awk '
        function put() { print ENVIRON["OPTION"] " = " ENVIRON["VALUE"]; written = 1 }
        /^\[/ { inside = ($0 == ENVIRON["SECTION"]); print; if (inside && !written) put(); next }
        inside { split($0, words, /[ =]/); if (words[1] == ENVIRON["OPTION"]) next }
        { print }
        END { if (!written) { print ENVIRON["SECTION"]; put() } }
    ' "$file" > "$file.new"
    cat "$file.new" > "$file"
    rm "$file.new"
}
function iniget {
    SECTION="[$2]" OPTION=$3 awk '
        /^\[/ { inside = ($0 == ENVIRON["SECTION"]); next }
        inside { split($0, words, /[ =]/); if (words[1] == ENVIRON["OPTION"]) { sub(/^[^=]*=[ ]*/, ""); print } }
    ' "$1"
}
function iniset_rpc_backend { iniset "$2" DEFAULT transport_url "rabbit://stackrabbit:$RABBIT_PASSWORD@$SERVICE_HOST:5672/"; }
function setup_logging { iniset "$1" DEFAULT use_stderr True; }
function configure_keystone_authtoken_middleware {
    iniset "$1" keystone_authtoken auth_type password
    iniset "$1" keystone_authtoken auth_url "$KEYSTONE_SERVICE_URI"
    iniset "$1" keystone_authtoken username "$2"
    iniset "$1" keystone_authtoken password "$SERVICE_PASSWORD"
    iniset "$1" keystone_authtoken project_name "$SERVICE_PROJECT_NAME"
}

function get_or_create_project { openstack project show "$1" || openstack project create "$1" --domain "$2"; }
function get_or_create_role { openstack role show "$1" || openstack role create "$1"; }
function get_or_create_user { openstack user show "$1" || openstack user create "$1" --password "$2" --domain "$3"; }
function get_or_add_user_project_role {
    openstack role add "$1" --user "$2" --project "$3" --user-domain "$4" --project-domain "$5"
}
function get_or_create_service { openstack service show "$1" || openstack service create "$2" --name "$1" --description "$3"; }
function get_or_create_endpoint {
    # Like the original: one URL makes one endpoint.
    openstack endpoint create "$1" public "$3" --region "$2"
    [[ -z "${4:-}" ]] || openstack endpoint create "$1" admin "$4" --region "$2"
    [[ -z "${5:-}" ]] || openstack endpoint create "$1" internal "$5" --region "$2"
}

# run_process SERVICE COMMAND [GROUP [USER]]
function run_process {
    local service=$1 command=$2
    is_service_enabled "$service" || return 0
    [[ "$command" == /* ]] || die $LINENO "command of $service does not start with /: $command"
    [[ "$command" != *sudo* ]] || die $LINENO "command of $service uses sudo: $command"
    printf '[Unit]\nDescription = Devstack %s\n\n[Service]\nExecStart = %s\nUser = %s\n' \
        "devstack@$service.service" "$command" "${4:-$STACK_USER}" > "$SYSTEMD_DIR/devstack@$service.service"
    $SYSTEMCTL enable "devstack@$service.service"
    $SYSTEMCTL start "devstack@$service.service"
}
function stop_process {
    $SYSTEMCTL stop "devstack@$1.service"
    $SYSTEMCTL disable "devstack@$1.service"
}

# run_phase override_defaults | source | stack PHASE | unstack | clean
function run_phase {
    local mode=$1 phase=${2:-} plugin dir
    for plugin in ${DEVSTACK_PLUGINS//,/ }; do
        dir=${GITDIR[$plugin]}/devstack
        case $mode in
            override_defaults) [[ ! -f $dir/override-defaults ]] || source "$dir/override-defaults" ;;
            source) [[ ! -f $dir/settings ]] || source "$dir/settings" ;;
            *) [[ ! -f $dir/plugin.sh ]] || source "$dir/plugin.sh" "$mode" "$phase" ;;
        esac
    done
}

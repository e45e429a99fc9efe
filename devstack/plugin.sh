#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The flock's devstack plugin. Devstack sources it once per phase: plugin.sh <mode> [<phase>].

function flock_each {
    # flock_each VERB SUBSYSTEM...: call VERB_SUBSYSTEM for every subsystem that has an enabled service.
    local verb=$1 subsystem
    shift
    for subsystem in "$@"; do
        if flock_subsystem_enabled "$subsystem"; then
            "${verb}_${subsystem}"
        fi
    done
}

if is_flock_enabled; then
    case "$1 ${2:-}" in
        "stack install")
            echo_summary "Installing the flock"
            install_flock
            ;;
        "stack post-config")
            echo_summary "Configuring the flock"
            configure_flock
            flock_each configure "${FLOCK_SUBSYSTEMS[@]}"
            if is_service_enabled key; then
                create_flock_accounts
                flock_each create_accounts "${FLOCK_SUBSYSTEMS[@]}"
            fi
            flock_each init "${FLOCK_SUBSYSTEMS[@]}"
            ;;
        "stack extra")
            echo_summary "Starting the flock"
            flock_each start "${FLOCK_SUBSYSTEMS[@]}"
            ;;
        "stack test-config")
            echo_summary "Checking the flock"
            check_flock
            ;;
        "unstack ")
            flock_each stop "${FLOCK_SUBSYSTEMS_ENDING[@]}"
            ;;
        "clean ")
            flock_each cleanup "${FLOCK_SUBSYSTEMS_ENDING[@]}"
            cleanup_flock
            ;;
    esac
fi

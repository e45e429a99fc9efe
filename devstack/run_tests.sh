#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the test suites on this machine and installs what they need.
# Usage: sudo devstack/run_tests.sh [unit|functional|lab|lint|types|imports|docs|all|scenarios|simplex|duplex|soak|storms|bench] [pytest arguments]
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
FLOCK_HOME=${FLOCK_HOME:-/opt/flock}
bin=$FLOCK_HOME/venv/bin
suite=${1:-all}
[ $# -gt 0 ] && shift

case $suite in
unit | functional | lab | scenarios | simplex | duplex | soak | storms | lint | types | imports | docs | bench | all) ;;
-h | --help)
    sed -n '3,4p' "${BASH_SOURCE[0]}" | cut -c3-
    exit 0
    ;;
*)
    printf 'Unknown suite %s. Suites: unit functional lab lint types imports docs all; scenarios simplex duplex soak storms bench\n' "$suite" >&2
    exit 2
    ;;
esac

prepared=--test
case $suite in bench | scenarios) prepared=--$suite ;; esac
"$here/prepare.sh" "$prepared" || exit 1
cd "$repo" || exit 1
# Tests the checkout, not the installed product. Thousands of processes import it, so it is compiled once; what is compiled
# stays out of the checkout.
unset PYTHONDONTWRITEBYTECODE
export FLOCK_HOME PYTHONPATH=$repo PYTHONPYCACHEPREFIX=/var/cache/flock-tests PATH=$bin:$PATH

# Every run prints the longest durations; the whole unit suite also measures coverage.
durations=(--durations=10 --durations-min=1)
suites=(tests/unit tests/sim tests/store tests/rbac)
# well STATUS STATUS: whether two runs of pytest found nothing wrong. 5 means that the arguments select no test in one; they
# must select some in the other, or the result is 5 again.
well() {
    case "$1 $2" in "0 0" | "5 0" | "0 5") return 0 ;; "5 5") return 5 ;; *) return 1 ;; esac
}
# A limit in seconds tells little on a machine that is busy with other tests. So what failed there, FEW tests at most, is run
# once more by itself; a test that fails again has failed, and one that passes is named.
FEW=5
# again CACHE ARGUMENT...: runs the failed tests that pytest noted in the directory CACHE. Other errors leave no such note.
again() {
    local cache=$1 noted=$1/v/cache/lastfailed number
    number=$(grep -c '::' "$noted" 2> /dev/null)
    if [ "${number:-0}" -eq 0 ] || [ "$number" -gt $FEW ]; then return 1; fi
    printf -- '-- failed beside other tests, and run again by themselves:\n%s\n' "$(grep '::' "$noted")"
    shift
    FLOCK_REQUIRE_SERVICES=1 "$bin/python" -m pytest -q -o cache_dir="$cache" --cov-append --last-failed "$@"
}
# twice ARGUMENT...: runs pytest, and what failed again.
twice() {
    local cache status
    cache=$(mktemp -d)
    "$bin/python" -m pytest -q "${durations[@]}" -o cache_dir="$cache" "$@"
    status=$?
    if [ $status = 1 ]; then
        again "$cache" "$@"
        status=$?
    fi
    rm -rf "$cache"
    return $status
}
# All tests of a file run in one process, so that module fixtures are made once.
run_unit() {
    local measured=() package
    if [ $# -eq 0 ]; then
        export COVERAGE_FILE=$repo/.coverage
        for package in flock fm fm_api sysinv mtce sm patching devstack; do measured+=("--cov=$package"); done
        measured+=(--cov-report=)
    fi
    twice --numprocesses 2 --dist loadfile "${measured[@]}" "${suites[@]}" "$@" || return
    [ $# -gt 0 ] || "$bin/python" -m tests.covered
}
# Areas (the attacks of tests/security too) mostly wait, so ABREAST groups of them run in parallel, the longest first, each
# with separate services; their outputs are printed one after the other. More at a time take no less time on two cores, and
# delay each other beyond what tests allow. The empty group holds the areas that no other group names. If a service is
# missing, its tests fail here instead of being skipped.
ABREAST=5
functional_groups=("tests/functional/sysinv/" "" "tests/functional/sm/" "tests/functional/patching/" "tests/security/test_[!a-b]*.py"
    "tests/security/test_[a-b]*.py" "tests/functional/fm/"
    "tests/functional/kernel/ tests/functional/kernel_http/ tests/functional/fm_raiser/")
# paths_of GROUP: sets ``paths``.
paths_of() {
    local folder named=" ${functional_groups[*]} "
    # shellcheck disable=SC2206  # Its words are patterns.
    paths=($1)
    [ -z "$1" ] || return 0
    for folder in tests/functional/*/; do
        [[ "$folder" == */__pycache__/ || "$named" == *" $folder "* ]] || paths+=("$folder")
    done
}
run_functional() {
    local number status=0 paths jobs=() failed_groups=() logs
    logs=$(mktemp -d)
    for number in "${!functional_groups[@]}"; do
        while [ "$(jobs -rp | grep -cFx "$(printf '%s\n' "${jobs[@]:-none}")")" -ge $ABREAST ]; do
            wait -n "${jobs[@]}" 2> /dev/null
        done
        paths_of "${functional_groups[number]}"
        FLOCK_REQUIRE_SERVICES=1 "$bin/python" -m pytest -q "${durations[@]}" -o cache_dir="$logs/cache$number" \
            "${paths[@]}" "$@" > "$logs/$number" 2>&1 &
        jobs+=($!)
    done
    for number in "${!jobs[@]}"; do
        wait "${jobs[number]}"
        # 5: the arguments select no test of this group.
        # Only 1 means that tests failed and everything else was run.
        case $? in 0 | 5) ;; 1) failed_groups+=("$number") ;; *) status=1 ;; esac
        printf -- '-- %s\n' "${functional_groups[number]:-all other areas}"
        cat "$logs/$number"
    done
    for number in "${failed_groups[@]}"; do
        paths_of "${functional_groups[number]}"
        again "$logs/cache$number" "${paths[@]}" "$@" || status=1
    done
    rm -rf "$logs"
    return $status
}
# One lab scenario for each subsystem, and the tests of the lab itself; then, in a lab of two controllers, FLOCK_ENDURANCE
# (2) failovers under load.
run_lab() {
    local ran
    twice tests/lab "$@"
    ran=$?
    twice tests/duplex -m soak "$@"
    well "$ran" $?
}
# in_turn "FOLDER..." ARGUMENT...: runs the tests of each folder; their labs replace each other.
in_turn() {
    local folders=$1 ran=5 next folder
    shift
    for folder in $folders; do
        "$bin/python" -m pytest -q "${durations[@]}" "$folder" "$@"
        next=$?
        # 5: the arguments select no test there.
        [ "$next" = 5 ] && continue
        [ "$ran" = 0 ] || [ "$ran" = 5 ] && ran=$next
    done
    return "$ran"
}
# Two controllers: the scenarios of service management by number (-k scenario_16), and FLOCK_ENDURANCE (2) failovers; then
# two all-in-one servers.
run_duplex() { in_turn "tests/duplex tests/aio_duplex" "$@"; }
# One all-in-one server that runs from OSTree: patches of the operating system.
run_simplex() { in_turn tests/simplex "$@"; }
# The labs of one controller (and a Kubernetes), of one server, of two controllers, and of two all-in-one servers.
run_scenarios() { FLOCK_REQUIRE_SERVICES=1 in_turn "tests/scenarios tests/simplex tests/duplex tests/aio_duplex" "$@"; }
# Random sequences: FLOCK_SIM_SCALE times as many as in the unit suite, and an alarm storm of FM_STORM_S seconds. Then
# FLOCK_ENDURANCE (30) failovers in a lab of two controllers and, without arguments, the storms.
run_soak() {
    FLOCK_SIM_SCALE=${FLOCK_SIM_SCALE:-20} FM_STORM_S=${FM_STORM_S:-120} FLOCK_REQUIRE_SERVICES=1 \
        "$bin/python" -m pytest -q "${durations[@]}" --timeout 7200 -m soak tests/unit tests/sim tests/functional "$@"
    local status=0 ran=$?
    FLOCK_ENDURANCE=${FLOCK_ENDURANCE:-30} "$bin/python" -m pytest -q "${durations[@]}" tests/duplex -m soak "$@"
    well "$ran" $? || status=1
    [ $# -gt 0 ] || run_storms || status=1
    return $status
}
# Controllers in long simulated storms: SM_SIM_SEEDS (1,000) seeds from SM_SIM_FIRST (0) on, SM_SIM_MINUTES (30) each.
run_storms() { "$bin/python" -m tests.sim.soak; }
run_lint() { "$bin/ruff" check && bash -n devstack/*.sh && shellcheck -x -S warning devstack/*.sh; }
run_types() { "$bin/mypy"; }
run_imports() { "$bin/lint-imports"; }
run_docs() { "$bin/sphinx-build" -W -q -b html doc/source doc/build/html && "$bin/reno" -q lint; }
run_bench() { "$bin/python" -m tests.bench "$@"; }

# one NAME ARGUMENT...: runs one suite and prints its result.
one() {
    local name=$1 begun=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "run_$name" "$@"; then
        printf '== %s passed (%s s)\n' "$name" $((SECONDS - begun))
        return 0
    fi
    printf '== %s FAILED (%s s)\n' "$name" $((SECONDS - begun))
    return 1
}

if [ "$suite" != all ]; then
    one "$suite" "$@"
    exit
fi

# The lab and the other suites mostly wait, so running them in parallel halves the time. The lab's output is printed after
# that of the others.
failed=()
lab_log=$(mktemp)
trap 'rm -f "$lab_log"' EXIT
one lab "$@" > "$lab_log" 2>&1 &
lab_job=$!
for name in lint types imports docs unit functional; do
    one "$name" "$@" || failed+=("$name")
done
wait "$lab_job" || failed+=(lab)
cat "$lab_log"
if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFailed: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nAll passed: lint types imports docs unit functional lab (%s s)\n' "$SECONDS"

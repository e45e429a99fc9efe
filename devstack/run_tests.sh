#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the test suites on this machine, installing what they need.
# Usage: sudo devstack/run_tests.sh [unit|functional|lab|lint|types|imports|docs|bench|all] [pytest arguments]
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
FLOCK_HOME=${FLOCK_HOME:-/opt/flock}
bin=$FLOCK_HOME/venv/bin
suite=${1:-all}
[ $# -gt 0 ] && shift

case $suite in
unit | functional | lab | lint | types | imports | docs | bench | all) ;;
-h | --help)
    sed -n '3,4p' "${BASH_SOURCE[0]}" | cut -c3-
    exit 0
    ;;
*)
    printf 'Unknown suite %s. Suites: unit functional lab lint types imports docs bench all\n' "$suite" >&2
    exit 2
    ;;
esac

"$here/prepare.sh" --test || exit 1
cd "$repo" || exit 1
# The checkout is tested, whatever is installed.
export PYTHONPATH=$repo PYTHONDONTWRITEBYTECODE=1 PATH=$bin:$PATH

existing() {
    local path
    for path in "$@"; do [ -d "$path" ] && printf '%s\n' "$path"; done
}
run_unit() {
    local paths
    mapfile -t paths < <(existing tests/unit tests/sim tests/store tests/wire tests/rbac tests/scenarios)
    "$bin/python" -m pytest -q "${paths[@]}" "$@"
}
# Areas mostly wait for something, so groups of them run side by side, each with services of its own; the output of one
# comes after that of the other. Areas that no group names are in the last one. A neighbour that is missing fails its
# tests here instead of skipping them.
functional_groups=("fm" "kernel kernel_http fm_raiser" "")
run_functional() {
    local group area folder status=0 number=0 named=" ${functional_groups[*]} " paths jobs=() logs
    logs=$(mktemp -d)
    for group in "${functional_groups[@]}"; do
        paths=()
        for folder in tests/functional/*/; do
            area=$(basename "$folder")
            [ "$area" = __pycache__ ] && continue
            if [ -n "$group" ]; then
                [[ " $group " == *" $area "* ]] && paths+=("$folder")
            else
                [[ "$named" == *" $area "* ]] || paths+=("$folder")
            fi
        done
        FLOCK_REQUIRE_SERVICES=1 "$bin/python" -m pytest -q "${paths[@]}" "$@" > "$logs/$number" 2>&1 &
        jobs+=($!)
        number=$((number + 1))
    done
    for number in "${!jobs[@]}"; do
        wait "${jobs[number]}"
        # 5: the arguments chose no test of this group.
        case $? in 0 | 5) ;; *) status=1 ;; esac
        printf -- '-- %s\n' "${functional_groups[number]:-all other areas}"
        cat "$logs/$number"
    done
    rm -rf "$logs"
    return $status
}
run_lab() { "$bin/python" -m pytest -q tests/lab "$@"; }
run_lint() { "$bin/ruff" check && bash -n devstack/*.sh && shellcheck -x -S warning devstack/*.sh; }
run_types() { "$bin/mypy"; }
run_imports() { "$bin/lint-imports"; }
run_docs() { "$bin/sphinx-build" -W -q -b html doc/source doc/build/html && "$bin/reno" -q lint; }
run_bench() { "$bin/python" -m tests.bench "$@"; }

# one NAME ARGUMENT...: runs one suite and says how it ended.
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

# The lab and the other suites mostly wait for something: side by side they need half the time. The lab's output is
# shown when the rest has ended.
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

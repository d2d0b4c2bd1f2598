# lib.sh - what the command line tests share. Sourced by the .t files; TAP on standard output.
#     run CMD...        runs it: status in $rc, output in the files out and err
#     is CODE TEXT      the last run ended with CODE          (shows its stderr when not)
#     out/err PATTERN   the last run printed PATTERN (extended regular expression) there;  no_err: nothing there
#     ok STATUS TEXT    a result of one's own
#     done_testing      prints the plan
# The current folder is an empty temporary one, removed at the end; $src is the folder of the sources; mixbar is in PATH.
# shellcheck shell=sh disable=SC2034
set -u
src=$(cd "${top_srcdir:-.}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
work=$(mktemp -d)
trap 'cd /; chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
PATH=$build:$PATH
MIXBAR_PATH=$src
LC_ALL=C
export PATH MIXBAR_PATH LC_ALL
unset MIXBAR_DEBUG MIXBAR_KERNEL
exp=$src/experiments
tests=0
rc=0

ok() {
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; fi
}
diag() { sed 's/^/#   /' "$@" | head -n 20; }
run() {
    rc=0
    "$@" >out 2>err || rc=$?
}
is() {
    if [ "$rc" -eq "$1" ]; then ok 0 "$2"; else ok 1 "$2"; echo "#   exit code $rc instead of $1"; diag err; fi
}
out() {
    if grep -Eq -e "$1" out; then ok 0 "${2:-prints $1}"; else ok 1 "${2:-prints $1}"; diag out; fi
}
err() {
    if grep -Eq -e "$1" err; then ok 0 "${2:-says $1}"; else ok 1 "${2:-says $1}"; diag err; fi
}
no_err() { if [ -s err ]; then ok 1 "$1"; diag err; else ok 0 "$1"; fi; }
# A refused input: exit code 3, one message with PATTERN, no answer on standard output, no crash, no new run folder.
refused() { # PATTERN TEXT CMD...
    pattern=$1 text=$2
    shift 2
    before=$(ls runs 2>/dev/null)
    run "$@"
    if [ "$rc" -eq 3 ] && grep -Eq -e "$pattern" err && grep -q '^mixbar: error: ' err && [ ! -s out ] && [ "$(ls runs 2>/dev/null)" = "$before" ]; then
        ok 0 "$text"
    else
        ok 1 "$text"
        echo "#   exit code $rc, wanted 3 and a message with: $pattern"
        [ "$(ls runs 2>/dev/null)" = "$before" ] || echo "#   a run folder was left behind"
        diag err
    fi
}
skip() { tests=$((tests + 1)); echo "ok $tests - $1 # SKIP $2"; }
done_testing() { echo "1..$tests"; }

#!/bin/sh
# options.t - verbs, options, help, version, completion: everything that comes from the option tables
. "${top_srcdir:-.}/tests/cli/lib.sh"

# --- help and version
run mixbar; is 2 "without a verb: usage"; err '^usage: mixbar VERB'
run mixbar --help; is 0 "--help"; out '^usage: mixbar VERB'; no_err "--help is silent on stderr"
run mixbar -h; is 0 "-h"
run mixbar help; is 0 "help"; out '^  run +run an experiment'; out 'exit codes: 0 done'
run mixbar --version; is 0 "--version"; out '^mixbar [0-9]+\.[0-9]+\.[0-9]+$'
for library in GSL libconfig oneDNN zlib jansson; do out "^  $library +[0-9]+\.[0-9]+" "version of $library"; done
out '^  compiler +(gcc|clang) [0-9]' "version of the compiler"
mixbar list verbs --format csv | sed 1d | cut -d, -f2 >verbs
[ "$(wc -l <verbs)" -ge 11 ]; ok $? "there are verbs"
while read -r verb; do
    run mixbar help "$verb"; is 0 "help $verb"
    cp out help
    grep -q "^usage: mixbar $verb" help && grep -q -e '--help' help; ok $? "help $verb: usage and options"
    run mixbar "$verb" --help; cmp -s out help; ok $? "$verb --help says the same"
    run mixbar "$verb" -h; cmp -s out help; ok $? "$verb -h says the same"
    awk 'length > 100 && !/^usage/ && !/^  mixbar/ { exit 1 }' help; ok $? "help $verb fits 100 columns"
done <verbs

# --- what is wrong is told, with the nearest name, and exit code 2
run mixbar rnu x.cfg; is 2 "unknown verb"; err 'unknown verb "rnu"; did you mean "mixbar run"'
run mixbar frobnicate; is 2 "unknown verb, nothing near"; err 'mixbar help'
run mixbar --frobnicate; is 2 "unknown option before the verb"
run mixbar help frobnicate; is 2 "help of an unknown verb"
run mixbar run x.cfg --thread 2; is 2 "unknown option"; err 'no option --thread; did you mean --threads'
run mixbar run x.cfg -Z; is 2 "unknown short option"; err 'no option -Z'
run mixbar run; is 2 "argument missing"; err 'too few arguments; usage: mixbar run EXP.cfg'
run mixbar run a.cfg b.cfg; is 2 "argument too many"; err '"b.cfg"'
run mixbar run x.cfg -j; is 2 "value missing"; err 'threads wants a value'
run mixbar run x.cfg -j two; is 2 "not an integer"; err 'integer from 1 to [0-9]+, not "two"'
run mixbar run x.cfg -j 0; is 2 "integer out of range"
run mixbar run x.cfg -j 99999999999999999999; is 2 "integer too large"
run mixbar run x.cfg --quiet=yes; is 2 "a flag takes no value"
run mixbar list cells --format yaml; is 2 "unknown choice"; err 'unknown value of --format "yaml"; possible: text, csv, json'
run mixbar list cells --format jsn; is 2 "near choice"; err 'did you mean "json"'
run mixbar list celss; is 2 "unknown kind"; err 'did you mean "cells"'
run mixbar show cel rram; is 2 "unknown kind of show"; err 'did you mean "cell"'
run mixbar completion tcsh; is 2 "unknown shell"
run mixbar run x.cfg --resume --force; is 2 "resume and force exclude each other"
run mixbar eval x.cfg; is 2 "eval without a plan"; err 'mixbar eval x.cfg -p plan.cfg'

# --- forms of options
for words in "list -f json cells" "list cells -fjson" "list --format=json cells" "list cells --format json" "list -qf json cells" "list -qfjson -- cells" \
    "list -q --format json -- cells"; do
    # shellcheck disable=SC2086
    run mixbar $words; [ "$rc" -eq 0 ] && grep -Eq '"name": ?"ideal"' out; ok $? "mixbar $words"
done
run mixbar list -- -f; is 2 "after -- everything is an argument"; err 'unknown kind "-f"'

# --- completion is a script that completes
run mixbar completion bash; is 0 "completion"
if command -v bash >/dev/null 2>&1; then
    cp out completion.bash
    cat >try.bash <<'END'
source ./completion.bash
compopt() { :; }
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _mixbar; printf '%s\n' "${COMPREPLY[@]}"; }
echo "verb: $(try mixbar re)"
echo "option: $(try mixbar run --res)"
echo "kind: $(try mixbar show cel)"
echo "format: $(try mixbar report x --format j | tr '\n' ' ')"
END
    bash -n completion.bash; ok $? "completion is valid bash"
    run bash try.bash; is 0 "completion runs"; out '^verb: report$'; out '^option: --resume$'; out '^kind: cell$'; out '^format: jsonl json '
else
    skip "completion completes" "no bash"
fi

# --- output that cannot be written is an error
if [ -e /dev/full ]; then
    rc=0; mixbar list >/dev/full 2>err || rc=$?; is 5 "a full disk is a system error"; err 'cannot write to standard output'
fi
mixbar list params | head -n 1 >out 2>err; no_err "a closed pipe is silent"

done_testing

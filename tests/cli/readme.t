#!/bin/sh
# readme.t - the output that README.md shows is the output of ./quickstart (when it has run in this folder: ./quickstart check does)
. "${top_srcdir:-.}/tests/cli/lib.sh"

if [ -f "$build/runs/quickstart/results.jsonl" ] && grep -q '"kind":"end"' "$build/runs/quickstart/results.jsonl"; then
    # The indented block that begins with "quickstart: ", without the two lines of places at its end.
    awk '/^    quickstart: / { on = 1 } on && /^[^ ]/ { exit } on { sub(/^    /, ""); print }' "$src/README.md" |
        sed '/^results  /d; /^plots  /d' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >shown
    run mixbar report "$build/runs/quickstart"; is 0 "the quickstart's run can be reported"
    cmp -s out shown; rc=$?
    ok $rc "README.md shows the real output (if models have changed, put the new output there)"
    [ $rc -eq 0 ] || diff shown out | sed 's/^/# /'
else
    skip "README.md shows the real output" "./quickstart has not run here"
fi
for file in $(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$src/README.md" "$src/CONTRIBUTING.md" | sed 's/.*(//; s/)//'); do
    [ -e "$src/$file" ]; ok $? "README and CONTRIBUTING point to a file that exists: $file"
done
for file in $(grep -ohE '`(src|devices|mapping|experiments|doc|tests)/[A-Za-z0-9_./-]+`' "$src"/*.md "$src"/doc/*.md | tr -d '`' | sort -u); do
    case $file in *NAME*) continue ;; esac
    [ -e "$src/$file" ] || [ -e "$src/$file.c" ]; ok $? "the texts name a file that exists: $file"
done
done_testing

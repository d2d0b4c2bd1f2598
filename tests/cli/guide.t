#!/bin/sh
# guide.t - the commands of doc/guide.md, doc/devices.md, doc/sweeps.md and README.md: every block marked ```sh is run, in order, in one folder; it must succeed and be silent about errors
. "${top_srcdir:-.}/tests/cli/lib.sh"

# The guide is meant from the top folder of the sources.
for d in experiments devices doc; do ln -s "$src/$d" $d; done
ln -s "$src/src" src        # headers for cells of users
MAKEFLAGS='' MAKELEVEL=''
unset MAKEFLAGS MAKELEVEL MFLAGS
for text in guide devices sweeps; do
    awk -v stem="$text" '/^```sh$/ { n++; file = sprintf("%s-%03d", stem, n); line = NR + 1; print "# line " line > file; next }
         /^```/ { if (file != "") close(file); file = ""; next }
         file != "" { print > file }' "$src/doc/$text.md"
    blocks=$(ls "$text"-* 2>/dev/null)
    [ -n "$blocks" ]; ok $? "$text.md has examples"
    for block in $blocks; do
        first=$(sed -n '/^#/d; /./{p;q}' "$block")
        run sh -eu "$block"
        if [ "$rc" -eq 0 ] && ! grep -q '^mixbar: error\|^mixbar: warning' err; then ok 0 "$text, $(sed -n '1s/# //p' "$block"): $first"
        else ok 1 "$text, $(sed -n '1s/# //p' "$block"): $first"; echo "#   exit code $rc"; diag err; fi
    done
done

# Verbs and options that the texts mention exist.
mixbar list verbs --format csv | sed 1d | cut -d, -f2 >verbs
grep -hoE '(^|[^a-z/_.-])mixbar [a-z]+ ' "$src/README.md" "$src/doc/guide.md" "$src/CONTRIBUTING.md" | sed -E 's/.*mixbar ([a-z]+) .*/\1/' | sort -u >named
while read -r verb; do
    grep -qx "$verb" verbs || case $verb in is|reads|simulates|answers|needs|ships|was|has|and|to|from|with|in|on|as|keeps|does|can|or|says|looks|a|the|finds|at|prints) true ;; *) false ;; esac
    ok $? "the texts speak of a verb that exists: $verb"
done <named
mixbar list options --format csv | sed 1d | cut -d, -f3 | sort -u >options
grep -hE 'mixbar [a-z]+ ' "$src/README.md" "$src/doc/guide.md" | grep -oE ' --[a-z][-a-z]*' | tr -d ' ' | sort -u >named
while read -r option; do
    grep -qx -e "$option" options || [ "$option" = --version ]; ok $? "the texts speak of an option that exists: $option"
done <named

done_testing

#!/bin/sh
# manual.t - doc/mixbar.1 names every verb and, in the paragraph of each verb, every option that the tables have; and nothing that they lack
. "${top_srcdir:-.}/tests/cli/lib.sh"
page=$src/doc/mixbar.1

mixbar list options --format csv | sed 1d >options
mixbar list verbs --format csv | sed 1d | cut -d, -f2 >verbs
[ -s options ] && [ -s verbs ]; ok $? "the tables can be listed"

# The page cut into one file per verb: from its heading to the next one.
awk '/^\.SH / { name = "" }
     /^\.B[IR]? "?[a-z]+/ && prev == ".TP" { name = $2; gsub(/"/, "", name) }
     { if (name != "") print > ("page." name); prev = $0 }' "$page"
sed -n '/^\.SH OPTIONS OF EVERY VERB/,/^\.SH EXIT/p' "$page" >'page.(all)'
sed -i 's/\\-/-/g' page.*

while read -r verb; do
    [ -s "page.$verb" ]; ok $? "the manual has a paragraph on: $verb"
done <verbs
while IFS=, read -r verb brief option argument rest; do
    grep -Eq -e "(^|[^-a-z])$option([^-a-z]|$)" "page.$verb" 2>/dev/null; ok $? "manual: $verb $option"
    [ -z "$brief" ] || { grep -Eq -e "(^|[^-a-z])$brief([^-a-z]|$)" "page.$verb"; ok $? "manual: $verb $brief"; }
done <options

# Nothing that does not exist.
for file in page.*; do
    verb=${file#page.}
    grep -Eo -e '--[a-z][-a-z]*' "$file" | sort -u >named
    while read -r option; do
        grep -q "^$verb,[^,]*,$option," options || grep -q "^(all),[^,]*,$option," options || { [ "$verb" = plot ] && [ "$option" = --format ]; }
        ok $? "manual: $verb has the option $option that is described"
    done <named
done

if command -v mandoc >/dev/null 2>&1; then
    mandoc -T lint -W error "$page" >err 2>&1; ok $? "mandoc finds no errors"; diag err
elif command -v groff >/dev/null 2>&1; then
    groff -man -Tascii -ww "$page" 2>err >/dev/null; no_err "groff finds no errors"
fi
version=$(mixbar --version | sed -n '1s/mixbar //p')
grep -q "^\.TH MIXBAR 1 .*\"mixbar $version\"" "$page"; ok $? "the manual is of version $version"

done_testing

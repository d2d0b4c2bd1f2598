#!/bin/sh
# the cost models against published silicon: limits, doc/validation.md is current, forms of the answer, wrong input
. "${top_srcdir:-.}/tests/cli/lib.sh"

run mixbar validate
is 0 "every macro is within the limits or says why not"
no_err "nothing on standard error"
for m in jia-2020 sinangil-2021 neurram-2022 colonnade-2021 hermes-2022 aimc-22nm-2021 aimc-28nm-2023 dimc-28nm-2022-15-5 dimc-28nm-2022-11-7 dimc-28nm-2023-16-3; do
    out "^$m " "lists $m"
done
# the macros with many points are within the limits without an excuse
for m in jia-2020 sinangil-2021 neurram-2022 colonnade-2021; do
    if grep "^$m " out | grep -q ' yes$'; then ok 0 "$m is within 8 % on average, 20 % at each point"; else ok 1 "$m is within the limits"; diag out; fi
done
if [ "$(grep -c 'no, explained$' out)" -eq 2 ]; then ok 0 "two single-point macros deviate and say why"; else ok 1 "two macros deviate"; diag out; fi

run mixbar validate --format csv
is 0 "all points as CSV"
awk -F, 'NR > 1 && /,TOPS(\/W)?,/ { e = $NF < 0 ? -$NF : $NF; if (e > 20 && $1 !~ /^(aimc-28nm-2023|dimc-28nm-2023-16-3)$/) { print; bad = 1 } n++ } END { exit bad || n < 130 }' out
ok $? "each of the points is within 20 %"

sh "$src/doc/validation.sh" "$src" "$build" >validation.md 2>err
ok $? "doc/validation.sh runs"
if cmp -s validation.md "$src/doc/validation.md"; then
    ok 0 "doc/validation.md is current"
else
    ok 1 "doc/validation.md is current (make validate writes it)"
    diff validation.md "$src/doc/validation.md" | diag
fi

run mixbar validate neurram-2022 --format json
is 0 "one macro as JSON"
[ "$(grep -c '"figure"' out)" -ge 28 ] && [ "$(grep -c '"quantity"' out)" -eq 27 ] && grep -q '^  "macros": \[' out
ok $? "JSON holds macros, points and parts"
run mixbar validate jia-2020 --point 2
is 0 "one point in full"
out 'adc: convert .*256 .*3\.56.* pJ .*0\.275 .*survey' "every part is count x unit cost with factor and source"
run mixbar validate jia-2020 -s adc_energy_factor=1
is 1 "without its factor Jia's macro misses the limits: the answer is no"
out 'within +no$' "and says so"
run mixbar show macro neurram-2022
is 0 "show macro"
out '^decide_s ' "prints the keys"
run mixbar list macros
out 'kind of macro +adder-tree' "list macros: kinds"
out 'macro +neurram-2022' "list macros: macros"

refused 'no preset "neuram' "an unknown macro" mixbar validate neuram-2022
refused 'unknown key "adc_bit"' "an unknown key" mixbar validate jia-2020 -s adc_bit=3
refused 'unknown kind of macro' "an unknown kind" mixbar validate jia-2020 -s kind=chrge
refused 'is not below supply_V' "a threshold above the supply" mixbar validate jia-2020 -s threshold_V=1
run mixbar validate jia-2020 --point 99
is 2 "a point that is not there"
err '1 to 5' "names the points there are"
run mixbar validate -s rows=3
is 2 "a setting without a macro"

done_testing

#!/bin/sh
# fit.t - mixbar fit and mixbar sample: the commands of doc/fit.md, what the preset says, formats, pictures, data that cannot be used
. "${top_srcdir:-.}/tests/cli/lib.sh"

# --- the tutorial, in the top folder of the sources
for d in experiments devices doc; do ln -s "$src/$d" $d; done
awk '/^```sh$/ { n++; file = sprintf("block-%03d", n); next } /^```/ { file = ""; next } file != "" { print > file }' "$src/doc/fit.md"
[ -s block-003 ]; ok $? "the tutorial has three commands"
for block in block-*; do
    run sh -eu "$block"
    is 0 "tutorial: $(head -n 1 "$block")"
    ! grep -q '^mixbar: error' err; ok $? "tutorial: no error"
done

# --- the preset: runs, and says where each number comes from
run mixbar show cell oxide.cfg; is 0 "the preset is a cell"; out '^cell +generic'
awk -F' = ' '/^[a-z_A-Z0-9]+ = / && $1 != "cell" && $1 !~ /_unit_S$/ && !/# .*, [0-9]+ points$/ { print; bad = 1 } END { exit bad }' oxide.cfg
ok $? "every fitted number has its file and points"
grep -q '^prog_sigma = \[ 0\.0[01][0-9]*, 0\.0[23][0-9]* \]; #.*+- .*oxide-pairs.csv' oxide.cfg; ok $? "programming error with uncertainty and file"
grep -q '^drift_nu = \[ 0\.03[0-9]* \]; #.*+- .*oxide-series.csv, 48 points' oxide.cfg; ok $? "drift with uncertainty and file"
grep -q '^iv_coeff = \[ 0\.0, 0\.2[45][0-9]* \]; #.*oxide-current.csv' oxide.cfg; ok $? "current"
run mixbar fit cell oxide doc/examples/oxide-*.csv --format json; is 0 "fit as JSON"
if command -v jq >/dev/null 2>&1; then
    jq -e '.data | length == 3' out >/dev/null && jq -e '[.parameters[] | select(.key == "drift_nu")][0].uncertainty > 0' out >/dev/null; ok $? "valid JSON with uncertainties"
    jq -e '(.levels | length == 10) and (.ageing | length == 4) and (.histograms | length == 240) and (.worst_overlap >= 0)' oxide.json >/dev/null
    ok $? "sample: valid JSON"
else
    skip "valid JSON" "no jq"
fi
run mixbar fit cell oxide doc/examples/oxide-pairs.csv -s area_F2=12 -s prog_sigma='[0.5]' -o set.cfg; is 0 "values of the command line"
grep -q '^prog_sigma = \[ *0.5 *\]; # given on the command line' set.cfg && grep -q '^area_F2 = 12.*command line' set.cfg; ok $? "they win over fitted ones"
run mixbar fit cell x doc/examples/oxide-series.csv --base rram-milo -o base.cfg; is 0 "a fit that begins with a preset"
grep -q '# .*rram-milo.cfg:[0-9]' base.cfg; ok $? "what was not measured names its file and line"
grep -q '^arg_unit_S = 1e-06;' base.cfg; ok $? "in the units of the preset"
run mixbar sample cell base.cfg --cells 100; is 0 "it runs"
run mixbar fit cell oxide doc/examples/oxide-pairs.csv --model table -o table.cfg; is 0 "the distribution as a table"
run mixbar sample cell table.cfg --cells 200; is 0 "it runs, too"
run mixbar fit cell oxide doc/examples/oxide-pairs.csv --criterion bic --outliers 0; is 0 "BIC, all points"; out ' 0$'; err 'nothing is written'

# --- sampling
run mixbar sample cell ideal -s levels=4 --cells 50; is 0 "sample of an ideal cell"; no_err "no warnings"; out '^bits +exact; 2.00 of information'
run mixbar sample cell rram -s levels=64 --cells 200; is 0 "levels that overlap"; err 'warning: .*bit error rate'
mixbar sample cell rram --seed 5 >a && mixbar sample cell rram --seed 5 >b && cmp -s a b; ok $? "the same seed, the same text"
mixbar sample cell rram --seed 6 >b; ! cmp -s a b; ok $? "another seed, another draw"
run mixbar sample cell rram --format csv; is 0 "sample as CSV"; out '^level,target \[S\]'
run mixbar sample cell rram --plot p.gp --cells 100; is 0 "the script of the picture"; grep -q 'set multiplot' p.gp; ok $? "it is one"
run mixbar fit cell oxide doc/examples/oxide-*.csv --plot f.gp; is 0 "the script of the fit's picture"
if command -v gnuplot >/dev/null 2>&1; then
    for f in p.gp f.gp; do LC_ALL=C.UTF-8 gnuplot $f >err 2>&1; no_err "gnuplot takes $f without a word"; done
    run mixbar sample cell rram --plot p.png --cells 100; is 0 "a picture"; [ -s p.png ] && [ ! -e .p.png.gp ]; ok $? "nothing beside it"
else
    skip "pictures" "no gnuplot"
fi

# --- what cannot be used: exit code 3, the place, nothing written
bad() { # PATTERN TEXT LINES
    printf "$3" >bad.csv
    refused "$1" "$2" mixbar fit cell x bad.csv -o bad.cfg --plot bad.gp
    [ ! -e bad.cfg ] && [ ! -e bad.gp ]; ok $? "nothing is written: $2"
}
bad 'bad.csv:1: column "target" has no unit' "units missing" 'target,measured\n1,2\n'
bad 'bad.csv:1: the columns \(a_uS, b\) lack' "wrong columns" 'a_uS,b\n1,2\n'
bad 'bad.csv:2: 3 pairs .* fewer than the parameters' "too few points" 'target_uS,measured_uS\n1,2\n2,3\n5,5\n'
bad 'bad.csv:3: .*negative conductance' "negative conductance" 'target_uS,measured_uS\n1,1\n2,-1\n'
bad 'Gmin = .* not below Gmax' "one conductance only" 'target_uS,measured_uS\n3,3\n3,3.1\n3,2.9\n3,3.05\n3,3.2\n'
bad 'bad.csv:2: .*not a finite number' "not finite" 'target_uS,measured_uS\n1,inf\n'
bad 'bad.csv:2: a quoted field .* has no end' "open quote" 'target_uS,measured_uS\n1,"2\n3,3\n'
bad 'bad.csv:1: byte 0x00' "binary" 'a\000b\n'
bad 'no header' "empty" ''
cp doc/examples/oxide-pairs.csv good.csv
refused 'did you mean "prog_sigma"' "an unknown key" mixbar fit cell x good.csv -s prog_sigmma=1 -o bad.cfg
refused 'is a cell of type' "another type of cell" mixbar fit cell x good.csv --base ideal -o bad.cfg
refused 'g_min_S = .* is not below g_max_S' "g_min_S above g_max_S" mixbar fit cell x good.csv -s g_min_S=2e-3 -s g_max_S=1e-3 -o bad.cfg
refused 'missing.csv' "a missing file" mixbar fit cell x missing.csv -o bad.cfg
refused 'ends in .svg' "a picture of unknown kind" mixbar fit cell x good.csv --plot x.bmp
refused 'not a time' "times" mixbar sample cell rram --times 1,soon
[ ! -e bad.cfg ]; ok $? "nothing is written"
run mixbar fit cell x good.csv -o preset.txt; is 2 "a preset ends in .cfg"
run mixbar fit adc x good.csv; is 2 "only cells"; err 'unknown kind "adc"'
run mixbar sample cell rram --read-time 0; is 2 "a read takes time"

done_testing

#!/bin/sh
# baselines.t - every preset on a large network; equal area and equal capacity; batch; precision; a baseline of one's own
. "${top_srcdir:-.}/tests/cli/lib.sh"

sed 's|networks/resnet18.csv|'"$exp"'/networks/resnet18.csv|; /^sweep/,$d; /^against/d' "$exp/large-networks.cfg" >base.cfg
names=$(cd "$exp/baselines" && ls *.cfg | sed 's/\.cfg$//')
list=$(for n in $names; do printf '"%s",' "$n"; done | sed 's/,$//')
{ cat base.cfg; echo "against = ( $list );"; } >all.cfg
run mixbar cost all.cfg --format json; is 0 "all presets on ResNet-18"; no_err "without a word"
if command -v jq >/dev/null 2>&1; then
    jq -e '.points[0].baselines | length >= 11' out >/dev/null; ok $? "all of them"
    # Leaves: count x unit cost, and children sum to the parent. 1 part in 1e12: the order of adding.
    jq -e 'def close($a; $b): (($a - $b) | fabs) <= 1e-12 * ($b | fabs);
        [.points[0].baselines[].tree | .. | objects | select(.children) | close([.children[].total.energy_J] | add; .total.energy_J)] | all' out >/dev/null
    ok $? "children sum to their parent"
    jq -e 'def close($a; $b): (($a - $b) | fabs) <= 1e-12 * ($b | fabs);
        [.points[0].baselines[].tree | .. | objects | select(.component) | close(.count * .each.energy_J; .total.energy_J) and (.source | length > 0)] | all' out >/dev/null
    ok $? "each leaf is count x unit cost, with a source"
    area=$(jq '.points[0].tree.total.area_m2' out)
    jq -e --argjson a "$area" '[.points[0].baselines[] | .iso_area.area_m2 | select(. != null) | . <= $a and . > 0.9 * $a] | length >= 9 and all' out >/dev/null
    ok $? "at equal area: not larger than the crossbar machine, and near it"
    jq -e '[.points[0].baselines[] | .weight_capacity_bits] | unique | length == 1 and .[0] >= 8 * 11678912' out >/dev/null
    ok $? "at equal capacity: that of the arrays, which hold the network"
    # 8-bit weights fit into what the arrays hold; padded to 16 bits they do not.
    jq -e '.points[0].baselines | map({key: .name, value: .}) | from_entries | .["tpu-v1"].iso_capacity.energy_J < 1.2 * .["tpu-v1"].total.energy_J
        and .eyeriss.iso_capacity.energy_J > 1.2 * .eyeriss.total.energy_J' out >/dev/null
    ok $? "at equal capacity: padding costs"
else skip "trees and comparisons" "no jq"; fi
run mixbar cost all.cfg --summary; is 0 "as text"; out '^northpole at equal area '; out '^gpu-v100 at equal capacity '

# Batches share weights that come from outside.
for n in 1 8; do mixbar cost base.cfg --summary -s 'against=("tpu-v1-28nm")' -s arch.batch=$n >b$n; done
awk '$1 == "tpu-v1-28nm" && $2 != "at" { e[FILENAME] = $2 * ($3 == "mJ" ? 1000 : 1) } END { exit !(e["b1"] > 0 && e["b8"] > 0 && e["b8"] < 0.8 * e["b1"]) }' b1 b8
ok $? "a batch shares the weights"

# A chip of one's own needs a file, no code.
cat >mine.cfg <<'END'
preset = "northpole";
cores = 16;
name = "sixteen cores";
END
run mixbar cost base.cfg --summary -s 'against=("mine.cfg")'; is 0 "a baseline of one's own"; out '^sixteen cores '
run mixbar show baseline mine.cfg; is 0 "show it"; out '^cores .* 16 +line 2'
refused 'did you mean "nearmem"' "an unknown kind, with the nearest" mixbar check base.cfg -s 'against=({kind="nearmen";})'
refused 'no parameter|unknown|no key|is not known|not used' "an unknown key" mixbar check base.cfg -s 'against=({kind="nearmem"; coers=3;})'

# A run: text, CSV and JSON carry both comparisons, and they read back.
. "$src/tests/cli/small.sh"
write_small small.cfg
run mixbar run small.cfg -q; is 0 "run"
run mixbar report runs/small; is 0 "report"; out '^ *0 +systolic-32x32 +area '; out '^ *1 +systolic-32x32 +capacity '; out 'Baselines at equal area'
run mixbar report runs/small --format csv; is 0 "report as CSV"
head -n 1 out | grep -q 'systolic-32x32.iso_area.energy_J,.*systolic-32x32.iso_capacity.weight_bits'; ok $? "columns of both comparisons"
run mixbar report runs/small --format json; is 0 "report as JSON"
mixbar report runs/small --format jsonl >read
if command -v jq >/dev/null 2>&1; then
    jq -s -e 'map(select(.kind == "point") | .baselines[] | .iso_area.scale > 0 and .iso_capacity.weight_bits > 0) | length == 2 and all' read >/dev/null; ok $? "both comparisons read back"
else skip "both comparisons read back" "no jq"; fi
# Results of an older version have neither.
sed 's/"iso_area":{[^}]*},"iso_capacity":{[^}]*},//' runs/small/results.jsonl >old.jsonl
grep -q iso_ old.jsonl; [ $? -ne 0 ]; ok $? "old results lack both"
done_testing

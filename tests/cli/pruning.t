#!/bin/sh
# pruning.t - fewer channels as a user meets them: run, plans that replay, show, map with groups and arrays, what cannot be
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/cli/small.sh
. "$src/tests/cli/small.sh"

write_small all.cfg
sed '/^sweep/d; /^against/d' all.cfg | sed 's/^map = .*/map = { policy = "uniform"; weight_bits = 6; cell_bits = 2; adc_bits = 8; keep = { samples = 16; }; };/' >prune.cfg
energy() { sed -n 's/.*"energy_J": *\([0-9.e-]*\).*/\1/p' "$1" | head -n 1; }

run mixbar run prune.cfg -o whole; is 0 "all channels"
run mixbar run prune.cfg -s map.keep.outputs=0.75 -o less -j 1; is 0 "three quarters of the channels"
grep -q 'keep_outputs = 12;' less/plan-0000.cfg; ok $? "the plan says how many"
grep -q keep_ whole/plan-0000.cfg; [ $? -eq 1 ]; ok $? "a plan that keeps all says nothing"
run mixbar run prune.cfg -s map.keep.outputs=0.75 -o again -j 2; cmp -s less/results.jsonl again/results.jsonl; ok $? "the same bytes with two threads"
run mixbar cost prune.cfg --format json; cp out whole.json
run mixbar cost prune.cfg -p less/plan-0000.cfg --format json; is 0 "the plan is costed"; cp out less.json
awk "BEGIN { exit !($(energy less.json) < 0.8 * $(energy whole.json)) }"; ok $? "fewer channels need less energy"
run mixbar eval prune.cfg -p less/plan-0000.cfg --format json; is 0 "the plan replays"
a=$(grep -o '"accuracy":[0-9.]*' out | head -n 1)
b=$(grep -o '"accuracy":[0-9.]*' less/results.jsonl | tail -n 1)
[ -n "$a" ] && [ "$a" = "$b" ]; ok $? "with the same accuracy ($a, $b)"
run mixbar show plan less/plan-0000.cfg; is 0 "show plan"; out 'skip_slices +keep_outputs$'; out '^conv1.* 12$'
run mixbar show plan whole/plan-0000.cfg; ! grep -q keep_outputs out; ok $? "a plan that keeps all has no such columns"
run mixbar check prune.cfg -s map.keep.outputs=0.5; is 0 "check"

run mixbar map prune.cfg -s 'map.keep.outputs="arrays"' -s map.policy=mixbar -s map.candidates=1 -s map.uniform=1 -s map.refine=0 -s map.budget.arrays=20 -s map.sensitivity=error -o small.cfg
is 0 "mixbar drops channels to meet a budget of arrays"
grep -q 'keep_outputs = ' small.cfg; ok $? "its plan keeps fewer"
run mixbar cost prune.cfg -p small.cfg; n=$(sed -n 's/^arrays *//p' out); awk "BEGIN { exit !(\"$n\" + 0 > 0 && \"$n\" + 0 <= 20) }"; ok $? "and needs at most 20 arrays ($n)"
run mixbar map prune.cfg -s map.policy=eagl -s 'map.keep.outputs=[1.0,0.5]'; is 3 "a sensitivity that does not know channels"; err 'does not know what that costs'
run mixbar modes prune.cfg -p less/plan-0000.cfg -k 1 -s trials=1 -s samples=16 -o modes.cfg; is 0 "modes of a plan that keeps fewer"
grep -q 'keep_outputs = 12;' modes.cfg && grep -q '^modes' modes.cfg; ok $? "are added to that plan"
run mixbar map prune.cfg -s 'map.keep={outputs=0.5;}' -s network="$exp/networks/resnet18.csv"; is 0 "a table of shapes"

sed 's/keep_outputs = 12;/keep_outputs = 99;/' less/plan-0000.cfg >bad.cfg
run mixbar eval prune.cfg -p bad.cfg; is 3 "more than there are"; err 'layer conv1: keep_outputs = 99, but it has 16 output channels'
run mixbar run prune.cfg -s 'map.last={keep_outputs=4;}' -o no; is 3 "outputs of the network"; err 'all its 10 output channels must be kept: it is the output of the network'
run mixbar run prune.cfg -s map.keep_outputs=4 -o no; is 3 "a number for all layers"; err 'a number of channels of one layer'
run mixbar run prune.cfg -s map.keep.outputs=2 -o no; is 3 "no fraction"; err 'must be a fraction above 0'
done_testing

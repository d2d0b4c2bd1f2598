#!/bin/sh
# explain.t - run --explain: the table, JSON, explain.jsonl, threads, finished and stopped runs, plots; infeasible points; calibration samples that are scored
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
valid() { if command -v jq >/dev/null 2>&1; then jq -e . "$1" >/dev/null; ok $? "$2: valid JSON"; else skip "$2: valid JSON" "no jq"; fi; }

write_small small.cfg
sed -i 's/^samples = 64/samples = 32/; s/samples = 32; };/samples = 16; };/; s/^trials = 2/trials = 1/' small.cfg

# --- explained while it runs
run mixbar run small.cfg --explain -j 1 --no-plots; is 0 "run --explain"
out '^Where accuracy goes, point 0: weight_bits=8 \(32 samples, 1 draw\)$'; out '^Where accuracy goes, point 1: '
out '^none: float network +[0-9.]+$'
for name in 'input quantisation' 'weight quantisation' programming 'read noise' converter; do out "^$name +[0-9.]+ +-?[0-9.]+ +-?[0-9.]+\\.\\.-?[0-9.]+ +[0-9.]+ +-?[0-9.]+ +-?[0-9.]+\\.\\.-?[0-9.]+$" "tells $name"; done
out '^all together +[0-9.]+ '; out '^conv1 +[0-9a-z.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+$' "SNR of the first layer at five stages, clipping, range used"
[ "$(wc -l <runs/small/explain.jsonl)" -eq 3 ]; ok $? "explain.jsonl: a schema and two points"
cp runs/small/explain.jsonl one
cp out table
run mixbar report runs/small; is 0 "report"; sed '/^$/,$d' out >/dev/null
sed '/^results /d' table | sed '$d' >want; cmp -s out want; ok $? "report shows the explanation again"
run mixbar report runs/small --format json; valid out "report"
if command -v jq >/dev/null 2>&1; then
    jq -e '.points[0].explain as $e | ([$e.items[].lost] | add) as $sum | ($e.float_accuracy - $e.accuracy - $sum) | fabs < 1e-9' out >/dev/null; ok $? "what is lost adds up"
    jq -e '.points[1] | .explain.accuracy == .accuracy and (.explain.layers | length) == (.layers | length)' out >/dev/null; ok $? "all non-idealities together are the run"
    jq -e '.points[1].explain.layers[0] | .conversions == ([.codes[]] | add) and .conversions > 0' out >/dev/null; ok $? "codes are counted"
else
    skip "numbers" "no jq"
fi

# --- law 2, and explanations of finished and stopped runs
run mixbar run small.cfg -j 3 -o runs/later --no-plots -q; is 0 "run without"
[ ! -e runs/later/explain.jsonl ]; ok $? "nothing is explained without being asked"
cmp -s runs/small/results.jsonl runs/later/results.jsonl; ok $? "the results do not depend on --explain"
run mixbar run small.cfg -j 3 -o runs/later --resume --explain-point 1 --no-plots -q; is 0 "a finished run: explain one point"
[ "$(wc -l <runs/later/explain.jsonl)" -eq 2 ]; ok $? "one point is explained"
run mixbar run small.cfg -j 2 -o runs/later --resume --explain --no-plots -q; is 0 "and then the other"
cmp -s one runs/later/explain.jsonl; ok $? "the same bytes for 1, 2, 3 threads and in any order"
run mixbar run small.cfg -o runs/later --resume --explain-layers --explain-point 1 --no-plots -q; is 0 "--explain-layers"
out '^with all up to .* recovered +95 % interval|recovered +95 % interval$' "the layers' table has what a layer costs"
cp runs/later/explain.jsonl layers
run mixbar run small.cfg -o runs/later --resume --explain --no-plots -q; cmp -s layers runs/later/explain.jsonl; ok $? "what is known better is kept"
run mixbar run small.cfg -o runs/later --explain-point 7 --resume; is 3 "there is no such point"; err 'points are 0..1'
run mixbar run small.cfg --explain-point x; is 2 "not a number"
cp -r runs/small runs/damaged
sed -i '2s/accuracy":0/accuracy":1/' runs/damaged/explain.jsonl
refused 'explain.jsonl:2: the line is damaged' "a damaged explanation is told" mixbar report runs/damaged
run mixbar run small.cfg -o runs/later --force --no-plots -q; [ "$rc" -eq 0 ] && [ ! -e runs/later/explain.jsonl ]; ok $? "--force drops the explanations with the results"

# --- plots
if command -v gnuplot >/dev/null 2>&1; then
    run mixbar plot runs/small; is 0 "plot"
    for name in explain-costs explain-snr explain-codes; do [ -s "runs/small/plots/$name.svg" ]; ok $? "plot draws $name"; done
fi
refused 'no point is explained' "a run without explanations has no such plot" mixbar plot runs/later explain-snr -f gp

# --- infeasible points
sed 's/key = "map.weight_bits"; values = \[ 8, 4 \];/key = "map.budget.area_m2"; values = [ 1.0, 1e-9, 0.5 ];/' small.cfg >tight.cfg
run mixbar run tight.cfg -o runs/tight --no-plots; is 0 "a sweep with an infeasible point"; err 'point 1 .* is infeasible'
out '^Point 1 is infeasible: '; out '^ *1 .* infeasible '
[ "$(grep -c '"status":"done"' runs/tight/results.jsonl)" -eq 2 ] && [ "$(grep -c '"status":"infeasible"' runs/tight/results.jsonl)" -eq 1 ]; ok $? "two points are done, one is infeasible"
[ -e runs/tight/plan-0002.cfg ] && [ ! -e runs/tight/plan-0001.cfg ]; ok $? "an infeasible point has no plan"
cp runs/tight/results.jsonl before
run mixbar run tight.cfg -o runs/tight --resume --no-plots -q; is 0 "resumed"; cmp -s before runs/tight/results.jsonl; ok $? "nothing is asked again"
run mixbar report runs/tight --format csv; [ "$(grep -c ',infeasible,' out)" -eq 1 ]; ok $? "CSV has the status"
run mixbar report runs/tight --detail; is 0 "report --detail of it"
run mixbar plot runs/tight -f gp; is 0 "plots leave it out"
sed '/^sweep/d; s/policy = "uniform";/policy = "uniform"; budget = { area_m2 = 1e-9; };/' small.cfg >never.cfg
run mixbar run never.cfg -o runs/tight --force --no-plots; is 4 "nothing is feasible"
cmp -s before runs/tight/results.jsonl; ok $? "--force keeps old results where no new point succeeds"
run mixbar run never.cfg -o runs/never --no-plots; is 4 "nothing is feasible in a new folder"
[ ! -e runs/never ] || grep -q '"status":"infeasible"' runs/never/results.jsonl; ok $? "no empty folder"

# --- calibration samples among the scored ones
sed '/^calibration/s/dataset = "fashion-mnist-train"; //' small.cfg >same.cfg
run mixbar run same.cfg -o runs/same --no-plots -q; is 0 "calibration on the test set"
[ "$(grep -c 'calibration samples are among the 32 scored ones' err)" -eq 1 ]; ok $? "is told once"
grep -q 'among the' runs/same/results.jsonl; [ $? -ne 0 ]; ok $? "and not in the results"
done_testing

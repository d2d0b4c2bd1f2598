#!/bin/sh
# run.t - run and what it leaves behind, report, plot, map, eval, cost: files, formats, and that the verbs agree with each other
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
valid() { if command -v jq >/dev/null 2>&1; then jq -e . "$1" >/dev/null; ok $? "$2: valid JSON"; else skip "$2: valid JSON" "no jq"; fi; }
# number NAME FILE: the first "NAME":VALUE in a JSON text
number() { grep -oE "\"$1\": *[-+0-9.eE]+" "$2" | head -n 1 | sed 's/.*: *//'; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; s = a < 0 ? -a : a; exit !(a != "" && b != "" && d <= 1e-9 * s) }'; }

write_small small.cfg

# --- check
run mixbar check small.cfg; is 0 "check"; out '^n_points +2$'; out '^ +1 +weight_bits=4 +4 +[0-9a-f]{16}$'; no_err "check is silent"
[ ! -e runs ]; ok $? "check runs nothing"
run mixbar check small.cfg --format json; valid out check

# --- run
run mixbar run small.cfg -j 2; is 0 "run"
cp out table
out 'weight_bits=8|8' "the table names the points"
out '^results +runs/small/results.jsonl$'; err '^point 1/2 +weight_bits=8: accuracy [0-9.]+ %'; err '^point 2/2 '
grep -q "$(printf '\r')" err; [ $? -ne 0 ]; ok $? "no bar when stderr is not a terminal"
for file in used.cfg manifest.json results.jsonl plan-0000.cfg plan-0001.cfg; do [ -s runs/small/$file ]; ok $? "the run folder holds $file"; done
valid runs/small/manifest.json manifest
[ "$(wc -l <runs/small/results.jsonl)" -eq 8 ]; ok $? "results: schema, two points of two trials and a summary each, end"
head -n 1 runs/small/results.jsonl | grep -q '"unit"'; ok $? "results begin with the schema"
grep -q 'fsync\|hostname\|"time"' runs/small/results.jsonl; [ $? -ne 0 ]; ok $? "results hold nothing that varies"
[ -z "$(find runs -name '*.tmp*' -o -name '*.new')" ]; ok $? "no temporary files are left"
if command -v gnuplot >/dev/null 2>&1; then
    out '^plots +runs/small/plots/'
    [ -s runs/small/plots/accuracy-energy.svg ]; ok $? "plots are drawn"
else
    skip "plots" "no gnuplot"
fi

# used.cfg repeats the run, from anywhere
mkdir elsewhere
(cd elsewhere && mixbar run ../runs/small/used.cfg -o again -q --no-plots >/dev/null 2>../err); ok $? "used.cfg runs"; diag err
cmp -s runs/small/results.jsonl elsewhere/again/results.jsonl; ok $? "used.cfg gives the same bytes"
[ ! -e elsewhere/again/plots ]; ok $? "--no-plots draws nothing"

# --- an existing run
cp runs/small/results.jsonl before
run mixbar run small.cfg; [ "$rc" -eq 3 ] && grep -q -e '--resume' err && cmp -s before runs/small/results.jsonl; ok $? "an existing run is not touched without being asked"; diag err
run mixbar run small.cfg --resume --no-plots; is 0 "--resume of a finished run"
cmp -s before runs/small/results.jsonl; ok $? "nothing is computed again"
sed '/^plots/d' table >table.noplots; cmp -s out table.noplots; ok $? "the table is printed again"
run mixbar run small.cfg --resume -s trials=3; [ "$rc" -eq 3 ] && cmp -s before runs/small/results.jsonl; ok $? "--resume of another experiment is refused"; diag err
run mixbar run small.cfg --force -s trials=1 -q --no-plots; is 0 "--force starts over"; no_err "-q is silent"
[ "$(grep -c '"trial"' runs/small/results.jsonl)" -lt "$(grep -c '"trial"' before)" ]; ok $? "--force replaces the results"
run mixbar run small.cfg --force -s map.adc_bits=99; [ "$rc" -eq 3 ] && [ -s runs/small/results.jsonl ]; ok $? "--force with a bad experiment keeps the old results"
run mixbar run small.cfg --force -q -f json --no-plots; is 0 "run --format json"; valid out "run --format json"

# --- progress on a terminal
if command -v script >/dev/null 2>&1 && script -qec true /dev/null >/dev/null 2>&1; then
    TERM=xterm script -qec "mixbar run small.cfg -o runs/tty --no-plots" /dev/null >tty.out 2>&1 </dev/null
    grep -q 'point 2/2 ' tty.out && grep -q "$(printf '\r')" tty.out && grep -q ' samples/s' tty.out; ok $? "a bar on a terminal"
    grep -q "$(printf '\033')\[32m" tty.out; ok $? "in colour"
    NO_COLOR=1 TERM=xterm script -qec "mixbar run small.cfg -o runs/tty --force --no-plots" /dev/null >tty.out 2>&1 </dev/null
    grep -q ' samples/s' tty.out && ! grep -q "$(printf '\033')\[32m" tty.out; ok $? "NO_COLOR is obeyed"
else
    skip "a bar on a terminal" "no script"
fi

# --- report
run mixbar report runs/small; is 0 "report"
run mixbar report runs/small/results.jsonl; is 0 "report of results.jsonl"
run mixbar report runs/small --detail; is 0 "report --detail"; out 'adc' "detail: components"
[ "$(wc -l <out)" -gt 30 ]; ok $? "detail: layers and components of two points"
run mixbar report runs/small --format csv; is 0 "report --format csv"
[ "$(wc -l <out)" -eq 3 ]; ok $? "csv: a header and one line per point"
head -n 1 out | grep -q 'energy_J'; ok $? "csv: columns have names"
run mixbar report runs/small --format jsonl; is 0 "report --format jsonl"; [ "$(wc -l <out)" -eq 2 ]; ok $? "jsonl: one line per point"
cp out points.jsonl
run mixbar report runs/small --format json; is 0 "report --format json"; valid out "report --format json"
cp -r runs/small damaged
sed -i '3s/1/2/' damaged/results.jsonl
refused 'results.jsonl:3' "report: a damaged line is told with its number" mixbar report damaged

# --- plot
if command -v gnuplot >/dev/null 2>&1; then
    mixbar run small.cfg -o runs/plots -q --no-plots >/dev/null
    run mixbar plot runs/plots; is 0 "plot"
    while read -r file; do [ -s "$file" ] || [ -s "runs/plots/plots/$file" ]; ok $? "plot wrote $(basename "$file")"; done <out
    for format in png pdf; do
        run mixbar plot runs/plots energy-components -f $format; is 0 "plot -f $format"
        [ -s runs/plots/plots/energy-components.$format ]; ok $? "energy-components.$format is there"
    done
    run mixbar plot runs/plots nosuchplot; is 2 "plot: unknown name"
    cp runs/plots/plots/energy-components.gp a.gp
    mixbar plot runs/plots energy-components -f svg >/dev/null; cp runs/plots/plots/energy-components.svg a.svg
    mixbar plot runs/plots energy-components -f svg >/dev/null; cmp -s a.svg runs/plots/plots/energy-components.svg; ok $? "a plot is the same bytes again"
fi
mkdir nogp
ln -s "$(command -v mixbar)" nogp/mixbar
run env PATH="$work/nogp" mixbar plot runs/small; is 5 "plot without gnuplot"; err 'gnuplot'
run env PATH="$work/nogp" mixbar plot runs/small -f gp; is 0 "plot -f gp needs no gnuplot"
run env PATH="$work/nogp" mixbar run small.cfg -o runs/nogp; is 0 "run without gnuplot"; err 'note: gnuplot was not found'

# --- map, eval: the plan of the policy replayed gives what the run gave
run mixbar map small.cfg; is 0 "map"; out 'weight_bits'
run mixbar map small.cfg --format json; valid out map
run mixbar map small.cfg --point 1 -o plan.cfg; is 0 "map -o"; err 'note: the plan is in plan.cfg'
cp plan.cfg before.cfg; echo "# edited" >>plan.cfg; cp plan.cfg edited.cfg
refused 'plan.cfg: exists; --force replaces it' "map -o does not replace a plan" mixbar map small.cfg --point 1 -o plan.cfg
cmp -s plan.cfg edited.cfg; ok $? "which stays as it is"
run mixbar map small.cfg --point 1 -o plan.cfg --force; is 0 "map -o --force"
cmp -s plan.cfg before.cfg; ok $? "replaces it"
cmp -s plan.cfg runs/small/plan-0001.cfg; ok $? "map writes the plan that the run used"
run mixbar show plan plan.cfg; is 0 "show plan"; out ' 4 '
mixbar run small.cfg --force -q --no-plots >/dev/null; mixbar report runs/small -f jsonl | sed -n 2p >point
run mixbar eval small.cfg --point 1 -p plan.cfg --format jsonl; is 0 "eval"; err '^point 1/1 '
for name in accuracy quantised_accuracy float_accuracy energy_J latency_s area_m2; do
    a=$(number "$name" out) b=$(number "$name" point)
    [ -n "$a" ] && [ "$a" = "$b" ]; ok $? "eval of the plan is the run: $name = $a"
done
sed 's/weight_bits = 4/weight_bits = 8/' plan.cfg >plan8.cfg
run mixbar eval small.cfg --point 1 -p plan8.cfg --format jsonl; a=$(number energy_J out)
mixbar report runs/small -f jsonl | sed -n 1p >point; near "$a" "$(number energy_J point)"; ok $? "an edited plan is another plan"

# --- cost
run mixbar cost small.cfg --point 0; is 0 "cost"; out '^by component$'; out '^by layer$'; out '^\[1\]' "sources are told"; out 'systolic-32x32'
run mixbar cost small.cfg --summary; is 0 "cost --summary"
run mixbar cost small.cfg --point 0 --format json; is 0 "cost --format json"; valid out cost
cp out cost.json
run mixbar cost small.cfg --point 0 --format csv; is 0 "cost --format csv"
# columns from the right, because labels and sources may hold commas: unit ... factor, source
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "energy [J]") e = i; if ($i == "area [m2]") a = i; if ($i == "latency [s]") l = i } next }
         { energy += $e; area += $a; latency += $l } END { printf "energy=%.17g\narea=%.17g\nlatency=%.17g\n", energy, area, latency }' out >sums
. ./sums
near "$energy" "$(number energy_J cost.json)"; ok $? "the leaves' energies sum to the total"
near "$area" "$(number area_m2 cost.json)"; ok $? "the leaves' areas sum to the total"
near "$latency" "$(number latency_s cost.json)"; ok $? "the leaves' latencies sum to the total"
near "$(number area_m2 cost.json)" "$(number area_m2 point)"; ok $? "cost and run build the same chip"
run mixbar cost small.cfg -p plan.cfg --point 0 -f json; near "$(number area_m2 out)" "$(number area_m2 cost.json)"; [ $? -ne 0 ]; ok $? "cost of another plan"
sed '/^dataset/d; /^calibration/d' small.cfg >nodata.cfg
run mixbar cost nodata.cfg --point 0; is 0 "cost needs no data"
refused 'dataset' "run does" mixbar run nodata.cfg

done_testing

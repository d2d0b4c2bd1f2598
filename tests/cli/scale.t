#!/bin/sh
# scale.t - sweeps on threads, shards and ranks give the bytes of one thread; draws until the interval is narrow; costs alone; progress for programs
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
valid() { if command -v jq >/dev/null 2>&1; then jq -e . "$1" >/dev/null; ok $? "$2: valid JSON"; else skip "$2: valid JSON" "no jq"; fi; }
same() { cmp -s "one/results.jsonl" "$1/results.jsonl"; ok $? "$2"; }
count() { grep -c "\"kind\":\"$1\"" "$2/results.jsonl"; }
# field NAME POINT DIR: a number of a point's summary
field() { grep "\"kind\":\"point\",\"index\":$2," "$3/results.jsonl" | grep -oE "\"$1\":[-+0-9.eE]+" | head -n 1 | sed 's/.*://'; }

# Eight points that differ in their converters only: weights are programmed once for all.
write_small eight.cfg
sed -i 's/^sweep.*/sweep = { axes = ( { key = "map.adc_bits"; values = [ 4, 5, 6, 8 ]; }, { key = "arch.adc_rule"; values = [ "full", "calibrated" ]; } ); };/
        s/^samples.*/samples = 32;/' eight.cfg
quiet() { mixbar run eight.cfg -q --no-plots "$@" >/dev/null 2>err; }

# --- threads
quiet -j 1 -o one; ok $? "eight points"; diag err
for n in 2 3 5; do quiet -j $n -o threads$n; same threads$n "the same bytes with $n threads"; done
quiet -j 4 --points-at-once 1 -o alone; same alone "and with one point at a time"
grep -q '"shared": ".*programmed cells: 2 made, 14 reused; .*sums before converters: 1 made, 3 reused' one/manifest.json; ok $? "cells are programmed once per draw, and the manifest says so"
diag one/manifest.json
grep -q 'float accuracy: 1 made, 7 reused; quantised accuracy: 1 made, 7 reused' one/manifest.json; ok $? "float and integers are scored once"
mixbar run eight.cfg -q --no-plots -o whole -s 'sweep={axes=({key="map.adc_bits"; values=[5];},{key="arch.adc_rule"; values=["calibrated"];});}' >/dev/null
for key in accuracy loss energy_J accuracy_sd; do
    [ "$(field $key 0 whole)" = "$(field $key 3 one)" ]; ok $? "shared cells are those of the point alone: $key $(field $key 3 one)"
done
[ "$(field accuracy 0 one)" != "$(field accuracy 6 one)" ]; ok $? "points do differ"
# Common random numbers: the same draw of the same devices at other points; other cells with another seed.
mixbar run eight.cfg -q --no-plots -o crn -s 'sweep={axes=({key="samples"; values=[16,32];},{key="trials"; values=[1,3];});}' >/dev/null
trials() { grep "\"kind\":\"trial\",\"point\":$1," crn/results.jsonl | sed 's/"point":[0-9]*,//; s/,"crc.*//'; }
trials 2 >t1; trials 3 >t3
[ "$(head -n 1 t3)" = "$(cat t1)" ] && [ "$(wc -l <t3)" -eq 3 ]; ok $? "draw 0 is the same devices at every point, whatever else is drawn"

# An error ends the run at the point where one thread would have met it, with those before it kept.
sed 's/^sweep.*/sweep = { axes = ( { key = "map.weight_bits"; values = [ 3, 4, 5, 6, 7, 8 ]; } ); };/
     s/^arch.*/arch = { preset = "rram-22nm"; cols = 8; };/; s/cell_bits = 2/cell_bits = 1/' eight.cfg >bad.cfg     # one output of 6 bits takes 10 columns
run mixbar run bad.cfg -q --no-plots -j 3 -o bad3; bad=$rc; cp err err3
run mixbar run bad.cfg -q --no-plots -j 1 -o bad1; [ "$rc" -eq "$bad" ] && [ "$rc" -ne 0 ]; ok $? "an error at one point: exit code $rc with one thread and with three"
cmp -s err err3; ok $? "the same message"; diag err3
cmp -s bad1/results.jsonl bad3/results.jsonl; ok $? "the same points before it"

# --- shards
for i in 0 1 2; do quiet --shard $i/3 -o part; ok $? "shard $i of 3"; diag err; done
[ "$(count point part-0-of-3)" -eq 3 ] && [ "$(count point part-2-of-3)" -eq 2 ]; ok $? "points are dealt one by one"
run mixbar merge part-1-of-3 part-0-of-3 -o merged; is 1 "merge without a shard says no"; out 'missing points: 2, 5 \(of 0-7\)'
[ ! -e merged ]; ok $? "and writes nothing"
run mixbar merge part-1-of-3 part-0-of-3 part-2-of-3 -o merged; is 0 "merge"; same merged "merged shards are the bytes of one run"
for file in used.cfg plan-0000.cfg plan-0007.cfg; do cmp -s one/$file merged/$file; ok $? "merged: $file"; done
[ ! -e merged/.lock ]; ok $? "no lock is left"
run mixbar report merged; is 0 "a merged run is a run"
refused 'holds 8 finished points' "a run in the way is not touched" mixbar merge part-0-of-3 part-1-of-3 part-2-of-3 -o merged
run mixbar merge part-0-of-3 part-1-of-3 part-2-of-3 one -o merged --force; is 0 "the same point twice, the same bytes"; same merged "--force"
quiet -s seed=8 -o other; refused 'another experiment' "shards of different experiments" mixbar merge part-0-of-3 other -o no
cp -r part-1-of-3 target
refused 'one of the folders that are put together' "a shard is not overwritten by the whole" mixbar merge part-0-of-3 target part-2-of-3 -o ./target/ --force
diff -r part-1-of-3 target >differ; ok $? "and stays as it was"; diag differ
cp -r part-1-of-3 damaged; sed -i '3s/1/2/' damaged/results.jsonl
refused 'results.jsonl:3: the line is damaged' "a damaged shard" mixbar merge part-0-of-3 damaged part-2-of-3 -o no
cp -r one changed
sed -i 's/"kind":"trial","point":0,"trial":0,"accuracy":[0-9.]*/"kind":"trial","point":0,"trial":0,"accuracy":0.125/' changed/results.jsonl
refused 'damaged' "a shard that was edited" mixbar merge changed part-1-of-3 -o no
run mixbar merge part-0-of-3; is 2 "merge needs -o"
for bad in 3/3 -1/3 1 x/2 1/0; do run mixbar run eight.cfg --shard "$bad" -o no; is 2 "--shard $bad"; done
[ ! -e no ]; ok $? "refusals leave nothing"
refused 'point 4 to explain is of another shard, 1/3' "a point of another shard is not explained" mixbar run eight.cfg --shard 2/3 --explain-point 4 -q --no-plots -o no
quiet --shard 2/3 --cost-only -o slash/; [ -s slash-2-of-3/results.jsonl ] && [ ! -e slash ]; ok $? "-o DIR/ is -o DIR"; diag err

# --- ranks
if mixbar --version | grep -q 'Open MPI' && command -v mpirun >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
    unset OMP_NUM_THREADS
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0; export ASAN_OPTIONS # Open MPI keeps memory until the end
    for n in 2 4; do
        run mpirun --oversubscribe -n $n mixbar run eight.cfg -q --no-plots -o ranks$n; is 0 "$n ranks"; same ranks$n "the same bytes with $n ranks"
    done
    grep -q '"ranks": "4"' ranks4/manifest.json; ok $? "the manifest knows"
    run mpirun --oversubscribe -n 2 mixbar run eight.cfg -q --no-plots -j 2 -o ranks22; is 0 "two ranks of two threads"; same ranks22 "the same bytes"
    cp -r ranks4 half
    n=$(grep -n '"index":3,' half/results.jsonl | cut -d: -f1)
    head -n "$n" one/results.jsonl >half/results.jsonl
    run mpirun --oversubscribe -n 3 mixbar run eight.cfg --no-plots -o half --resume; is 0 "ranks go on with a stopped run"; same half "the same bytes"
    grep -q '^point 4/8' err; [ $? -ne 0 ]; ok $? "finished points are not computed again"
    run mpirun --oversubscribe -n 2 mixbar run eight.cfg -q --no-plots -s device.prog_sigma=-1 -o no; is 3 "a bad experiment"
    [ "$(grep -c 'prog_sigma = -1' err)" -eq 1 ]; ok $? "is told once"
    echo 'if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then set -- nothere.cfg; else set -- eight.cfg; fi; exec mixbar run "$1" -q --no-plots --cost-only -o odd' >odd.sh
    run timeout -k 10 100 mpirun --oversubscribe -n 2 sh odd.sh; is 3 "rank 0 alone has no experiment"
    [ "$(grep -c 'nothere.cfg: No such file' err)" -eq 1 ] && [ ! -e odd ]; ok $? "nobody waits, and it is told once"
    run mpirun --oversubscribe -n 2 mixbar run bad.cfg -q --no-plots -o badranks; cmp -s bad1/results.jsonl badranks/results.jsonl; ok $? "an error keeps the points before it"
else
    skip "ranks" "no mpirun, or built without Open MPI"
fi

# --- draws until the interval is narrow
run mixbar run small.none; [ "$rc" -eq 3 ]; ok $? "a file that is not there"
write_small until.cfg
sed -i 's/^trials.*/trials = { until = 0.02; max = 30; over = "draws"; };/; s/^device.*/device = { preset = "rram"; prog_sigma = 0.03; };/; s/values = \[ 8, 4 \]/values = [ 4 ]/' until.cfg
run mixbar run until.cfg -q --no-plots -o until; is 0 "trials = { until }"
t=$(field trials 0 until)
[ "$t" -ge 5 ] && [ "$t" -le 30 ] && [ "$(count trial until)" -eq "$t" ]; ok $? "between min and max: $t draws"
half() { awk -v sd="$1" -v n="$2" 'BEGIN { t[5] = 2.776; t[6] = 2.571; t[7] = 2.447; t[8] = 2.365; t[9] = 2.306; t[10] = 2.262; t[11] = 2.228; t[12] = 2.201; print (n in t ? t[n] : 2.1) * sd / sqrt(n) }'; }
w=$(half "$(field accuracy_sd 0 until)" "$t")
awk -v w="$w" -v t="$t" 'BEGIN { exit !(w <= 0.0201 || t == 30) }'; ok $? "half of the interval is $w"
run mixbar run until.cfg -q --no-plots -o wide -s trials.until=0.5; is 0 "a wide interval"; [ "$(field trials 0 wide)" -eq 5 ]; ok $? "min draws are made"
head -n 6 until/results.jsonl | sed 1d >a; sed -n 2,6p wide/results.jsonl >b; cmp -s a b; ok $? "more draws leave the first ones as they are"
run mixbar run until.cfg -q --no-plots -o all -s 'trials={until=0.001; max=6;}'; is 0 "out of reach"; err 'trials.until = 0.001 is out of reach: 64 samples alone'
[ "$(field trials 0 all)" -eq 6 ]; ok $? "max draws are made"
awk -v lo="$(field accuracy_q05 0 until)" -v m="$(field accuracy_q50 0 until)" -v hi="$(field accuracy_q95 0 until)" 'BEGIN { exit !(lo <= m && m <= hi && lo < hi) }'; ok $? "quantiles ascend"
refused 'trials.min = 9 is more than trials.max = 3' "min above max" mixbar run until.cfg -o no -s 'trials={until=0.1; max=3; min=9;}'
refused 'until' "a group without until" mixbar run until.cfg -o no -s 'trials={max=3;}'

# --- costs alone
sed '/^dataset/d; /^calibration/d; /^samples/d' eight.cfg >costs.cfg
run mixbar run costs.cfg --cost-only -q --no-plots -o costs; is 0 "--cost-only needs no data"; no_err "and says nothing"
grep '"kind":"point"' costs/results.jsonl | grep -vq '"accuracy":null'; [ $? -ne 0 ]; ok $? "there is no accuracy"
[ "$(count trial costs)" -eq 0 ]; ok $? "and no draw"
run mixbar run costs.cfg -s simulate=false -q --no-plots -o costs2 -j 3; cmp -s costs/results.jsonl costs2/results.jsonl; ok $? "simulate = false is the same"
run mixbar report costs; is 0 "a report of costs"; out 'no accuracy'
run mixbar cost costs.cfg --point 0 -f json; e=$(grep -oE '"energy_J": *[-+0-9.eE]+' out | head -n 1 | sed 's/.*: *//')
awk -v a="$e" -v b="$(field energy_J 0 costs)" 'BEGIN { d = a - b; exit !(a > 0 && d * d <= 1e-18 * a * a) }'; ok $? "the costs are those of mixbar cost"
run mixbar run costs.cfg --cost-only -q --no-plots -s keep=totals -o totals; is 0 "keep = totals"
for key in energy_J latency_s area_m2 program_J energy_high_J; do [ "$(field $key 5 totals)" = "$(field $key 5 costs)" ]; ok $? "totals are the same: $key"; done
ls totals/plan-* >/dev/null 2>&1; [ $? -ne 0 ]; ok $? "no plans are kept"
[ "$(wc -c <totals/results.jsonl)" -lt "$(($(wc -c <costs/results.jsonl) / 2))" ]; ok $? "and no breakdowns"
run mixbar report totals; is 0 "report of totals"; run mixbar report totals --detail; is 0 "with --detail"
run mixbar run costs.cfg --cost-only -q --no-plots -s keep=layers -o layers; grep -q '"layers":\[{' layers/results.jsonl && [ ! -e layers/plan-0000.cfg ]; ok $? "keep = layers: breakdowns without plans"
refused 'simulate = false leaves the data out' "eval says what is missing" mixbar eval eight.cfg -s simulate=false --point 0 -p one/plan-0000.cfg
run mixbar check eight.cfg -s simulate=false; is 0 "check"; out 'none: simulate = false'
run mixbar run eight.cfg --cost-only --explain -o no; is 2 "nothing to explain"

# --- a sweep that no table holds
sed 's/^sweep.*/sweep = { axes = ( { key = "map.adc_bits"; from = 3; to = 12; steps = 10; integer = true; }, { key = "arch.node_nm"; from = 22; to = 65; steps = 250; } ); };/; s/^against.*//' costs.cfg >large.cfg
run mixbar run large.cfg --cost-only -s keep=totals -j 2 -o large; is 0 "2500 points"; out '^2500 points$'; out '^least energy .* point [0-9]+ '
[ "$(grep -c '^point ' err)" -lt 500 ]; ok $? "not a line for each of them"
best=$(sed -n 's/^least energy .* point \([0-9]*\) .*/\1/p' out)
awk -F'"energy_J":' '/"kind":"point"/ { split($2, v, ","); if (min == "" || v[1] + 0 < min) { min = v[1] + 0; at = n + 0 } n++ } END { print at }' large/results.jsonl >at
[ "$best" = "$(cat at)" ]; ok $? "the best one is told: $best"

cp -r large half
head -n 1500 large/results.jsonl >half/results.jsonl
run mixbar run large.cfg --cost-only -s keep=totals -j 2 -q -o half --resume; is 0 "the second part of it"; cmp -s large/results.jsonl half/results.jsonl; ok $? "the same bytes"
out '^2500 points$'; out '^of the 1001 that were computed now' "the best of a part are not those of the whole"
run mixbar run large.cfg --cost-only -s keep=totals -j 2 -q -o large --shard 1/1000 -f csv; is 0 "three of them"; [ "$(wc -l <out)" -eq 4 ]; ok $? "have a table"

# --- progress for programs
run mixbar run eight.cfg --progress json --no-plots -q -o progress -j 2 -f jsonl; is 0 "--progress json"
grep '^{"done":' err >lines; valid lines "every line"
[ "$(tail -n 1 lines | grep -oE '"(done|total)":8' | wc -l)" -eq 2 ]; ok $? "the last line: all are done"
for key in accuracy rate left_s; do tail -n 1 lines | grep -qE "\"$key\":[0-9.e+-]+"; ok $? "has $key"; done
if command -v script >/dev/null 2>&1 && script -qec true /dev/null >/dev/null 2>&1; then
    TERM=xterm script -qec "mixbar run eight.cfg -j 1 -o tty --no-plots" /dev/null >tty.out 2>&1 </dev/null
    grep -q 'point [1-7]/8 .*accuracy [0-9.]* %.* points/s .* samples/s .* left' tty.out; ok $? "one line on a terminal: points done, accuracy, rates, time left"
else
    skip "the line on a terminal" "no script"
fi

done_testing

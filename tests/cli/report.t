#!/bin/sh
# report.t - questions to a run (--where, --columns, --by, --best, --front) and mixbar compare: answers against the CSV of all points, exit codes, wrong questions
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"

write_small small.cfg 'question = "Which bits?";'
sed -i 's/{ key = "map.weight_bits"; values = \[ 8, 4 \]; }/{ key = "map.weight_bits"; values = [ 8, 4 ]; }, { key = "device"; values = [ "rram", "ideal" ]; }/
        s/^samples = 64/samples = 32/; s/^trials = 2/trials = 3/' small.cfg
run mixbar run small.cfg -q -o runs/a --no-plots; is 0 "a run of four points"
mixbar report runs/a -f csv >all.csv
# column NAME: values from the CSV of all points
column() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }' all.csv; }

# --- conditions
run mixbar report runs/a --where 'device == "rram" && weight_bits < 8' -f csv; is 0 "--where"
[ "$(wc -l <out)" -eq 2 ]; ok $? "one point holds to it"
sed 1d out >row; grep -qxF -f row all.csv; ok $? "its row is that of the whole table"
run mixbar report runs/a --where 'device == "rram"' --where 'weight_bits < 8' -f csv; sed 1d out | cmp -s - row; ok $? "two conditions are one"
run mixbar report runs/a -w 'device == "ideal"'; out '^small: 2 of 4 points where device == "ideal"$' "the text says what was chosen"
out 'Which bits\?'
run mixbar report runs/a -w 'weight_bits > 8'; is 0 "nothing left is an answer"; out '0 of 4 points'
run mixbar report runs/a -w 'weight_bits > 8' -f csv; [ "$(wc -l <out)" -eq 1 ]; ok $? "and in CSV the heading alone"
run mixbar report runs/a -w 'device == "rram"' -f json; out '"where":"device == .."?rram' "JSON has the condition"
run mixbar report runs/a -w 'device == "rram"' -f jsonl; [ "$(wc -l <out)" -eq 2 ]; ok $? "JSON Lines of two points"
run mixbar report runs/a -w 'device == "rram"' -f html -o page.html; is 0 "a page of chosen points"
grep -q '2 of 4 points: chosen were those where <code>device == &quot;rram&quot;</code>' page.html; ok $? "the page says so"
refused 'did you mean "weight_bits"' "an unknown name" mixbar report runs/a -w 'weigth_bits > 4'
refused 'character 15' "a broken condition" mixbar report runs/a -w 'weight_bits > '
refused 'cannot be compared' "a text against a number" mixbar report runs/a -w 'device == 3'

# --- columns
run mixbar report runs/a -c index,weight_bits,energy,systolic-32x32.energy -f csv; is 0 "--columns"
out '^index,map.weight_bits,energy_J,systolic-32x32.energy_J$' "heads are those of the whole table"
sed 1d out | cut -d, -f3 >e; column energy_J | cmp -s - e; ok $? "the numbers are those of the whole table"
run mixbar report runs/a -c index,device,accuracy,status; out '^0 +rram +[0-9.]+ +done$'
run mixbar report runs/a -c index,device,accuracy -f jsonl; out '^\{"index":0,"device":"rram","accuracy":0\.[0-9]+\}$'

# --- groups
run mixbar report runs/a --by device -c accuracy -f csv; is 0 "--by"
out '^device,points,accuracy.mean,accuracy.best,accuracy.sd,accuracy.min,accuracy.max,accuracy.best_point$'
awk -F, 'NR == FNR { if (FNR > 1) { n[$1] = $2; mean[$1] = $3 } next }
         FNR == 1 { for (i = 1; i <= NF; i++) { if ($i == "device") d = i; if ($i == "accuracy") a = i } next }
         { s[$d] += $a; k[$d]++ }
         END { bad = 0; for (x in k) { e = s[x] / k[x] - mean[x]; if (k[x] != n[x] || e > 1e-12 || e < -1e-12) bad = 1; m++ } exit bad || m != 2 }' out all.csv
ok $? "counts and means are right"
run mixbar report runs/a --by device,weight_bits; is 0 "groups of two keys"; out 'grouped by device, map.weight_bits'
run mixbar run small.cfg --cost-only -q --no-plots -o runs/list -s 'sweep={mode="list"; points=(("map.adc_bits=8"), ("map.cell_bits=1"), ("map.adc_bits=6"));}'; is 0 "points that set other keys"
run mixbar report runs/list --by adc_bits -c energy -f csv; [ "$(sed 1d out | cut -d, -f1 | tr '\n' '/')" = 6/8// ]; ok $? "groups ascend, the one without a value is the last"; diag out
refused 'is not a swept key' "groups of a column" mixbar report runs/a --by energy
refused 'has no mean' "the mean of a word" mixbar report runs/a --by device -c label

# --- the best
best=$(column energy_J | awk '{ if (NR == 1 || $1 < m) { m = $1; at = NR - 1 } } END { print at }')
run mixbar report runs/a --best energy -c index -f jsonl; is 0 "--best"; out "^\\{\"index\":$best\\}\$" "the point with the smallest energy"
worst=$(column energy_J | awk '{ if (NR == 1 || $1 > m) { m = $1; at = NR - 1 } } END { print at }')
run mixbar report runs/a --best max:energy -c index -f jsonl; out "^\\{\"index\":$worst\\}\$" "max: the largest"
run mixbar report runs/a --best edap --where 'device == "ideal"'; is 0 "the best of some"; out 'smallest edap_Jsm2 of 2 of 4 points where device == "ideal"'; out '^  device +ideal$'
run mixbar report runs/a --best edap -f csv; [ "$(wc -l <out)" -eq 2 ]; ok $? "as CSV with all columns"
run mixbar report runs/a --best edap --where 'weight_bits > 8'; is 1 "no point: the answer is no"; err 'none of 4 points holds to weight_bits > 8'
refused 'did you mean "energy_J"' "an unknown metric" mixbar report runs/a --best enrgy_J

# --- fronts
run mixbar report runs/a --front accuracy,energy --reference 0,1e-3 -f json; is 0 "--front"; out '"hypervolume":0\.[0-9]+,"volume":'
run mixbar report runs/a --front accuracy,energy; out '^Hypervolume [01]\.[0-9]{4}: '; out 'reference point \(accuracy'
run mixbar report runs/a --front energy -c index -f jsonl; out "^\\{\"index\":$best\\}\$" "a front of one metric is the best point"
[ "$(wc -l <out)" -eq 1 ]; ok $? "alone"
refused 'is not worse' "a reference that is better" mixbar report runs/a --front accuracy,energy --reference 0,1e-12

# --- what does not go together
run mixbar report runs/a --by device --best energy; is 2 "two tables at once"; err 'ask for one at a time'
run mixbar report runs/a --reference 1; is 2 "a reference without a front"
run mixbar report runs/a --detail -f csv; is 2 "--detail is for text"
run mixbar report runs/a --best energy -f html; is 2 "a page of one point"

# --- compare
run mixbar compare runs/a runs/a --columns all; is 0 "a run does not differ from itself"; out 'matched by id'; out 'Nothing differs beyond tolerance'
run mixbar run small.cfg -q -o runs/b --no-plots -s seed=8; is 0 "another seed"
run mixbar compare runs/a runs/b; is 1 "it differs"; out 'matched by settings: map.weight_bits, device'; out 'by the 3 draws that both have'
run mixbar compare runs/a runs/b --tol accuracy=100% --tol all=100%; is 0 "within wide tolerances"
run mixbar compare runs/a runs/b -f json; is 1 "JSON has the same exit code"; out '"matched_by":"settings"'
run mixbar compare runs/a runs/b -m id; is 3 "no ids in common"; err 'neither ids nor settings|no point of'
run mixbar compare runs/a runs/b -w 'device == "ideal"' --columns quantised_accuracy,accuracy,latency; is 0 "ideal cells do not depend on the seed"
run mixbar compare runs/a runs/b --columns energy -f csv; [ "$(wc -l <out)" -eq 5 ]; ok $? "CSV: a line per pair and metric"
run mixbar compare runs/a --points 0 1; is 1 "two points of a run"; out '^A: point 0, '; out '^B: point 1, '; out '^accuracy +[0-9.]+ +[0-9.]+ +% '
run mixbar compare runs/a --points 2,2; is 0 "a point with itself"
run mixbar compare runs/a runs/b --points 0 0 --columns latency; is 0 "a point of each run"
run mixbar run small.cfg -q -o runs/c --no-plots -s map.weight_bits=8 -s 'sweep={axes=({key="device"; values=["rram"];});}'; is 0 "fewer points"
run mixbar compare runs/a runs/c; is 1 "points without partner"; out 'Only in A: points'
run mixbar compare runs/a runs/c --common; is 0 "--common"
run mixbar compare runs/a; is 2 "one run alone"; err 'wants two runs'
run mixbar compare runs/a --points 0; is 2 "one point alone"
run mixbar compare runs/a runs/b runs/c; is 2 "three runs"
refused 'there is no point 9' "a point that is not there" mixbar compare runs/a --points 0 9
refused 'METRIC=X' "a bad tolerance" mixbar compare runs/a runs/b --tol accuracy
refused 'no results.jsonl|No such file' "no run" mixbar compare runs/a nowhere

done_testing

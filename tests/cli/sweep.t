#!/bin/sh
# sweep.t - sweeps as a user meets them: check lists what run computes, ids that stay, long sweeps, the estimate, mistakes
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/cli/small.sh
. "$src/tests/cli/small.sh"

write_small base.cfg
sed -i '/^sweep/d; /^name/d' base.cfg
exper() { printf '@include "base.cfg"\n%s\n' "$2" >"$1.cfg"; } # NAME SWEEP
ids() { sed -n '/^point /,/^$/p' "$1" | awk '$1 ~ /^[0-9]+$/ { print $2, $NF }'; }

# --- check lists what run computes
exper cond 'sweep = { where = "map.weight_bits > 4 || map.adc_bits == 6"; axes = ( { key = "device"; values = ["ideal", "rram"]; },
    { key = "device.prog_sigma"; from = 0.01; to = 0.04; steps = 2; when = "device == '"'rram'"'"; }, { key = "map.weight_bits"; values = [8, 4]; }, { key = "map.adc_bits"; values = [8, 6]; } ); };'
run mixbar check cond.cfg; is 0 "conditions and a constraint"; no_err "without a warning"
out '^n_points +9$' "three devices by three pairs of bits are points"
out '^n_skipped +3$' "what is skipped is told"
out 'device=ideal weight_bits=8 adc_bits=8 ' "an axis that does not apply is not in the label"
sed -n '/^point /,/^$/p' out | awk '$1 ~ /^[0-9]+$/ { print $NF }' >check.ids
run mixbar run cond.cfg -s samples=16 -s trials=1 -q --no-plots -o runs/cond; is 0 "they run"; no_err "in silence"
run mixbar check cond.cfg -s samples=16 -s trials=1
sed -n '/^point /,/^$/p' out | awk '$1 ~ /^[0-9]+$/ { print $NF }' >check.ids
mixbar report runs/cond --format csv | sed 1d | cut -d, -f2 >run.ids
cmp -s check.ids run.ids; ok $? "check tells the ids of the run"
[ "$(sort run.ids | uniq -d | wc -l)" -eq 0 ]; ok $? "no id stands twice"
run mixbar run runs/cond/used.cfg -q --no-plots -o runs/again; is 0 "used.cfg of such a sweep runs"
cmp -s runs/cond/results.jsonl runs/again/results.jsonl; ok $? "and gives the same bytes"

# --- draws
exper lhs 'sweep = { mode = "lhs"; samples = 8; axes = ( { key = "map.adc_bits"; from = 5; to = 8; integer = true; }, { key = "device.prog_sigma"; from = 0.001; to = 0.1; scale = "log"; } ); };'
run mixbar check lhs.cfg; is 0 "a Latin hypercube"; cp out first
run mixbar check lhs.cfg; cmp -s out first; ok $? "is the same every time"
run mixbar check lhs.cfg -s sweep.seed=2; ! cmp -s out first; ok $? "and another with another seed"
[ "$(awk '$1 ~ /^[0-7]$/ { print $4 }' first | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 2 ]; ok $? "each of four values stands twice in eight samples"
exper random 'sweep = { mode = "random"; samples = 5; axes = ( { key = "map.adc_bits"; values = [5, 6, 7, 8]; }, { key = "arch.rows"; values = [64, 128]; } ); };'
run mixbar check random.cfg; is 0 "random draws"; ids out >five
run mixbar check random.cfg -s sweep.samples=8; is 0 "and more of them"; ids out >eight
[ "$(wc -l <five)" -eq 5 ] && head -n 5 eight | cmp -s - five; ok $? "begin with the same points"
[ "$(cut -d' ' -f2 eight | sort -u | wc -l)" -eq 8 ]; ok $? "none is drawn twice"
refused 'only 8 combinations' "more samples than combinations" mixbar check random.cfg -s sweep.samples=9

# --- ids belong to the settings
exper two 'sweep = { axes = ( { key = "map.weight_bits"; values = [8, 4]; }, { key = "map.adc_bits"; values = [8, 6]; } ); };'
exper three 'sweep = { axes = ( { key = "map.weight_bits"; values = [8, 6, 4]; }, { key = "map.adc_bits"; values = [8, 7, 6]; } ); };'
exper range 'sweep = { axes = ( { key = "map.adc_bits"; from = 6; to = 8; integer = true; }, { key = "map.weight_bits"; values = [4, 8]; } ); };'
mixbar check two.cfg | awk '$1 ~ /^[0-9]+$/ { print $(NF-2), $(NF-1), $NF }' | sort >two.ids
mixbar check three.cfg | awk '$1 ~ /^[0-9]+$/ { print $(NF-2), $(NF-1), $NF }' | sort >three.ids
mixbar check range.cfg | awk '$1 ~ /^[0-9]+$/ { print $(NF-1), $(NF-2), $NF }' | sort >range.ids
[ "$(wc -l <two.ids)" -eq 4 ] && [ "$(wc -l <three.ids)" -eq 9 ] && [ "$(comm -12 two.ids three.ids | wc -l)" -eq 4 ]; ok $? "more values of an axis leave the ids of the others"
[ "$(comm -12 two.ids range.ids | wc -l)" -eq 4 ]; ok $? "another order, and a range instead of values, too"
run mixbar run two.cfg -s samples=16 -s trials=1 -q --no-plots -o runs/two; is 0 "a sweep runs"
cp runs/two/results.jsonl before
run mixbar run three.cfg -s samples=16 -s trials=1 -q --no-plots --resume -o runs/two
[ "$rc" -eq 3 ] && cmp -s before runs/two/results.jsonl; ok $? "--resume of a sweep that was extended is refused, the results stay"; err 'another experiment .*a sweep that was changed or extended'

# --- long sweeps
exper long 'sweep = { axes = ( { key = "map.adc_bits"; values = [5, 6, 7, 8]; }, { key = "device.prog_sigma"; from = 0.0; to = 0.1; steps = 500; }, { key = "read.time_s"; from = 1; to = 1e6; steps = 500; scale = "log"; } ); };'
run mixbar check long.cfg; is 0 "a million points"
out '^n_points +1000000$' "are counted"
out '^loaded +7 of 1000000 points' "what was looked at is told"
[ "$(awk '$1 ~ /^[0-9]+$/' out | wc -l)" -eq 7 ]; ok $? "and listed"
refused 'adc_bits = 99' "a bad value in the middle is found" mixbar check long.cfg -s 'sweep.axes[0].values=[5, 99, 8]'
refused 'more than 10000000 points' "there is a limit" mixbar check long.cfg -s 'sweep.axes[1].steps=10000'
exper some 'sweep = { axes = ( { key = "device.prog_sigma"; from = 0.0; to = 0.1; steps = 3; }, { key = "read.time_s"; from = 1; to = 1e6; steps = 340; scale = "log"; } ); };'
run mixbar check some.cfg --all; is 0 "--all"; out '^loaded +all 1020 points' "loads every point"

# --- points that are the same
cp "$src/devices/rram.cfg" same.cfg
run mixbar check base.cfg -s 'sweep={axes=({key="device"; values=["rram", "./same.cfg"];});}'; is 0 "two names of one device"; err 'repeat another one'

# --- the estimate
run mixbar check two.cfg -s samples=16 -s trials=1 --estimate -j 1 --format json; is 0 "--estimate"; no_err "in silence"
cp out estimate.json
python=$(command -v python3 || true)
if [ -n "$python" ]; then
    run "$python" -c '
import json
e = json.load(open("estimate.json"))
x = e["estimate"]
assert e["n_points"] == 4 and x["threads"] == 1 and x["measured"] in (1, 2, 3)
assert 0 < x["point_s"] <= x["slowest_s"] < 600 and x["calibration_s"] > 0
assert abs(x["total_s"] / (x["calibration_s"] + 4 * x["point_s"]) - 1) < 1e-9
assert 1e6 < x["memory_B"] < 1e10'
    is 0 "the total is the shared work and four points"
else
    skip "the total" "no python3"
fi
run mixbar check two.cfg -s samples=16 -s trials=1 --estimate -j 2; out '^about +[0-9.]+ (ms|s|min) for 4 points of [0-9.]+ m?s each with -j 2$' "in words"
[ ! -e runs/base ] && [ ! -e runs/two.cfg ]; ok $? "nothing is written"

# --- mistakes: check and run say the same
mistake() { # PATTERN SWEEP
    exper bad "$2"
    refused "$1" "refused: $1" mixbar check bad.cfg
    refused "$1" "run refuses: $1" mixbar run bad.cfg
}
mistake 'bad.cfg:2: plot cannot be swept' 'sweep = { axes = ( { key = "plot"; values = ["a", "b"]; } ); };'
mistake 'the same value twice: numbers 1 and 3' 'sweep = { axes = ( { key = "map.weight_bits"; values = [8, 4, 8]; } ); };'
mistake 'map.input_bits, which has no value here' 'sweep = { where = "map.input_bits > 3"; axes = ( { key = "map.weight_bits"; values = [8, 4]; } ); };'
mistake 'leaves none of 2 combinations' 'sweep = { where = "map.weight_bits > 8"; axes = ( { key = "map.weight_bits"; values = [8, 4]; } ); };'
mistake 'which a later axis sets' 'sweep = { axes = ( { key = "map.adc_bits"; values = [8, 6]; when = "map.weight_bits > 4"; }, { key = "map.weight_bits"; values = [8, 4]; } ); };'
mistake 'needs samples' 'sweep = { mode = "lhs"; axes = ( { key = "map.weight_bits"; values = [8, 4]; } ); };'
mistake 'needs steps' 'sweep = { axes = ( { key = "device.prog_sigma"; from = 0.0; to = 0.1; } ); };'

done_testing

#!/bin/sh
# devices.t - presets of devices: complete, with sources, loadable, and compared by experiments/devices.cfg over time
. "${top_srcdir:-.}/tests/cli/lib.sh"

# --- every preset says where its numbers come from
n=0
for file in "$src"/devices/*.cfg; do
    name=$(basename "$file" .cfg)
    n=$((n + 1))
    head -n 1 "$file" | grep -q '^# .'; ok $? "$name says what it is"
    grep -Eq 'doi:|arXiv|et al\.|NeuroSim|NVSim|not a device|none is of a real device|As pcm-|As rram-' "$file"; ok $? "$name names a source"
    # a number without a source is called assumed, or stands under a comment of its own, or in a block that a comment opens
    awk '/^#/ { covered = 1 } /^$/ { covered = 0 } /^[a-z]/ && !/#/ && !covered { print FILENAME ": " $0; bad = 1 } END { exit bad }' "$file" >bare
    ok $? "$name: no number stands bare"; diag bare
    # what is stated on the write side is complete
    if grep -q '^cell = "generic"' "$file"; then
        for key in read_V pulses pulse_s pulse_J endurance_cycles area_F2; do grep -q "^$key = " "$file" || echo "$key"; done >lacking
        [ ! -s lacking ]; ok $? "$name: read voltage, write side, endurance and area are given"; diag lacking
    fi
done
[ $n -ge 18 ]; ok $? "$n presets"

# --- the experiment
run mixbar check "$exp/devices.cfg"; is 0 "experiments/devices.cfg: every point loads"; no_err "without a warning"
points=$(sed -n 's/^n_points *//p' out)
[ "$points" -eq $((5 * $(grep -o '( "[a-z0-9-]*", [1-8] )' "$exp/devices.cfg" | wc -l))) ]; ok $? "$points points: five times for each device"
for file in "$src"/devices/*.cfg; do
    name=$(basename "$file" .cfg)
    case $name in rram | example-4bit) continue ;; esac       # the older model of rram-milo's device; no device
    grep -q '^cell = "ideal";' "$file" && continue            # cells of machines, for their costs; without errors to compare
    grep -q "( \"$name\", [1-8] )" "$exp/devices.cfg" || echo "$name"
done >lacking
[ ! -s lacking ]; ok $? "every device preset takes part"; diag lacking

few='sweep.axes[0].values=(("ideal",3),("pcm-nandakumar",3),("pcm-nandakumar-compensated",3),("stt-mram",1))'
run mixbar run "$exp/devices.cfg" -s "$few" -s samples=48 -s trials=1 -s dataset=fashion-mnist-fallback -q --no-plots -o runs/few
is 0 "four devices at five times"
run mixbar report runs/few --across read.time_s; is 0 "the table over time"
out '^device +cell_bits +energy +latency +area +program +program time +wear +at 1 s +at 1 h +at 1 d +at 30 d +at 1 y'
[ "$(grep -cE '^(ideal|pcm|stt)' out)" -eq 4 ]; ok $? "one row per device"
run mixbar report runs/few --across time_s --format csv; is 0 "as CSV"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i ~ /time_s=1$/) first = i; if ($i ~ /time_s=31557600$/) last = i; if ($i ~ /^energy/) e = i } }
    NR > 1 { a[$1] = $first; b[$1] = $last; energy[$1] = $e }
    END { exit !(a["ideal"] == b["ideal"] && a["ideal"] > 0.85 && b["pcm-nandakumar"] < 0.5 && b["pcm-nandakumar-compensated"] > b["pcm-nandakumar"] + 0.2 &&
                 energy["stt-mram"] > 1.2 * energy["ideal"]) }' out
ok $? "the ideal cell stays, phase change drifts away, compensation brings it back, tunnel junctions draw more current"; diag out
run mixbar report runs/few --across time_s --format json; is 0 "as JSON"
if command -v jq >/dev/null 2>&1; then jq -e 'length == 4' out >/dev/null; ok $? "valid JSON"; else skip "valid JSON" "no jq"; fi
run mixbar report runs/few --across adc_bits; is 3 "a key that is not swept"; err 'swept are: device, map.cell_bits, read.time_s'
if command -v gnuplot >/dev/null 2>&1; then
    run mixbar plot runs/few accuracy-time -f png; is 0 "the plot over time"; no_err "gnuplot is content"
    [ -s runs/few/plots/accuracy-time.png ]; ok $? "accuracy-time.png is there"
fi

# --- levels that overlap: told once for a device, not at every point, and by its name
olap='sweep={axes=({key="device";values=({preset="rram-milo";levels=32;},"rram-neurram");},{key="read.time_s";values=[1.0,2.0];});}'
run mixbar run "$exp/devices.cfg" -s "$olap" -s samples=8 -s trials=1 -s dataset=fashion-mnist-fallback --no-plots -o runs/overlap
is 0 "a device whose levels overlap"
[ "$(grep -c 'levels overlap' err)" -eq 1 ]; ok $? "the warning comes once for two points"; diag err
err 'warning: rram-milo: the 32 levels overlap' "and names the preset"
[ "$(grep -c 'read noise reaches zero' err)" -le 2 ]; ok $? "so does the note on read noise at zero, once per device"; diag err

# --- the tree of a baseline: count x unit cost with sources, as that of the point
run mixbar cost "$exp/quickstart.cfg" --point 0; is 0 "cost with a baseline"; out '^the tree of systolic-32x32$'; out 'multiply-accumulate|MAC' "its leaves are there"
if command -v jq >/dev/null 2>&1; then
    mixbar cost "$exp/quickstart.cfg" --point 0 -f json >cost.json
    jq -e '.points[0].baselines[0] | ([.tree | .. | objects | select(has("component")) | .total.energy_J] | add) / .total.energy_J - 1 | fabs < 1e-9' cost.json >/dev/null
    ok $? "in JSON the leaves sum to the baseline's energy"
fi

# --- the write side
run mixbar cost "$exp/devices.cfg" -s "$few" --point 15 --summary; is 0 "cost tells the write side"; out '^program_J '; out '^program_s '; out '^pulses '; out '^wear +100'
mixbar cost "$exp/devices.cfg" -s "$few" --point 5 --format json >cost.json
if command -v jq >/dev/null 2>&1; then
    jq -e '.points[0] | (.pulses / .program_cells - 10 | fabs < 1e-9) and (.program_J / .program_cells * 1e12 - 68 | fabs < 1e-6) and (.wear * 1e7 - 1 | fabs < 1e-9)' cost.json >/dev/null
    ok $? "pulses, energy and wear are those of the preset, times the cells"; diag cost.json
else
    skip "cost as JSON" "no jq"
fi
rows=$(mixbar cost "$exp/devices.cfg" -s "$few" --point 5 --format json -s arch.write_arrays=0 | grep -oE '"program_s": *[0-9.e-]+' | sed 's/.*: *//')
slow=$(grep -oE '"program_s": *[0-9.e-]+' cost.json | sed 's/.*: *//')
awk -v a="$rows" -v b="$slow" 'BEGIN { exit !(a > 0 && b > 1.5 * a) }'; ok $? "programming all arrays at once is faster"

done_testing

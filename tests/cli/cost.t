#!/bin/sh
# cost.t - mixbar cost as an architect uses it: published machines, schedules, bands, pipelines, batches, reload, machines that cannot be
. "${top_srcdir:-.}/tests/cli/lib.sh"

m=$exp/machines.cfg
run mixbar cost "$m" --summary; is 0 "ResNet-18 on all published machines"; no_err "without a word"
[ "$(grep -c '^energy_J' out)" -eq 7 ]; ok $? "seven machines"
out '^bottleneck .* of '; out '^energy_low_J'; out '^tops_per_mm2'; out '^peak_tops'; out 'the schedule of one sample'; out '^reload_s'
run mixbar cost "$m" --point 1 --format csv; is 0 "leaves of ISAAC as CSV"
awk -F, 'NR == 1 { if ($0 !~ /factor,source/) exit 1 } NR > 1 { e += $8 } END { exit !(e > 0) }' out; ok $? "each with factor and source"
cat >one.cfg <<END
schema = 1;
network = "$exp/networks/resnet18.csv";
device = "rram";
arch = "rram-22nm";
map = { policy = "uniform"; weight_bits = 8; cell_bits = 2; input_bits = 8; dac_bits = 1; adc_bits = 8; };
END
if command -v jq >/dev/null 2>&1; then
    run mixbar cost one.cfg --format json; is 0 "as JSON"; cp out plain.json
    jq -e '[.. | objects | select(has("children")) | select((([.children[].total.energy_J] | add) / .total.energy_J - 1 | fabs) > 1e-12)] == []' out >/dev/null
    ok $? "children sum to their parents"
    jq -e '.points[0] | ([.schedule[].total_s] | add) / .latency_s - 1 | fabs < 1e-9' out >/dev/null; ok $? "layers' times are the latency"
    jq -e '.points[0] | .energy_low_J < .energy_J and .energy_J < .energy_high_J and .tops * 1e12 * .interval_s / 2 > 1.8e9' out >/dev/null
    ok $? "band around the energy; operations of ResNet-18"
    run mixbar cost one.cfg --format json -s arch.pipeline=true -s arch.batch=8; is 0 "a pipeline"
    jq -e --slurpfile a plain.json '.points[0] as $p | $a[0].points[0] as $q | $p.latency_s == $q.latency_s and $p.interval_s < $q.interval_s and
        ($p.batch_s / ($p.latency_s + 7 * $p.interval_s) - 1 | fabs) < 1e-12 and $p.tops > $q.tops' out >/dev/null
    ok $? "answers more often, not sooner"
    run mixbar cost one.cfg --format json -s arch.tiles=100 -s 'arch.dram="hbm2"' -s arch.batch=16; is 0 "reload"
    jq -e '.points[0] | .reload_J > 0 and .reload_s > 0 and .reload_J < .energy_J and .reload_s < .latency_s' out >/dev/null; ok $? "is part of energy and time"
    cp out b16.json
    run mixbar cost one.cfg --format json -s arch.tiles=100 -s 'arch.dram="hbm2"'; is 0 "reload for every sample"
    jq -e --slurpfile a b16.json '(.points[0].reload_J / $a[0].points[0].reload_J / 16 - 1 | fabs) < 1e-9' out >/dev/null; ok $? "16 times the energy"
else skip "JSON" "no jq"; fi

run mixbar cost one.cfg -s arch.tiles=100; is 4 "a chip that is too small"; err 'arrays are missing'; err 'reload'
run mixbar cost one.cfg -s arch.tiles=100 -s 'arch.dram="ddr4"' -s arch.dram_MiB=4; is 4 "and a memory that is too small"; err 'MiB are missing'
refused 'columns_per_adc = 7 does not divide cols = 128' "a multiplexer that does not divide" mixbar cost one.cfg -s arch.columns_per_adc=7
refused 'cannot hold' "a buffer below a row group" mixbar cost one.cfg -s arch.rows=8192 -s arch.buffer_KiB=1
refused 'adc_energy_factor' "a negative cost" mixbar cost one.cfg -s arch.adc_energy_factor=-1
refused 'out of range' "an absurd cost" mixbar cost one.cfg -s arch.noc_J_per_bit=1
printf 'schema = 1;\nnetwork = "%s";\ndevice = "rram";\narch = {\n  logic = "gates";\n  node_nm = 28.0;\n};\n' "$exp/networks/resnet18.csv" >node.cfg
refused 'node.cfg:6: node_nm = 28 does not suit the model that logic asks for' "an unknown node, with file and line" mixbar cost node.cfg
done_testing

#!/bin/sh
# show.t - list and show: everything registered can be shown, presets lie where they are said to lie, numbers of a network are right
. "${top_srcdir:-.}/tests/cli/lib.sh"

for kind in cells adcs policies baselines operators datasets kernels components presets plots verbs families params options; do
    run mixbar list $kind; is 0 "list $kind"
    [ "$(wc -l <out)" -ge 3 ]; ok $? "list $kind: there is something"
    run mixbar list $kind --format csv; is 0 "list $kind --format csv"
    run mixbar list $kind --format json; is 0 "list $kind --format json"
    if command -v jq >/dev/null 2>&1; then jq -e 'length > 0' out >/dev/null; ok $? "list $kind: valid JSON"; else skip "list $kind: valid JSON" "no jq"; fi
done
run mixbar list; is 0 "list"; out '^cell +rram '; out '^verb +run '; out '^kernel +portable '

# Every type and preset that is listed can be shown, as text and as JSON.
for pair in cells:cell adcs:adc policies:policy baselines:baseline; do
    mixbar list ${pair%:*} --format csv | sed 1d | grep "^${pair#*:}," | cut -d, -f2 >names
    while read -r name; do
        run mixbar show ${pair#*:} "$name"; is 0 "show ${pair#*:} $name"; out "^${pair#*:} +$name"
        run mixbar show ${pair#*:} "$name" --format json; is 0 "show ${pair#*:} $name as JSON"
        if command -v jq >/dev/null 2>&1; then jq -e .reference out >/dev/null; ok $? "show ${pair#*:} $name: valid JSON with a reference"; else skip "valid JSON" "no jq"; fi
    done <names
done
# Presets of devices are listed with the types, and under the type that they are of, also when they are built on another preset.
run mixbar list cells; out '^cell +generic '; out '^device preset +pcm-hermes '
[ "$(mixbar list cells --format csv | grep -c '^device preset,')" -ge 16 ]; ok $? "there are at least 16 presets"
run mixbar show cell generic; out '^pcm-hermes +'; out '^pcm-hermes-2 +'; out '^effects +.*drift'
run mixbar show cell pcm-hermes-2; out '^g_max +20.70 uS'; out '^drift_t0_s .* 300 +line'; out '^pulses +20'
run mixbar show cell rram-milo; out '^g_min +50.00 uS'; out '^write_energy +5.112 pJ'; out '^endurance +1.000 M'

mixbar list presets --format csv | sed 1d | cut -d, -f1,2 >presets
while IFS=, read -r kind name; do
    kind=${kind% preset}
    [ "$kind" = device ] && kind=cell
    [ "$kind:$name" = dataset:mnist ] || [ "$kind:$name" = dataset:cifar10 ] && continue   # files of the user's own
    run mixbar show "$kind" "$name"; is 0 "show $kind $name (preset)"; out "^file +.*/$name.cfg\$|^file +$name.cfg\$" "show $kind $name: where it lies"
done <presets

# Values of a preset come with their lines.
run mixbar show cell rram --format csv
value=$(sed -n 's/^g_max_S,real,\([^,]*\),line.*/\1/p' out)
[ -n "$value" ] && grep -q "^g_max_S" "$src/devices/rram.cfg"; ok $? "the value of a preset stands in its file"
out '^drift_t0_s,real,[^,]*,default,' "the origin of a default is told"

# A file of one's own.
cat >mine.cfg <<'END'
# mine
cell = "rram";
g_max_S = 50e-6;
END
run mixbar show cell mine.cfg; is 0 "show cell FILE"; out '^g_max +50.00 uS'; out '^g_max_S .* 5e-5 +line 3'
run mixbar show cell ./mine.cfg; is 0 "show cell ./FILE"

# The network: numbers worked out by hand from its layers.
net=$exp/networks/fashion_cnn.onnx
run mixbar show network "$net"; is 0 "show network"; out '^input +1x28x28'; out '^output +10$'
mixbar show network "$net" --format csv | awk -F, '
    NR > 1 && $12 != "" { params += $11; macs += $12; rows++; if ($7 * $8 * $9 * $10 != $12) bad++ }
    END { printf "params=%d\nmacs=%d\nrows=%d\nbad=%d\n", params, macs, rows, bad + 0 }' >sums
. ./sums
[ "$bad" -eq 0 ] && [ "$rows" -gt 0 ]; ok $? "groups x K x N x vectors are the MACs of each layer"
out "^parameters +$params\$" "the parameters of the layers sum to the total"
out "^MACs +$macs\$" "the MACs of the layers sum to the total"
out "^weighted +$rows\$" "weighted layers are counted"

run mixbar show dataset fashion-mnist-fallback; is 0 "show dataset"; out '^samples +1000$'; out '^shape +1x28x28$'; out '^classes +10$'
mixbar show dataset fashion-mnist-fallback --format csv | awk -F, '/^key,/ { exit } NR > 1 { n += $2 } END { exit n != 1000 }'; ok $? "samples of the classes sum to the total"

# Components of the technology layer: every one at its defaults, as text and as JSON; keys change the answer and are told.
mixbar list components --format csv | sed 1d | cut -d, -f2 >names
[ "$(wc -l <names)" -ge 30 ]; ok $? "there are at least 30 components"
while read -r name; do
    run mixbar show component "$name"; is 0 "show component $name"; out "^component +$name"; out '^source '; out '^ *key +'
    run mixbar show component "$name" --format json; is 0 "show component $name as JSON"
    if command -v jq >/dev/null 2>&1; then jq -e '.source and (.parameters | length > 0)' out >/dev/null; ok $? "show component $name: valid JSON"; else skip "valid JSON" "no jq"; fi
done <names
run mixbar show component adder; out '^energy +8.579 fJ'; out '^area +11.12 um2'; out '^node_nm .* 22 +default'
run mixbar show component adder -s bits=16 -s node_nm=7; is 0 "show component -s"; out '^area +5.907 um2'; out '^bits .* 16 +command'
run mixbar show component adc-survey -s rate_Hz=2e9 -s corner=high; out '^energy +9.070 pJ'; out '^energy_mid +2.591 pJ'
run mixbar show component adc-sar -s rows=256 -s cell_bits=2; out '^lossless_bits 10'
refused 'there are|it has 130, 90' "show component: node that is not in the table" mixbar show component adder -s node_nm=28
refused 'did you mean' "show component: unknown key" mixbar show component adder -s bitz=3
refused 'did you mean adder' "show component: nearest name" mixbar show component addr
run mixbar show cell rram -s g_max_S=1; is 2 "show: -s is for components"

# Names that do not exist.
refused 'did you mean "?rram' "show cell: nearest name" mixbar show cell rrom
refused 'did you mean sar' "show adc: nearest name" mixbar show adc sra
refused 'did you mean uniform' "show policy: nearest name" mixbar show policy unifrom
refused 'did you mean "?systolic' "show baseline: nearest name" mixbar show baseline systolik-32x32
refused 'did you mean "?rram-22nm' "show arch: nearest name" mixbar show arch rram-22mn
refused 'nothere.onnx' "show network: missing file" mixbar show network nothere.onnx
refused 'nothere.cfg' "show plan: missing file" mixbar show plan nothere.cfg
refused 'nothere' "show dataset: missing preset" mixbar show dataset nothere
refused 'nothere.npy' "show dataset: missing file" mixbar show dataset nothere.npy

# Every family can be shown; its keys can be set, and wrong ones are told.
for name in $(mixbar list families --format csv | sed 1d | cut -d, -f2); do
    run mixbar show family "$name"; is 0 "show family $name"; out "^family +$name\$"; out '^parameters +[0-9]+$'
done
run mixbar show family resnet20; out '^parameters +269722$' "ResNet-20 has 0.27 million parameters"; out '^MACs +40551040$'
run mixbar show family lenet --format json; is 0 "show family as JSON"
run mixbar show family lenet -s width=2 -s classes=47; is 0 "keys of a family"; out '^output +47$'; out '^conv1 +|conv1 +conv +0 +12x28x28'
run mixbar show family resnet21; is 3 "an unknown family"; err 'did you mean "resnet20"'
run mixbar show family lenet -s widht=2; is 3 "an unknown key of a family"; err 'width'
run mixbar show network x.onnx -s a=1; is 2 "show network takes no -s"

done_testing

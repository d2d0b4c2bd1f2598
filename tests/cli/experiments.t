#!/bin/sh
# experiments.t - every experiment that ships loads, asks a question, and has its paragraph in doc/experiments.md; shape tables of MLPerf Tiny
. "${top_srcdir:-.}/tests/cli/lib.sh"

for file in "$exp"/*.cfg; do
    name=$(basename "$file" .cfg)
    case $name in
    train-*) grep -q 'train-' "$src/doc/experiments.md"; ok $? "$name is in doc/experiments.md"; continue ;;
    esac
    run mixbar check "$file"; is 0 "$name: every point loads"; no_err "$name: without a warning"
    grep -q '^question = ' "$file"; ok $? "$name asks a question"
    grep -q "experiments/$name.cfg" "$src/doc/experiments.md"; ok $? "$name is in doc/experiments.md"
    cat "$src"/experiments/*.mk | grep -q "experiments/$name.cfg"; ok $? "$name is installed"
done
# multiply-accumulates and parameters of the published networks (Banbury et al., arXiv:2106.07597), as their ONNX files have them
while read -r file macs params; do
    run mixbar show network "$exp/networks/mlperf_$file.csv"; is 0 "mlperf_$file loads"
    out "^MACs +$macs\$"; out "^parameters +$params\$"
done <<'E2'
resnet8 12501632 77706
mobilenetv1_025 7489664 210850
dscnn 2656768 22604
autoencoder 264192 265864
E2
done_testing

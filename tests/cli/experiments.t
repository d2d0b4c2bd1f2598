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
# the pictures of doc/experiments.md: all there, installed, drawn by the script, and whole
sed -n 's/^!\[..*\](\(pictures\/[^)]*\))$/\1/p' "$src/doc/experiments.md" | sort >shown
(cd "$src/doc" && ls pictures/*.svg) | sort | cmp -s - shown; ok $? "$(wc -l <shown) pictures are shown, all that there are"
while read -r f; do
    grep -q "doc/$f" "$src/doc/local.mk" && tail -c 8 "$src/doc/$f" | grep -q '</svg>'; ok $? "$f is installed and whole"
done <shown
sed -n "/^done <</,/^END/s/^\\([a-z][a-z0-9_-]*\\)  *\\(run\\|costs\\|fresh\\)  *\\([a-z-]*\\).*/pictures\/\1-\3.svg/p" "$src/doc/pictures.sh" | sort | cmp -s - shown; ok $? "make pictures draws them"
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

#!/bin/sh
# shapes.t - networks from tables of layer shapes: costed, mapped and checked without weights or data; nothing that needs weights
. "${top_srcdir:-.}/tests/cli/lib.sh"

big=$exp/large-networks.cfg
run mixbar check "$big"; is 0 "check without weights"; no_err "without a word"
out '^dataset .*no weights'; out 'vgg16: 16 weighted layers, 138357544 parameters, 15470264320 MACs' "totals of VGG-16"
run mixbar cost "$big" --point 1 --summary; is 0 "cost without weights"; out '^systolic-32x32 '; out 'layer4.1.conv2'
run mixbar cost "$big" --point 5 --format csv; is 0 "cost of BERT-base"
# Products of two activations: every MAC of every head, on the digital unit; 12 blocks, 2 products, 12 heads, 128 x 128 x 64.
awk -F, '$3 ~ /block[0-9]+\.(qk|av)$/ && $4 == "multiply-accumulate" { n += $6; e += $8 } $4 == "cells" && $3 ~ /qk|av/ { cells++ }
    END { exit !(n == 12 * 2 * 12 * 128 * 128 * 64 && e > 0 && !cells) }' out; ok $? "attention is counted, on the digital unit"
run mixbar cost "$big" --point 5 --format json; is 0 "as JSON"
if command -v jq >/dev/null 2>&1; then
    jq -e '[.points[0].baselines[] | .tree.children[] | select(.name | test("(qk|av)$")) | .children[] | select(.name == "product and sum") | .count] | add == 2 * 12 * 2 * 12 * 128 * 128 * 64' out >/dev/null
    ok $? "attention is counted on both baselines"
else skip "attention on baselines" "no jq"; fi
run mixbar map "$big" --point 3 -o plan.cfg; is 0 "map without weights"
run mixbar cost "$big" --point 3 -p plan.cfg --summary; is 0 "and its plan is costed"
refused 'has no weights: it can be costed and mapped' "run says why" mixbar run "$big"
refused 'has no weights: it can be costed and mapped' "eval says why" mixbar eval "$big" --point 3 -p plan.cfg
run mixbar show network "$exp/networks/resnet50.csv"; is 0 "show network"; out '^weights +none'; out '^parameters +25530472'; out '^MACs +4089184256'

# A table of one's own, and a wrong one.
cat >own.csv <<'END'
name,op,in_channels,out_channels,kernel_h,kernel_w,padding,in_h,in_w
c1,conv,3,16,3,3,1,32,32
fc,linear,16384,10,1,1,0,1,1
END
sed 's|networks/resnet18.csv|own.csv|; /^sweep/,$d' "$big" >own.cfg
run mixbar cost own.cfg --summary; is 0 "a table of one's own"; out '^c1 '
sed 's/3,3,1,32/3,3,one,32/' own.csv >bad.csv
refused 'bad.csv:2' "a bad row is named by file and line" mixbar cost own.cfg -s network=\"bad.csv\"
sed 's/^fc,linear/fc,liner/' own.csv >bad.csv
refused 'bad.csv:3: op "liner" is not known, did you mean linear' "an unknown operator, with the nearest" mixbar check own.cfg -s network=\"bad.csv\"
done_testing

#!/bin/sh
# sensitivity.t - mixbar sensitivity: two ways to the same trace agree, threads do not matter, predictions come near the measured loss
. "${top_srcdir:-.}/tests/cli/lib.sh"
cfg=$exp/quickstart.cfg

run mixbar sensitivity "$cfg" -n 16 --probes 12 --steps 3 -j 1 --format csv
is 0 "sensitivities of the shipped network"
cp out one
run mixbar sensitivity "$cfg" -n 16 --probes 12 --steps 3 -j 2 --format csv
cmp -s out one; ok $? "the same bytes with two threads"
# Networks of ReLUs: the trace of each layer's Hessian is that of the true Fisher information on the same samples; 3 times the half-width covers the probes' noise.
awk -F, '$3 ~ /^[0-9]+$/ { n++; d = $4 - $7; if (d < 0) d = -d; if (!(d <= 3 * $5) || !($7 > 0) || !($6 > 0) || !($10 > 0)) bad = 1 } END { exit !(n == 5 && !bad) }' one
ok $? "Hutchinson's trace agrees with the Fisher information in five layers"; [ $? -eq 0 ] || diag one
# The largest eigenvalue is no more than the trace (all eigenvalues are at least 0 then) and no less than the mean one.
awk -F, '$3 ~ /^[0-9]+$/ { if (!($6 <= 1.0001 * $7) || !($6 * $3 >= $7)) bad = 1 } END { exit bad }' one
ok $? "the largest eigenvalue lies between mean and trace"

run mixbar sensitivity "$cfg" -n 16 --probes 0 --steps 0 --bits 6,12 --measure --format json
is 0 "changes of weights, as JSON"
if command -v jq >/dev/null 2>&1; then
    jq -e '.samples == 16 and (.layers | length) == 5 and (.changes | length) == 10 and (.layers[0].trace == null)' out >/dev/null
    ok $? "valid JSON: five layers, ten changes, what was left out is null"; [ -s out ] || diag out
    jq -e '[.changes[] | select(.bits == 12)] as $c | [.changes[] | select(.bits == 6)] as $s | all(range(5); $c[.].dW2 < $s[.].dW2 / 100 and $c[.].mpqnnco < $s[.].mpqnnco)' out >/dev/null
    ok $? "more bits, smaller changes"
else
    skip "valid JSON" "no jq"
fi
run mixbar sensitivity "$cfg" --bits 4,x; is 2 "--bits wants numbers"; err 'whole numbers from 1 to 16'
run mixbar sensitivity "$cfg" --bits 0; is 2 "--bits 0"
run mixbar sensitivity "$cfg" --measure; is 2 "--measure without --bits"; err '--bits'
run mixbar sensitivity "$cfg" --probes=-1; is 2 "--probes -1"; err 'from 0 to'
run mixbar sensitivity missing.cfg; is 3 "a missing experiment"
run mixbar sensitivity "$cfg" --point 99; is 2 "a point that is not there"
done_testing

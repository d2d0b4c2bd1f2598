#!/bin/sh
# map.t - mixed-precision mapping as a user meets it: policies, their search told, fronts, plans that replay, tables of one's own
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/cli/small.sh
. "$src/tests/cli/small.sh"

write_small mix.cfg
sed '/^map/d; /^sweep/d; /^against/d' mix.cfg >plain && mv plain mix.cfg
cat >>mix.cfg <<'E2'
map = { policy = "mixbar"; candidates = 2; uniform = 2; refine = 1; samples = 16; draws = 4; screen = 2; also = "kl"; sensitivity_options = { trials = 2; };
  menu = { weight_bits = [2, 4, 8]; input_bits = [4, 8]; adc_bits = [6, 8]; };
  budget = { energy_J = 1e-3; }; };
E2
run mixbar map mix.cfg --front energy_J --points 4 -o front
is 0 "mixbar searches, simulates, and makes a front"
out '^policy +mixbar'; out '^certificate +optimal \(proven\)'; out '^simulations +[0-9]'; out '^cost_evaluations'; out ' \* +(table|uniform|refined|other table)'; out '^hypervolume'
[ "$(ls front | grep -c '^plan-front-..\.cfg$')" -ge 2 ]; ok $? "the plans of the front are saved"
run mixbar cost mix.cfg -p front/plan-front-01.cfg --summary; is 0 "a plan of the front replays"
mixbar map mix.cfg --format json >one.json 2>/dev/null; mixbar map mix.cfg -j 1 --format json >two.json 2>/dev/null
sed '/_s"/d; s/"[a-z]*_s": *[0-9.e-]*,\{0,1\}//g' one.json >one; sed '/_s"/d; s/"[a-z]*_s": *[0-9.e-]*,\{0,1\}//g' two.json >two
cmp -s one two; ok $? "the same answer with one thread, times aside"

for policy in hawq-v3 mpqnnco eagl evolution haq; do
    sed "s/policy = \"mixbar\"; candidates.*$/policy = \"$policy\";/" mix.cfg >p.cfg
    [ $policy = hawq-v3 ] && sed -i 's/policy = "hawq-v3";/policy = "hawq-v3"; sensitivity_options = { samples = 8; probes = 4; };/' p.cfg
    [ $policy = haq ] && sed -i 's/policy = "haq";/policy = "haq"; solver_options = { episodes = 25; };/' p.cfg
    run mixbar map p.cfg; is 0 "policy $policy"; out "^policy +$policy"
done
run mixbar map mix.cfg -s map.sensitivity=orthogonality -s 'map.sensitivity_options={ samples = 8; }'; is 0 "orthogonality from the outputs of layers"
out '^measurements +[0-9]'
for sens in hessian lambda fisher kl measured; do
    run mixbar map p.cfg -s map.policy=hawq-v3 -s map.sensitivity=$sens -s 'map.sensitivity_options={ samples = 4; }'; is 0 "sensitivity $sens"; out "^sensitivity +$sens"
done
run mixbar map mix.cfg -s map.sensitivity=clado -s map.solver=quadratic -s 'map.sensitivity_options={ samples = 8; pairs = "measured"; }' -s map.refine=0; is 0 "pairwise terms"
run mixbar map mix.cfg -s map.sensitivity=clado -s 'map.sensitivity_options={ samples = 8; }'; is 3 "pairs need a solver that knows them"; err 'pairwise'
run mixbar map mix.cfg -s map.sensitivity=hessian -s 'map.sensitivity_options={ trace = "fischer"; }'; is 3 "an unknown trace"; err 'did you mean "fisher"'
run mixbar map mix.cfg -s map.draws=6; is 0 "finalists meet more devices"; out ' \* +(table|uniform|refined|other table).* 6 '
run mixbar map mix.cfg -s 'map.also="fischer"'; is 3 "an unknown table"; err 'did you mean fisher'
run mixbar run mix.cfg -o searched; is 0 "a run with a search"
jq -es '[.[] | select(.accuracy and .search_simulated)][0] | .search_simulated >= 4 and .search_measured > 10 and .search_costs > 10' searched/results.jsonl >/dev/null; ok $? "results say what was asked"
grep -q '"search_s of point 0"' searched/manifest.json; ok $? "and the manifest how long it took"
run mixbar map mix.cfg -s map.budget.energy_J=1e-15; is 4 "a budget below the cheapest plan"; err 'no plan fits budget.energy_J = 1.000 fJ: the cheapest mix of settings needs'
run mixbar map mix.cfg -s map.sensitivity=entropi; is 3 "an unknown sensitivity"; err 'did you mean entropy'
run mixbar map mix.cfg -s map.budget.layer_latency_s=1e-9; is 4 "a pipeline that no layer keeps up with"; err 'layer conv1 is slower than'
run mixbar map mix.cfg --front energy; is 2 "an unknown cost of a front"; err 'did you mean energy_J'
run mixbar map mix.cfg -s map.policy=uniform -s map.candidates=1; is 3 "keys of another policy"

cat >layers.csv <<'E2'
layer,choice,sensitivity,energy_J,arrays,tied
conv1,2 bit,3.1,1e-9,1,a
conv1,4 bit,0.4,2e-9,2,a
conv1,8 bit,0.01,5e-9,4,a
conv2,2 bit,5.1,2e-9,2,a
conv2,4 bit,0.9,4e-9,4,a
conv2,8 bit,0.02,9e-9,8,a
fc,2 bit,0.5,1e-9,1,
fc,8 bit,0.1,3e-9,3,
E2
run mixbar map --table layers.csv --limit energy_J=1e-8 --best 2 --format csv
is 0 "a table of one's own"; out '^conv1,4 bit,0.4,2e-09,2,1'; out '^fc,8 bit,0.1,3e-09,3,1'; out '^fc,2 bit,0.5,1e-09,1,2'
for solver in exact glpk greedy quadratic anneal nsga2 relax; do
    run mixbar map --table layers.csv --limit energy_J=1e-8 --solver $solver; is 0 "solver $solver"; out '^conv2 +4 bit'
done
run mixbar map --table layers.csv --front energy_J; is 0 "the front of a table"; out '^front +complete'; out '^points +6'
run mixbar map --table layers.csv --front energy_J,arrays --points 30; is 0 "a front of three objectives"; out 'sweep'
run mixbar map --table layers.csv --limit energy_J=1e-9; is 4 "a limit that cannot be met"; err 'energy_J = 1e-09: the cheapest choices need 4e-09'
sed 's/4 bit,0.9/4 bit,/' layers.csv >hole.csv
run mixbar map --table hole.csv; is 3 "a missing cell"; err 'hole.csv:6: layer conv2: the cell sensitivity is missing'
run mixbar map --table layers.csv --limit energy=1; is 3 "an unknown cost"; err 'did you mean energy_J'
run mixbar map --table layers.csv --solver gredy; is 2 "an unknown solver"; err 'did you mean greedy'
run mixbar map --table layers.csv mix.cfg; is 2 "a table and an experiment"
run mixbar map; is 2 "neither"
run mixbar map mix.cfg --best 3; is 2 "options of tables"; err 'belong to --table'
done_testing

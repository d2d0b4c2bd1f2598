#!/bin/sh
# tuning.t - mapping by training as a user meets it: policies alps, edmips, binary; map.finetune in map and run; the network that comes out
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/cli/small.sh
. "$src/tests/cli/small.sh"

write_small mix.cfg
sed '/^map/d; /^sweep/d; /^against/d; /^calibration/d' mix.cfg >plain && mv plain mix.cfg
cat >>mix.cfg <<E2
calibration = { dataset = { format = "idx"; images = "$exp/data/fashion-calib-256-images-idx3-ubyte.gz"; labels = "$exp/data/fashion-calib-256-labels-idx1-ubyte.gz"; }; samples = 32; };
map = { policy = "alps"; cell_bits = 1; menu = { weight_bits = [2, 4]; input_bits = [2, 4]; }; first = { input_bits = 8; };
  budget = { weight_bits = 300000.0; }; };
train = { batch = 32; rate = 0.005; };
E2
run mixbar map mix.cfg --format json; is 0 "alps"; cp out one
out '"sensitivity": *"alps"'; out '"certificate": *"optimal'
mixbar map mix.cfg -j 1 --format json >two 2>/dev/null
sed 's/"[a-z]*_s": *[0-9.e-]*,\{0,1\}//g' one >a; sed 's/"[a-z]*_s": *[0-9.e-]*,\{0,1\}//g' two >b
cmp -s a b; ok $? "the same answer with one thread, times aside"
run mixbar map mix.cfg -s 'map.sensitivity_options={ settings = "all"; metric = "accuracy"; epochs = 2; }'; is 0 "alps at every pair of bits"
run mixbar map mix.cfg -s map.policy=edmips -s 'map.sensitivity_options={ epochs = 2; eta = 0.2; complexity = "energy_J"; }'; is 0 "edmips with the machine's energy"
out '^policy +edmips'; err 'EdMIPS: training loss [0-9.]+ with [0-9.]+ of it complexity'

run mixbar map mix.cfg -s map.finetune.epochs=2 -o plan.cfg; is 0 "fine-tuning after the search"
out '^as it is +0 '; out '^fine-tuned +2 '; err 'in plan.onnx'
before=$(awk '/^as it is/ { print $5 }' out) after=$(awk '/^fine-tuned/ { print $3 }' out)
awk "BEGIN { exit !($after < $before) }"; ok $? "fine-tuned under the plan it loses less ($before, then $after)"
run mixbar show network plan.onnx; is 0 "the trained network is a network"; out '^weighted +5'

run mixbar train mix.cfg -s 'train.dataset="fashion-mnist-fallback"' -s train.samples=64 -s train.plan=plan.cfg -s train.weight_quantiser=lsq -s train.epochs=1 -o by-plan
is 0 "mixbar train takes the plan of mixbar map for the same network"

# a run judges the trained network and keeps it; its bytes depend on nothing but the experiment
run mixbar run mix.cfg -s map.finetune.epochs=2 -o tuned --no-plots --format csv; is 0 "run with map.finetune"
[ -s tuned/net-0000.onnx ] && cmp -s tuned/net-0000.onnx plan.onnx; ok $? "the network of the point is in the run folder, that of mixbar map"
mixbar run mix.cfg -s map.finetune.epochs=2 -o again --no-plots -j 1 >/dev/null 2>&1
cmp -s tuned/results.jsonl again/results.jsonl && cmp -s tuned/net-0000.onnx again/net-0000.onnx; ok $? "the same bytes with one thread"
run mixbar run mix.cfg -s map.finetune.epochs=2 -o tuned --no-plots --resume; is 0 "nothing is left to do"
cmp -s tuned/results.jsonl again/results.jsonl; ok $? "and nothing changed"
mkdir nets && cp "$exp/networks/fashion_cnn.onnx" nets/teacher.onnx
sed 's#rate = 0.005;#rate = 0.005; teacher = "nets/teacher.onnx";#' mix.cfg >taught.cfg
run mixbar run taught.cfg -s map.finetune.epochs=1 -o taught --no-plots; is 0 "with a teacher beside the experiment"
run mixbar run taught/used.cfg -o repeated --no-plots; is 0 "used.cfg finds it"
cmp -s taught/results.jsonl repeated/results.jsonl && cmp -s taught/net-0000.onnx repeated/net-0000.onnx; ok $? "and repeats the run"
mv nets moved && sed 's#nets/teacher#moved/teacher#' taught.cfg >moved.cfg
run mixbar run moved.cfg -s map.finetune.epochs=1 -o relocated --no-plots; is 0 "the teacher at another place"
same=$(grep -o '"id":"[0-9a-f]*"' taught/results.jsonl relocated/results.jsonl | sed 's/.*://' | sort -u | wc -l)
[ "$same" = 1 ] && cmp -s taught/net-0000.onnx relocated/net-0000.onnx; ok $? "is the same teacher, and the point the same point"
run mixbar run mix.cfg -s map.finetune.epochs=2 -s train.rate=0.006 -o other --no-plots; is 0 "another rate"
! cmp -s tuned/net-0000.onnx other/net-0000.onnx; ok $? "makes another network"
same=$(grep -o '"id":"[0-9a-f]*"' tuned/results.jsonl other/results.jsonl | sed 's/.*://' | sort -u | wc -l)
[ "$same" = 2 ]; ok $? "and another identity of the point"
sed '/^network_hash/d' tuned/plan-0000.cfg >free.cfg
run mixbar eval mix.cfg -s network=tuned/net-0000.onnx -p free.cfg --format json; is 0 "the kept network under its plan"
q=$(grep -o '"quantised_accuracy": *[0-9.]*' out | head -n 1 | sed 's/.*: *//')
grep -q "\"quantised_accuracy\":$q[,}]" tuned/results.jsonl; ok $? "has the accuracy of the run ($q)"

run mixbar map mix.cfg -s map.policy=binary -s map.budget.weight_bits=1e9 -s map.menu.input_bits='[2,4]' -s map.finetune.epochs=1 -o binary.cfg
is 0 "binary, fine-tuned"; out '^conv2 +analog +1 '; out '^fc2 +analog +8 '
run mixbar map mix.cfg -s map.finetune.epochs=1 -s train.noise=1.0 -s train.weight_clip=2.5 -s train.teacher="$exp/networks/fashion_cnn.onnx" -s map.policy=eagl
is 0 "with the errors of the device and a teacher"; out '^fine-tuned +1 '

refused 'did you mean "rate"' "a wrong key of the training, before anything runs" mixbar check mix.cfg -s train.rates=0.1
refused 'did you mean "epochs"' "a wrong key of map.finetune" mixbar check mix.cfg -s map.finetune.epoch=3
refused 'train.samples = 257, but .* holds 256' "more training samples than there are" mixbar map mix.cfg -s train.samples=257
run mixbar check mix.cfg -s map.policy=uniform -s map.finetune.epochs=0; is 0 "no epochs: nothing is trained"
done_testing

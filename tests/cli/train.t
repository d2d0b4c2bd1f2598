#!/bin/sh
# mixbar train: a small training from beginning to end, resumed to the same bytes, at the bits of a plan, with the errors of a device, what it refuses
. "${top_srcdir:-.}/tests/cli/lib.sh"

cat >small.cfg <<END
schema = 1;
name = "small";
dataset = { format = "idx"; images = "$exp/data/fashion-test-1000-images-idx3-ubyte.gz"; labels = "$exp/data/fashion-test-1000-labels-idx1-ubyte.gz"; count = 200; };
seed = 3;
train = {
    network = { family = "lenet"; norm = true; };
    dataset = { format = "idx"; images = "$exp/data/fashion-calib-256-images-idx3-ubyte.gz"; labels = "$exp/data/fashion-calib-256-labels-idx1-ubyte.gz"; };
    epochs = 8; batch = 32; rate = 0.1; schedule = "one-cycle"; threads = 2;
};
END

run mixbar train small.cfg
is 0 "trains"
out '^test_accuracy' "says the accuracy"
err '^epoch 8/8 .*images/s' "one line per epoch"
ok "$([ -s runs/small/small.onnx ] && [ -s runs/small/used.cfg ] && [ "$(wc -l <runs/small/train.jsonl)" = 8 ]; echo $?)" "run folder: network, used.cfg, one line per epoch"
correct=$(awk '$1 == "correct" { print $2 }' out)
ok "$([ "$correct" -ge 110 ]; echo $?)" "more than half of 200 test images after 8 epochs over 256 images ($correct)"

run mixbar train small.cfg
is 3 "does not write over a training"
err -- '--resume goes on' "says what to do"

run mixbar train small.cfg -o again
ok "$(cmp -s runs/small/small.onnx again/small.onnx && cmp -s runs/small/train.jsonl again/train.jsonl; echo $?)" "the same bytes again"
run mixbar train small.cfg -o one -j 1
ok "$(cmp -s runs/small/small.onnx one/small.onnx; echo $?)" "the same bytes for -j 1: train.threads says how a batch is split"

# killed in the middle: whatever was reached, resuming ends in the same bytes
(mixbar train small.cfg -o killed >/dev/null 2>&1 & pid=$!; while [ ! -s killed/checkpoint ] && kill -0 $pid 2>/dev/null; do :; done; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null)
run mixbar train small.cfg -o killed --resume
is 0 "resumes after kill -9"
ok "$(cmp -s runs/small/small.onnx killed/small.onnx && cmp -s runs/small/train.jsonl killed/train.jsonl; echo $?)" "resumed to the same bytes"
run mixbar train small.cfg -o killed --resume -s train.rate=0.2
is 3 "does not go on as another training"
err 'of another training' "says so"

run mixbar train small.cfg -o other -s seed=4 -s train.epochs=1
for net in runs/small/small.onnx other/small.onnx; do
    run mixbar train small.cfg -o onward --resume -s "train.network=$net" -s train.epochs=1 -s train.rate=0.01
done
is 3 "does not go on from another network"; err 'of another training'
for time in 0.0 1e6; do
    run mixbar train small.cfg -o aged --resume -s train.network=runs/small/small.onnx -s train.epochs=1 -s device=rram -s train.noise=1 -s read.time_s=$time
done
is 3 "nor with the errors of another time"; err 'of another training'

# used.cfg repeats the training
run mixbar train runs/small/used.cfg -o used
ok "$(cmp -s runs/small/small.onnx used/small.onnx; echo $?)" "used.cfg repeats the training"

# quantised fine-tuning: what the training engine says is what integers say
cat >quantised.cfg <<END
@include "small.cfg"
network = "runs/small/small.onnx";
device = "ideal";
arch = "ideal";
map = { weight_bits = 4; input_bits = 4; };
calibration = { dataset = { format = "idx"; images = "$exp/data/fashion-calib-256-images-idx3-ubyte.gz"; labels = "$exp/data/fashion-calib-256-labels-idx1-ubyte.gz"; }; samples = 256; };
END
run mixbar train quantised.cfg -s name=q4 -s train.network=runs/small/small.onnx -s train.weight_quantiser=lsq -s train.input_quantiser=lsq \
    -s train.epochs=2 -s train.rate=0.01 -s train.teacher=runs/small/small.onnx
is 0 "fine-tunes at 4 bits with a teacher"
trained=$(awk '$1 == "correct" { print $2 }' out)
run mixbar run quantised.cfg -s network=runs/q4/q4.onnx -o mapped --no-plots -f csv
is 0 "maps the quantised network"
mapped=$(sed -n 's/.*"quantised_accuracy":\([0-9.]*\).*/\1/p' mapped/results.jsonl | awk '{ printf "%d", 200 * $1 + 0.5; exit }')
echo "# correct: trained $trained, mapped $mapped"
ok "$([ -n "$mapped" ] && [ $((trained - mapped)) -le 1 ] && [ $((mapped - trained)) -le 1 ]; echo $?)" "as many correct on integers as the training said, within one"

run mixbar train quantised.cfg -s name=noisy -s train.network=runs/small/small.onnx -s device=rram -s train.noise=1 -s train.weight_clip=2.5 -s train.epochs=1 -s train.rate=0.01
is 0 "trains with the errors of a device"

run mixbar train quantised.cfg -s name=coarse -s train.network=runs/small/small.onnx -s network=runs/small/small.onnx -s device=rram -s arch=rram-22nm -s map.adc_bits=2 \
    -s train.converters=noise -s train.epochs=1 -s train.rate=0.01
is 0 "trains with the errors of converters"
for j in 1 2; do
    run mixbar train quantised.cfg -s name=clip -o clip$j -s train.network=runs/small/small.onnx -s network=runs/small/small.onnx -s device=rram -s arch=rram-22nm -s map.adc_bits=2 \
        -s train.converters=arrays -s train.converter_refresh=3 -s train.epochs=2 -s train.rate=0.01 -j $j
    is 0 "trains on the arrays' converters, $j thread(s)"
done
ok "$(cmp -s clip1/clip.onnx clip2/clip.onnx && ! cmp -s clip1/train.jsonl runs/coarse/train.jsonl; echo $?)" "the same bytes with both, and other ones than with noise"
run mixbar train quantised.cfg -s name=fine -s train.network=runs/small/small.onnx -s train.epochs=1 -s train.rate=0.01
ok "$(! cmp -s runs/coarse/coarse.onnx runs/fine/fine.onnx && [ -s runs/fine/fine.onnx ]; echo $?)" "they change what is learnt"

# binary
run mixbar train small.cfg -s name=binary -s train.hard_tanh=true -s 'map={ weight_bits = 1; input_bits = 1; first = { weight_bits = 8; input_bits = 8; }; last = { weight_bits = 8; }; }' \
    -s train.weight_quantiser=sign -s train.input_quantiser=sign -s train.epochs=2
is 0 "trains a binary network"

# refused
refused 'larger than the 256' "a batch larger than the data" mixbar train small.cfg -s train.batch=300 -o x1
refused 'did you mean "lenet"' "an unknown family" mixbar train small.cfg -s train.network.family=lennet -o x2
refused 'labels up to|4 classes|classes' "labels outside of the classes" mixbar train small.cfg -s train.network.classes=4 -o x3
refused 'need a device' "noise without a device" mixbar train small.cfg -s train.noise=1 -o x4
refused 'did you mean "rate"' "an unknown key" mixbar train small.cfg -s train.rat=1 -o x5
refused 'train is a group' "train that is no group" mixbar train small.cfg -s train=5 -o x6
run mixbar train small.cfg -s train.rate=1e30 -s train.schedule=constant -o diverged
is 3 "a rate beyond its range"
run mixbar train small.cfg -s train.rate=100 -s train.schedule=constant -s train.momentum=0.999 -s train.decay=1 -s train.epochs=30 -o diverged
is 4 "a loss that is not a number"
err 'is the first whose results are not finite' "names the layer"
run mixbar train small.cfg --resume --force
is 2 "--resume and --force"
done_testing

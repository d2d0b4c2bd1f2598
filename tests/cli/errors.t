#!/bin/sh
# errors.t - bad input: exit code 3, a message that says what and where and what to try, no crash, no answer, no run folder
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
net=$exp/networks/fashion_cnn.onnx

write_small small.cfg
run mixbar check small.cfg; is 0 "the experiment that the bad ones are made from is good"

# NAME PATTERN [-s KEY=VALUE]...: check and run both refuse it with the same message.
bad() {
    what=$1 pattern=$2
    shift 2
    refused "$pattern" "check refuses: $what" mixbar check small.cfg "$@"
    grep '^mixbar: error' err >err.check
    refused "$pattern" "run refuses: $what" mixbar run small.cfg "$@"
    grep '^mixbar: error' err | cmp -s - err.check; ok $? "run says what check says: $what"
}

# --- the experiment file
refused 'nothere.cfg' "missing experiment" mixbar run nothere.cfg
refused 'is a directory|folder|directory' "a folder as experiment" mixbar run .
: >empty.cfg
refused 'empty.cfg' "an empty file" mixbar run empty.cfg
head -c 300 /dev/urandom >noise.cfg 2>/dev/null || echo '%%%' >noise.cfg
refused 'noise.cfg' "noise as experiment" mixbar run noise.cfg
echo 'schema = 1; network = "x.onnx" dataset' >syntax.cfg
refused 'syntax.cfg:[0-9]+' "syntax error with its line" mixbar run syntax.cfg
printf 'schema = 1;\nseed = 3000000000;\n' >wrap.cfg
refused 'wrap.cfg:2' "an integer over 32 bits without L" mixbar check wrap.cfg
printf 'schema = 1;\nseed = 3;\nseed = 4;\n' >twice.cfg
refused 'twice.cfg:3' "a key that stands twice" mixbar check twice.cfg
write_small schema.cfg; sed -i 's/^schema = 1/schema = 2/' schema.cfg
refused 'schema' "another schema" mixbar run schema.cfg
write_small noschema.cfg; sed -i '/^schema/d' noschema.cfg
refused 'schema' "no schema" mixbar run noschema.cfg

# --- keys and values, in the file and on the command line
write_small typo.cfg 'triels = 3;'
refused 'typo.cfg:14.*triels|triels.*typo.cfg:14' "unknown key with its line" mixbar run typo.cfg
err 'trials' "unknown key: nearest name"
bad "unknown key" 'unknown key "adc_bit" in map.*adc_bits' -s map.adc_bit=8
bad "unknown key of the machine" 'rowz' -s arch.rowz=8
bad "unknown key of the device" 'g_max' -s device.g_max=1e-6
bad "wrong type: text for an integer" 'trials' -s trials=many
bad "wrong type: real for an integer" 'trials' -s trials=2.5
bad "wrong type: number for a text" 'dataset' -s dataset=5
bad "wrong type: group for an integer" 'trials' -s 'trials={ a = 1; }'
bad "out of range" 'map.weight_bits.*1 .*8|weight_bits.*9' -s 'sweep={ axes = ( { key = "map.weight_bits"; values = [9]; } ); }'
bad "out of range below" 'trials' -s trials=0
bad "out of range real" 'on_off' -s device.on_off=0.5
bad "unknown choice" 'diferential' -s map.scheme=diferential
bad "not a number" 'read.time_s|time_s' -s read.time_s=nan
bad "negative resistance of a line" 'r_wl_ohm.*-1' -s arch.r_wl_ohm=-1.0
bad "a resistance that is not finite" 'r_bl_ohm' -s arch.r_bl_ohm=inf
bad "a resistance that is not a number" 'r_driver_ohm' -s arch.r_driver_ohm=nan
bad "an absurd resistance" 'r_sense_ohm.*out of range' -s arch.r_sense_ohm=1e15
bad "interleaved pairs without analog subtraction" 'interleaved' -s arch.interleaved=true -s arch.subtract=digital
bad "interleaved pairs in offset" 'interleaved.*differential' -s arch.interleaved=true -s map.scheme=offset
write_small broken.cfg; sed -i 's|^arch = .*|arch = { preset = "rram-22nm";\n  r_bl_ohm = -2.0; };|' broken.cfg
refused 'broken.cfg:[0-9]+.*r_bl_ohm' "a negative resistance in the file, with its line" mixbar run broken.cfg
for verb in check run map cost; do
    refused 'rows_active' "$verb refuses: rows_active over the rows" mixbar $verb small.cfg -s map.rows_active=200
    refused 'dac_bits' "$verb refuses: input digits wider than the input" mixbar $verb small.cfg -s map.dac_bits=4 -s map.input_bits=2
done
run mixbar run small.cfg -s trials; is 2 "a setting without ="; err 'KEY=VALUE'
bad "a name that is no folder" 'name' -s 'name="../up"'

# --- presets
bad "unknown device" 'did you mean "?rram' -s device=rramm
bad "unknown machine" 'did you mean "?rram-22nm' -s arch=rram-22mn
bad "unknown baseline" 'systolic-32x32' -s 'against=( "systolic-32x33" )'
bad "unknown cell type" 'rrrm' -s 'device={ cell = "rrrm"; }'
bad "unknown policy" 'unifrom.*uniform' -s map.policy=unifrom
bad "unknown plot" 'did you mean "?accuracy-energy' -s 'plot=[ "acuracy-energy" ]'
bad "device file missing" 'nothere.cfg' -s device=./nothere.cfg

# --- sweeps
bad "sweep over an unknown key" 'map.weigth_bits|weight_bits' -s 'sweep={ axes = ( { key = "map.weigth_bits"; values = [8]; } ); }'
bad "axes in step of different lengths" 'zip' \
    -s 'sweep={ mode = "zip"; axes = ( { key = "seed"; values = [1,2]; }, { key = "trials"; values = [1]; } ); }'
bad "an axis without values" 'values' -s 'sweep={ axes = ( { key = "seed"; } ); }'
bad "the second point is the bad one" 'point 1' -s 'sweep={ axes = ( { key = "map.weight_bits"; values = [8, 9]; } ); }'

# --- the network
bad "missing network" 'nothere.onnx' -s network=nothere.onnx
head -c 5000 "$net" >truncated.onnx
bad "truncated ONNX" 'truncated.onnx' -s network="$work/truncated.onnx"
head -c 300000 "$net" >truncated2.onnx
bad "ONNX truncated in the weights" 'truncated2.onnx' -s network="$work/truncated2.onnx"
echo "not a network" >text.onnx
bad "text as ONNX" 'text.onnx' -s network="$work/text.onnx"
: >empty.onnx
bad "empty ONNX" 'empty.onnx' -s network="$work/empty.onnx"
cp "$net" nan.onnx; chmod u+w nan.onnx
head -c 4096 /dev/zero | tr '\0' '\377' | dd of=nan.onnx bs=1 seek=200000 conv=notrunc 2>/dev/null
bad "NaN weights" '(nan.onnx|layer|Gemm|Conv|MatMul|fc|conv).*' -s network="$work/nan.onnx"
err '[Nn]a[Nn]|finite' "NaN weights are called so"

# --- data: 12 images of 4 x 4
idx() { # FILE MAGIC N H W BYTES
    { printf "\\0\\0\\010\\$2\\0\\0\\0\\$3\\0\\0\\0\\$4\\0\\0\\0\\$5"; head -c "$6" /dev/zero; } >"$1"
}
labels() { { printf "\\0\\0\\010\\001\\0\\0\\0\\$2"; head -c "$3" /dev/zero; } >"$1"; }
labels lab 014 12
data() { bad "$1" "$2" -s "dataset={ format = \"$3\"; images = \"$work/$4\"; labels = \"$work/${5-lab}\"; classes = 10; }" -s samples=0; }
idx tiny 003 014 004 004 192
data "images that do not fit the network" '4x4.*28x28|28x28.*4x4' idx tiny
idx short 003 014 004 004 191
data "truncated IDX" 'short' idx short
idx long 003 014 004 004 193
data "IDX longer than it says" 'long' idx long
idx magic 007 014 004 004 192
data "IDX with a wrong magic number" 'magic' idx magic
labels few 013 11
data "fewer labels than images" 'few|lab' idx tiny few
data "missing images" 'nothere' idx nothere
data "unknown format" 'idx' idxx tiny
head -c 20000 "$exp/data/fashion-test-1000-images-idx3-ubyte.gz" >cut.gz
data "truncated .gz" 'cut.gz' idx cut.gz
head -c 3000 /dev/zero >cifar.bin
bad "truncated CIFAR-10" 'cifar.bin' -s "dataset={ format = \"cifar10\"; images = \"$work/cifar.bin\"; }" -s samples=0
npy() { # FILE SHAPE BYTES
    header="{'descr': '|u1', 'fortran_order': False, 'shape': ($2), }"
    { printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "$header"; head -c "$3" /dev/zero; } >"$1"
}
npy x.npy '12, 1, 4, 4' 192
npy y.npy '12,' 12
run mixbar show dataset x.npy; is 0 "the NPY made here is good"
bad "NPY that does not fit the network" '4x4' -s "dataset={ format = \"npy\"; images = \"$work/x.npy\"; labels = \"$work/y.npy\"; classes = 10; }" -s samples=0
npy xs.npy '12, 1, 4, 4' 190
bad "truncated NPY" 'xs.npy' -s "dataset={ format = \"npy\"; images = \"$work/xs.npy\"; labels = \"$work/y.npy\"; classes = 10; }" -s samples=0
npy xm.npy '12, 1, 4, 5' 192
bad "NPY whose sizes do not multiply out" 'xm.npy' -s "dataset={ format = \"npy\"; images = \"$work/xm.npy\"; labels = \"$work/y.npy\"; }" -s samples=0
sed 's/NUMPY/NUMPI/' x.npy >xw.npy
bad "NPY with a wrong magic" 'xw.npy' -s "dataset={ format = \"npy\"; images = \"$work/xw.npy\"; labels = \"$work/y.npy\"; }" -s samples=0
bad "more samples than there are" 'samples = 2000.*1000|1000' -s samples=2000
bad "more calibration samples than there are" 'calibration.samples' -s calibration.dataset=fashion-mnist-fallback -s calibration.samples=2000

# --- plans
run mixbar map small.cfg --point 0 -o plan.cfg -q; is 0 "a plan to damage"
plan() { # WHAT PATTERN SED
    sed "$3" plan.cfg >broken.cfg
    refused "$2" "plan: $1" mixbar eval small.cfg --point 0 -p broken.cfg
}
plan "of another network" 'network' 's/network_hash = "./network_hash = "x/'
plan "value out of range" 'weight_bits' 's/weight_bits = 8/weight_bits = 12/'
plan "unknown key" 'wait_bits' 's/copies = 1/copies = 1; wait_bits = 2/'
plan "a layer is missing" 'layer' '/name = "\/conv1\|name = "\/features\|name = "[^"]*"/{x;s/^/x/;/^x$/{x;d};x;}'
refused 'nothere' "plan: missing file" mixbar eval small.cfg -p nothere.cfg
refused 'network|hash|layer' "plan: of another network" sh -c "sed 's#fashion_cnn.onnx#fashion_resnet8.onnx#' small.cfg >other.cfg; \
    mixbar eval other.cfg -s dataset=fashion-mnist-standardised --point 0 -p plan.cfg"
run mixbar map small.cfg -o two.cfg; is 2 "one file cannot take the plans of two points"
[ ! -e two.cfg ]; ok $? "nothing is written then"
run mixbar map small.cfg --point 2; is 2 "no such point"; err '0 to 1'
run mixbar map small.cfg --point x; is 2 "a point is a number"

# --- runs
refused 'nothere' "report: missing run" mixbar report nothere
refused 'nothere' "plot: missing run" mixbar plot nothere
mkdir void
refused 'void' "report: a folder without results" mixbar report void

# --- the system
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod a-w locked
    run mixbar run small.cfg -o locked/run; is 5 "a folder without permission is a system error"
fi
: >file
run mixbar run small.cfg -o file/run -q; [ "$rc" -eq 3 ] || [ "$rc" -eq 5 ]; ok $? "a run folder below a file"; err 'file'

done_testing

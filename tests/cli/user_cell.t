#!/bin/sh
# user_cell.t - cells of users: the example is built and run; its parameters are swept, shown, written to used.cfg; bad objects are refused
. "${top_srcdir:-.}/tests/cli/lib.sh"
CC=${CC:-cc}
example=$src/doc/examples/user-cell
command -v "$CC" >/dev/null 2>&1 || { skip "user cells" "no C compiler"; done_testing; exit 0; }
gsl=$(pkg-config --cflags gsl 2>/dev/null)
# compile FILE.c TO.so [flags]
compile() { in=$1 to=$2; shift 2; "$CC" -std=c11 -Wall -Wextra -Werror -I"$src/src" $gsl -O1 -ffp-contract=off -fPIC -shared -Wno-unused-const-variable "$@" -o "$to" "$in" -lm 2>cc.log; }

# --- the example, with its own Makefile
mkdir -p lab/deep
cp "$example/gap_cell.c" "$example/Makefile" "$example/gap.cfg" lab
chmod -R u+w lab
(unset MAKEFLAGS MFLAGS MAKELEVEL; make -s -C lab CC="$CC" CPPFLAGS="-I$src/src $gsl") >make.log 2>&1; ok $? "the example compiles with its Makefile"; diag make.log
[ -s lab/gap_cell.so ]; ok $? "it makes gap_cell.so"
sed -i "s#\"../../../experiments/networks#\"$exp/networks#; s/samples = 200/samples = 48/; s/^trials.*/trials = 1;/" lab/gap.cfg
run mixbar run lab/gap.cfg -o runs/gap -q --no-plots; is 0 "the example runs, from another folder"
mixbar report runs/gap -f csv >gap.csv
cut -d, -f1 gap.csv | wc -l | grep -qx 7; ok $? "its six points are there"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^accuracy/ && !c) c = i } NR == 2 { cold = $c } NR == 7 { hot = $c } END { exit !(cold > 0.85 && hot < 0.5) }' gap.csv
ok $? "fresh cells work, a year at 358 K does not"; diag gap.csv
grep -q "cell = \"/.*/lab/gap_cell.so\"" runs/gap/used.cfg && grep -q 'lambda_m = 2.5e-10;.*default' runs/gap/used.cfg; ok $? "used.cfg holds path and parameters"
mkdir else && (cd else && mixbar run ../runs/gap/used.cfg -o again -q --no-plots) >/dev/null 2>err; ok $? "used.cfg runs again"; diag err
cmp -s runs/gap/results.jsonl else/again/results.jsonl; ok $? "with the same bytes"
run mixbar run lab/gap.cfg -o runs/gap3 -q --no-plots -j 3; cmp -s runs/gap/results.jsonl runs/gap3/results.jsonl; ok $? "and for three threads"
cp -r lab moved; run mixbar run moved/gap.cfg -o runs/moved -q --no-plots
for name in gap moved; do sed 1d runs/$name/results.jsonl >points.$name; done      # the first line tells experiments apart by their paths, too
[ -s points.gap ] && cmp -s points.gap points.moved; ok $? "and where the folder lies does not matter"

# --- its parameters are like those of built-in cells
run mixbar show cell lab/gap_cell.so; is 0 "show cell FILE.so"; out '^cell +gap$'; out '^reference +Guan'; out '^sigma_d_m +real +1e-11 +default '
run mixbar show cell ./lab/gap_cell.so --format json; is 0 "show as JSON"
cat >lab/deep/warm.cfg <<'END'
# our lot 7
cell = "../gap_cell.so";
sigma_d_m = 0.02e-9;
END
run mixbar show cell lab/deep/warm.cfg; is 0 "a preset file names the object relative to itself"; out '^sigma_d_m +real +2e-11 +line 3'
base() { cat <<END
schema = 1; name = "u"; network = "$exp/networks/fashion_cnn.onnx"; dataset = "fashion-mnist-fallback"; samples = 16;
calibration = { dataset = "fashion-mnist-train"; samples = 16; }; arch = "rram-22nm"; map = { cell_bits = 2; }; trials = 1;
END
}
{ base; echo 'device = "./gap_cell.so";'; } >lab/u.cfg
run mixbar check lab/u.cfg; is 0 "device = \"./my_cell.so\""
a=$(sed -n 's/.* \([0-9a-f]\{16\}\)$/\1/p' out)
run mixbar check lab/u.cfg -s device.sigma_d_m=0.03e-9; is 0 "a key of the table is set on top of it"
b=$(sed -n 's/.* \([0-9a-f]\{16\}\)$/\1/p' out)
[ -n "$a" ] && [ "$a" != "$b" ]; ok $? "another value is another point"
run mixbar check lab/u.cfg -s "device=$work/lab/gap_cell.so"; is 0 "on the command line"
refused 'sigma_dm.*did you mean "sigma_d_m"' "an unknown key" mixbar check lab/u.cfg -s device.sigma_dm=1e-10
refused 'sigma_d_m = .*out of range' "a value out of range" mixbar check lab/u.cfg -s device.sigma_d_m=1
refused 'exceeds lambda_m' "the cell's own check" mixbar check lab/u.cfg -s device.sigma_d_m=0.5e-9
{ base; echo 'device = "rram"; sweep = { mode = "list"; points = ( ("device=rram"), ("device=./gap_cell.so"), ("device=gap_cell.so", "device.sigma_d_m=0") ); };'; } >lab/mix.cfg
run mixbar run lab/mix.cfg -o runs/mix -q --no-plots; is 0 "swept beside a built-in cell"
{ base; echo 'device = "rram"; sweep = { axes = ( { key = "device"; values = [ "rram", "gap_cell.so" ]; } ); };'; } >lab/axis.cfg
run mixbar run lab/axis.cfg -o runs/axis -q --no-plots; is 0 "as a value of an axis"
(cd else && mixbar run ../runs/axis/used.cfg -o axis -q --no-plots) >/dev/null 2>err; ok $? "used.cfg of the sweep runs from anywhere"; diag err
for run in runs else; do grep -oE '"id":"[0-9a-f]+"|"accuracy":[0-9.]+' $run/axis/results.jsonl >ids.$run; done
[ -s ids.runs ] && cmp -s ids.runs ids.else; ok $? "and is the same points"

# --- objects that cannot be used
bad() { refused "$2" "$1" mixbar check lab/u.cfg -s "device=$3"; }
bad "a file that is not there" 'nothere.so.*No such file' ./nothere.so
echo 'text' >text.so; bad "a text" 'text.so.*cannot be loaded' ./text.so
: >empty.so; bad "an empty file" 'empty.so.*cannot be loaded' ./empty.so
head -c 3000 lab/gap_cell.so >cut.so; bad "a truncated object" 'cut.so.*cannot be loaded: it is truncated' ./cut.so
head -c 30 lab/gap_cell.so >head.so; bad "the head of an object" 'head.so.*cannot be loaded: it is no shared object' ./head.so
cp "$(command -v "$CC")" prog.so; bad "a program instead of an object" 'prog.so' ./prog.so
echo 'int x; int f(void); int f(void) { return x; }' >none.c; compile none.c none.so; bad "no descriptor" 'none.so has no symbol mb_user_cell' ./none.so
# variant WHAT PATTERN SED: the example, changed
variant() {
    sed "$3" lab/gap_cell.c >v.c
    cmp -s lab/gap_cell.c v.c; [ $? -ne 0 ]; ok $? "$1: the example can be broken so"
    rm -f v.so; compile v.c v.so -Wno-unused; ok $? "$1: compiles"; diag cc.log
    bad "$1" "$2" ./v.so
}
variant "another version of the interface" 'compiled for version 77 .*version [0-9]+: compile it again' 's/\.abi = MB_CELL_ABI/.abi = 77/'
variant "no name" 'incomplete: .name is missing' 's/\.name = "gap"/.name = NULL/'
variant "no reference" 'incomplete: .reference' '/\.reference =/d'
variant "no table" 'incomplete: .params' '/\.params =/d'
variant "no size" 'incomplete: .size' '/\.size =/d'
variant "no program" 'incomplete: .program' '/\.program =/d'
variant "no mean" 'incomplete: .mean' '/\.mean =/d'
variant "no cost" 'incomplete: .cost' '/\.cost =/d'
variant "no state" 'n_state = 0' '/\.n_state =/d'
variant "a struct that is too small" 'lies outside of the parameter struct' 's/\.size = sizeof(gap_cell)/.size = 16/'
variant "a row without help" 'row 1 of the parameter table is incomplete' 's/"g_max over the smallest conductance that is used"/NULL/'
variant "a parameter called cell" 'cannot be called cell' 's/MB_PARAM_END}/{"cell", MB_P_REAL, "", "1.0", 0, 2, NULL, 0, "x"}, MB_PARAM_END}/'
variant "a function that mixbar lacks" 'undefined symbol: mb_no_such' 's/^static int levels/int mb_no_such(void); static int levels/; s/return 0; .*continuous.*/return mb_no_such();/'
variant "range upside down" 'range\(\) must give' 's/\*g_max = p->g_max_S/*g_max = 0/'
variant "one level" 'levels\(\) is 0' 's/return 0; .*continuous.*/return 1;/'
variant "negative conductances" 'mean\(\) gives' 's/g\[i\] = (float)(p->g_max_S/g[i] = (float)(-p->g_max_S/'
variant "conductances that are not finite" 'not finite' 's/state\[at + i\] = (float)(d > 0 ? d : 0)/state[at + i] = (float)NAN/'
variant "random numbers of its own" 'same state from the same stream' 's/^#define KB_EV/static float own;\n#define KB_EV/; s/state\[at + i\] = (float)(d > 0/state[at + i] = own++ + (float)(d > 0/'
variant "a chunk that draws too little" 'in a shorter call|split' 's/mb_stream_fill_normal(rng, MB_CELL_CHUNK, z);/mb_stream_fill_normal(rng, n < 300 ? 8 : MB_CELL_CHUNK, z);/'
variant "deterministic that is not" 'deterministic\(\) says' 's/return p->sigma_d_m <= 0 .*/(void)p; return true;/'
variant "no voltage" 'read_V > 0' 's/\.read_V = p->read_V/.read_V = 0/'

done_testing

#!/bin/sh
# modes.t - run-time modes as a user meets them: found, saved, shown, evaluated, with dedicated plans and early exit beside them
. "${top_srcdir:-.}/tests/cli/lib.sh"
# shellcheck source=tests/cli/small.sh
. "$src/tests/cli/small.sh"

write_small m.cfg
sed '/^sweep/d; /^against/d' m.cfg >plain && mv plain m.cfg
run mixbar modes m.cfg -k 2 --max-loss 2 --input-bits 2,4,8 --adc-bits 6,8 --dedicated --exit -s arch.weight_code=balanced -o plan.cfg
is 0 "modes are found"
out '^plan +[0-9]'; out '^mode1 +[0-9.-]+ '; out '^mode2'; out '^as mode1'; out '^early exit: mode'; out '^cells_rewritten 0'
cp out first
run mixbar modes m.cfg -k 2 --max-loss 2 --input-bits 2,4,8 --adc-bits 6,8 --dedicated --exit -s arch.weight_code=balanced -j 1
cmp -s out first; ok $? "the same answer with one thread"
run mixbar show plan plan.cfg; is 0 "a plan shows its modes"; out '^mode mode1'; out '^mode mode2'
run mixbar modes m.cfg -p plan.cfg -s arch.weight_code=balanced --format csv; is 0 "the modes of a file are evaluated"; out '^mode2,'
run mixbar eval m.cfg -p plan.cfg -s arch.weight_code=balanced; is 0 "eval replays the plan itself"
run mixbar modes m.cfg -o plan.cfg; is 3 "a plan is not replaced"; err 'force'
run mixbar modes m.cfg --input-bits 2,x; is 2 "a list that is none"; err 'input-bits: "2,x"'
run mixbar modes m.cfg --max-loss -1; is 2 "a negative loss"; err 'max-loss'
run mixbar modes m.cfg --max-loss 1e-12 --input-bits 1 --adc-bits 4; is 4 "no mode"; err 'no setting of the programmed cells'
sed 's/skip_slices = [0-9]/weight_bits = 3/' plan.cfg >bad.cfg
run mixbar modes m.cfg -p bad.cfg; is 3 "a mode that programs"; err 'mode mode1 sets weight_bits of layer'
run mixbar modes m.cfg -s arch.weight_code=balanced -s arch.pair=two_sided; is 3 "balanced digits need one-sided pairs"
done_testing

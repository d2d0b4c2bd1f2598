#!/bin/sh
# mvm.t - mixbar mvm: outputs against products by hand, explanation, formats, messages for bad input
. "${top_srcdir:-.}/tests/cli/lib.sh"

# npy FILE SHAPE BYTES: an array of int8; SHAPE as in Python, BYTES as octal escapes
npy() {
    {
        printf '\223NUMPY\001\000\166\000'
        printf '%-117s\n' "{'descr': '|i1', 'fortran_order': False, 'shape': $2, }"
        # shellcheck disable=SC2059
        printf "$3"
    } >"$1"
}
npy W.npy '(2, 3)' '\001\376\003\377\000\002'     # [[1, -2, 3], [-1, 0, 2]]
npy x.npy '(2, 3)' '\001\001\000\000\377\001'     # [[1, 1, 0], [0, -1, 1]]
npy small.npy '(1, 3)' '\000\001\000'
npy v.npy '(3,)' '\001\001\001'
npy long.npy '(4,)' '\001\001\001\001'
: >empty.cfg

# W x = [-1, -1], [5, 2]: as doubles after the 128 bytes of the header
run mixbar mvm empty.cfg -w W.npy -x x.npy -o y.npy; is 0 "mvm with ideal cells"; no_err "nothing on standard error"
out '^outputs +2$'; out '^vectors +2$'; out '^tiles +1$'
[ "$(wc -c <y.npy)" -eq 160 ]; ok $? "four doubles are written"
[ "$(od -An -v -t f8 -j 128 y.npy | awk '{ for (i = 1; i <= NF; i++) printf "%.6g ", $i }')" = "-1 -1 5 2 " ]; ok $? "they are the product"
run mixbar mvm empty.cfg -w W.npy -x v.npy -o y.npy; is 0 "one vector"
[ "$(od -An -v -t f8 -j 128 y.npy | awk '{ for (i = 1; i <= NF; i++) printf "%.6g ", $i }')" = "2 1 " ]; ok $? "one vector in, one vector out"

cat >case.cfg <<'END'
mapping = { slices = 4; };
cell = { bits = 2; programming = "normal_independent"; programming_magnitude = 0.05; };
input = { dac = "sign_magnitude"; bits = 8; slice_bits = 1; };
adc = { type = "ramp"; };
conversion = { bits = 8; range = "percentile"; per_plane = true; };
END
run mixbar mvm case.cfg -w W.npy -x x.npy --explain; is 0 "mvm --explain"
out '^programming +[0-9]'; out '^converter +[0-9]'; out '^slice +conversions +clipped'; out '^ +0 +\|[ .:=+*#%@-]{64}\|$' "the codes of slice 0 as a line of 64 marks"
run mixbar mvm case.cfg -w W.npy -x x.npy --explain --format json; is 0 "mvm as JSON"
if command -v jq >/dev/null 2>&1; then
    jq -e '.snr | length == 7' out >/dev/null; ok $? "valid JSON, seven stages"
    jq -e '(.codes | length) == (.converters | length) and ([.codes[0][]] | length) == 64 and ([.codes[0][]] | add) == .converters[0].conversions' out >/dev/null
    ok $? "the counts of the codes add up to the conversions"
else
    skip "valid JSON" "no jq"
fi
run mixbar mvm case.cfg -w W.npy -x x.npy -c small.npy --explain; is 0 "mvm --explain with calibration inputs"
grep -E '^snr_dB' out | awk '{ print $2 }' >total; grep -E '^converter ' out | awk '{ print $2 }' >last
awk 'NR == FNR { a = $1; next } { d = a - $1; exit !(d < 0.006 && d > -0.006) }' total last; ok $? "the last stage is the product itself"
mixbar mvm case.cfg -w W.npy -x x.npy -o a.npy >one && mixbar mvm case.cfg -w W.npy -x x.npy -o b.npy >two && cmp -s a.npy b.npy; ok $? "the same seed, the same bytes"
mixbar mvm case.cfg -w W.npy -x x.npy -o c.npy -s trial=1 >three; ! cmp -s a.npy c.npy; ok $? "another trial, other errors"
run mixbar mvm --keys; is 0 "mvm --keys"; out '^mapping.slices '; out '^wires.r_row '

refused '4 inputs, but the matrix of W.npy has 3' "shapes that do not match" mixbar mvm empty.cfg -w W.npy -x long.npy
refused 'do not cover the 7 bits' "slices that do not cover the weight" mixbar mvm case.cfg -w W.npy -x x.npy -s 'mapping.slice_bits=[1,1,1,1]'
refused 'has no width' "a converter's range of zero width" \
    mixbar mvm case.cfg -w W.npy -x x.npy -s conversion.range=given -s 'conversion.lo=[1.0]' -s 'conversion.hi=[1.0]'
refused 'rows_active = 9' "rows_active above the rows" mixbar mvm case.cfg -w W.npy -x x.npy -s array.rows_max=8 -s array.rows_active=9
refused 'did you mean "slices"' "an unknown key" mixbar mvm case.cfg -w W.npy -x x.npy -s mapping.slicess=2
refused 'missing.npy' "a missing file" mixbar mvm empty.cfg -w missing.npy -x x.npy
run mixbar mvm empty.cfg -w W.npy; is 2 "no inputs: wrong command line"
done_testing

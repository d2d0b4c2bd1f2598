#!/bin/sh
# plot.t - every kind of plot from a small run: scripts, pictures that are not empty, options, wrong requests
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"

write_small small.cfg
sed -i 's/{ key = "map.weight_bits"; values = \[ 8, 4 \]; }/{ key = "map.weight_bits"; values = [ 8, 4 ]; }, { key = "map.adc_bits"; values = [ 6, 8 ]; }/
        s/^samples = 64/samples = 16/; s/^trials = 2/trials = 1/' small.cfg
run mixbar run small.cfg -q -o runs/small --no-plots --explain; is 0 "a run of four points"

run mixbar plot --list; is 0 "kinds are listed without a run"
cut -d' ' -f1 out | sort >kinds
[ "$(wc -l <kinds)" -ge 21 ]; ok $? "there are at least 21 kinds ($(wc -l <kinds | tr -d ' '))"
mixbar list plots --format csv | sed 1d | cut -d, -f2 | sort | cmp -s - kinds; ok $? "mixbar list plots has the same kinds"
run mixbar plot --list runs/small; is 0 "kinds are listed for a run"
out '^accuracy-time +-  read.time_s is not swept' "what makes no sense says why"
out '^heat-map +a column' "what makes sense says what it shows"

if command -v gnuplot >/dev/null 2>&1; then formats='svg png pdf'; else formats=; skip "pictures" "gnuplot is not installed"; fi
for kind in $(cat kinds); do
    [ "$kind" != accuracy-time ] || continue
    run mixbar plot runs/small "$kind" --format gp; is 0 "$kind: the script"
    [ "$(cat out)" = "runs/small/plots/$kind.gp" ] && [ -s "runs/small/plots/$kind.gp" ]; ok $? "$kind: its name is printed"
done
for format in $formats; do
    run mixbar plot runs/small --format "$format"; is 0 "all kinds as $format"
    no_err "gnuplot says nothing about $format"
    bad=0
    for kind in $(grep -v '^accuracy-time$' kinds); do
        f=runs/small/plots/$kind.$format
        case $format in
            svg) { grep -q '</svg>' "$f" && [ "$(grep -c -e '<path' -e '<use' -e '<polygon' "$f")" -ge 4 ]; } || bad=1 ;;
            *) [ "$(wc -c <"$f")" -ge 4000 ] || bad=1 ;;
        esac
        [ $bad -eq 0 ] || { echo "#   $f"; break; }
    done
    ok $bad "each $format shows something"
done

# A 32 x 32 array at 500 MHz does 2 x 1024 x 5e8 operations per second at most.
mixbar plot runs/small roofline --format gp >/dev/null
grep -q "title 'systolic-32x32, 8-bit roof'" runs/small/plots/roofline.gp && awk '/^\$roof0/ { on = 1; next } /^EOD/ { on = 0 } on { n++; if ($2 != 1.024e12) bad = 1 } END { exit bad || n < 2 }' runs/small/plots/roofline.gp
ok $? "the roof of a systolic array"

# Options.
run mixbar plot runs/small --kind accuracy-edap --by weight_bits --format gp; is 0 "accuracy with a colour per value"
grep -q 'using 1:(\$[68] == 1 ? \$2 : NaN)' runs/small/plots/accuracy-edap*weight_bits*.gp; ok $? "the second value has points of its own"
run mixbar run small.cfg -q -o runs/list --no-plots -s samples=4 -s 'sweep={mode="list"; points=(("map.adc_bits=8"), ("map.weight_bits=4"), ("map.adc_bits=6"));}'; is 0 "points that set other keys"
run mixbar plot runs/list accuracy-edap --by adc_bits --format gp; is 0 "a colour per value, and points without a value"
[ "$(grep -c 'using 1:(\$[68] == [0-2] ? \$2 : NaN)' runs/list/plots/accuracy-edap-adc_bits.gp)" -eq 3 ]; ok $? "are drawn, too"
grep -q '(\$[68] == 2 .* lc rgb .#666666.$' runs/list/plots/accuracy-edap-adc_bits.gp; ok $? "in grey"
grep -q "'adc_bits not set'" runs/list/plots/accuracy-edap-adc_bits.gp; ok $? "and explained"
run mixbar run small.cfg -q -o runs/many --no-plots -s samples=2 -s trials=1 -s 'sweep={axes=({key="map.adc_bits"; from=3; to=12; integer=true;});}'; is 0 "ten values"
run mixbar plot runs/many accuracy-edap --by adc_bits --format gp; is 0 "more values than colours"
grep -q '(\$[68] == 9 .* with points pt 6 ' runs/many/plots/accuracy-edap-adc_bits.gp && grep -q "set label [0-9]* '12' at screen" runs/many/plots/accuracy-edap-adc_bits.gp; ok $? "the ninth and tenth are open circles, named"
run mixbar plot runs/small --kind heat-map --x adc_bits --by weight_bits --y edap --format gp; is 0 "a heat map of one's own"
out '^runs/small/plots/heat-map-adc_bits-weight_bits-edap\.gp$' "options are part of the name"
grep -q "set xlabel 'map.adc_bits'" runs/small/plots/heat-map-adc_bits-weight_bits-edap.gp; ok $? "--x is the axis"
run mixbar plot runs/small --kind lines,roofline --format gp; is 0 "several kinds in one option"
[ "$(wc -l <out)" -eq 2 ]; ok $? "two files"

# One picture elsewhere.
find runs/small >before
run mixbar plot runs/small -k lines -o lines.gp; is 0 "a script of one's own"; grep -q '^plot' lines.gp; ok $? "which plots"
run mixbar plot runs/small lines -o lines.jpg; is 3 "an unknown ending"; err 'ends in .svg, .png or .pdf'
run mixbar plot runs/small lines -o "Bob's.gp"; is 3 "a name that a script cannot hold"; err 'may not hold quotes'
run mixbar plot runs/small lines roofline -o x.png; is 2 "two kinds in one picture"
run mixbar plot runs/small lines -o x.png -f pdf; is 2 "two formats"; err 'leave --format out'
run mixbar plot runs/small --kind lines,roofline -o x.gp; is 3 "in one option"; err 'one picture is of one kind'
if [ -n "$formats" ]; then
    run mixbar plot runs/small accuracy-edap --by weight_bits -o "edap picture.png"; is 0 "a picture of one's own"
    head -c 8 "edap picture.png" | cmp -s - "$(printf '\211PNG\r\n\032\n' >magic; echo magic)"; ok $? "it is a PNG"
fi
find runs/small | cmp -s - before; ok $? "nothing in the run folder"

# Plots that a run is asked for and has no data for do not cost the report.
run mixbar run small.cfg --cost-only -s 'plot=["accuracy-energy", "energy-components"]' -o runs/costs; is 0 "a run of costs whose experiment names a plot of accuracy"
out '^results +runs/costs/results.jsonl$' "is reported"
if [ -n "$formats" ]; then
    err 'accuracy-energy cannot be drawn: no accuracy was simulated' "what is left out is told"
    [ -s runs/costs/plots/energy-components.svg ]; ok $? "the others are drawn"
fi

# Wrong requests.
run mixbar plot; is 2 "no run"; err 'needs a run folder'
run mixbar plot runs/small heatmap; is 2 "an unknown kind"; err 'did you mean "heat-map"'
run mixbar plot runs/small --x adc_bits; is 2 "--x without a kind"; err 'kind lines'
refused 'map.weight_bits, map.adc_bits' "a key that is not swept" mixbar plot runs/small -k lines --x rows --format gp
refused 'energy_' "an unknown column" mixbar plot runs/small -k lines --y enrgy_J --format gp
refused 'does not take --y' "an option that the kind does not have" mixbar plot runs/small -k snr-layers --y energy --format gp
refused 'read.time_s is not swept' "a kind without data" mixbar plot runs/small accuracy-time --format gp

done_testing

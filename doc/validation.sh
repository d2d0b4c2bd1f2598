#!/bin/sh
# validation.sh SOURCE BUILD - writes doc/validation.md to standard output: every figure comes from the programs just built (`make validate`)
set -eu
src=$1 build=$2
MIXBAR_PATH=$src top_srcdir=$src srcdir=$src LC_ALL=C CMOCKA_MESSAGE_OUTPUT=STDOUT
export MIXBAR_PATH top_srcdir srcdir LC_ALL CMOCKA_MESSAGE_OUTPUT
cd "$src"

cat <<'END'
# Validation

Written by `make validate`; a test checks that it is current. Do not edit. What the models are: [models-macros.md](models-macros.md), [models-cost.md](models-cost.md).

How to read the first table: `error` = model / published - 1, mean and worst of its absolute value over the operating points of a macro. `fitted` counts the numbers of the
macro's file that were chosen to meet its published figures (they are listed below, per macro); all of them hold for every operating point of the macro. `bare` is the mean
error with every calibration factor at 1 (other fitted numbers keep their values). Limits: mean 8 %, each point 20 %. `area`, `energy parts`, `area parts`: mean errors of
area and of published breakdowns, where there are some.

**What this shows and what it does not.** A macro with as many fitted numbers as published figures shows that the structure can hold the figures, not that it predicts them: the
two AIMC, the three DIMC and HERMES have one or two published figures each. For those the column `bare` is the prediction. Jia 2020, Sinangil 2021,
NeuRRAM and Colonnade have more points than numbers; what is said of precision, phases, registers, data and supply there can fail. To see whether it does, the same
numbers were fitted to some of the points only, and the others predicted (areas and parts of breakdowns that are fitted are listed with the macro; their errors near 0 prove nothing):

| fitted to | numbers | predicted | mean | worst |
|---|---:|---|---:|---:|
END
mixbar=$build/mixbar
# held MACRO FIGURE POINTS FITTED-TO NUMBERS PREDICTED -s KEY=VALUE...: errors at POINTS (line numbers) with other values of the fitted keys
held() {
    macro=$1 figure=$2 points=$3 fitted=$4 numbers=$5 what=$6
    shift 6
    "$mixbar" validate "$macro" --format csv "$@" >"$build/held.tmp" || [ $? -eq 1 ]
    awk -F, -v figure=",$figure," -v points=" $points " -v row="| $fitted | $numbers | $what" '
        index($0, figure) && index(points, " " $2 " ") { e = $NF < 0 ? -$NF : $NF; sum += e; n++; if (e > worst) worst = e }
        END { sub(/POINTS/, n, row); printf "%s | %.1f %% | %.1f %% |\n", row, sum / n, worst }' "$build/held.tmp"
    rm -f "$build/held.tmp"
}
held colonnade-2021 TOPS/W "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 25 26 27 28 29 30 31 32 33 34 35 36" \
    "Colonnade, 8 b x 8 b at 0.6, 0.7, 0.8 V" 2 "TOPS/W of the other POINTS points, 1 to 16 b" -s swing_loss_V=0.5002 -s logic_energy_factor=2.066
held colonnade-2021 TOPS "38 39 40 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61" \
    "Colonnade, 1 b x 1 b, 1 and 16 registers" 2 "TOPS of the other POINTS points" -s stage_s=3.941e-10 -s fixed_stages=2.444
held neurram-2022 TOPS "11 12 13 14" "NeuRRAM, one phase" 3 "TOPS of the POINTS points with two phases" \
    -s integrate_s=3.049e-7 -s decide_s=3.036e-7 -s phase_s=2.665e-7
held neurram-2022 TOPS/W "11 12 13 14" "NeuRRAM, one phase" 5 "TOPS/W of the POINTS points with two phases" \
    -s line_energy_factor=1.038 -s drive_energy_factor=1.079 -s decide_J=5.776e-13 -s integrate_J=1.254e-13 -s sample_J=9.538e-13
held sinangil-2021 TOPS/W "4 5 6 16 17 18 20 21 22 23" "Sinangil, 0.8 V (every energy as V^2)" 3 "TOPS/W of the POINTS points at other supplies" \
    -s pulse_F=6.015e-15 -s discharge_C=7.476e-17 -s adc_energy_factor=3.761 -s adc_fixed_share=0
echo
"$mixbar" validate --format markdown || [ $? -eq 1 ]

cat <<'END'

## Beyond macros

| what | source | figures | largest error |
|---|---|---:|---:|
END
# "ok N - WHAT: N figures, largest error E %, tolerance T %"
"$build/tests/golden/run_points" | sed -n 's/^[a-z ]*[0-9][0-9]* - \(.*\): \([0-9]*\) figures, largest error \(.*\), tolerance.*/\1 \2 \3/p' |
    awk '{ e = $(NF - 1) " " $NF; n = $(NF - 2); NF -= 3; print "| " $0 " | tests/golden/points | " n " | " e " |" }'
"$build/tests/golden/run_components" "$src/tests/golden/components/components.csv" |
    awk '/^#.*figures checked/ { for (i = 1; i <= NF; i++) if ($i == "figures") n = $(i - 1); m = n; sub(/.*checked, /, ""); d = $1 }
         / - .*figures, largest error/ { e = $0; sub(/.*largest error /, "", e); sub(/ %.*/, "", e); if (e + 0 > w) w = e + 0 }
         END { printf "| parts of the technology layer (the shipped share; %s meant deviations are listed by the runner) | tests/golden/components | %s | %.3g %% |\n", d, m, w }'
cat <<'END'

Machines against published chips (`tests/unit/test_presets`):

| machine | figure | model | published | error |
|---|---|---:|---:|---:|
END
# "MACHINE:", then lines "FIGURE   MODEL, published PUBLISHED: ERROR %"
"$build/tests/unit/test_presets" 2>/dev/null | awk '/^[-a-z0-9.]*:$/ { machine = substr($0, 1, length($0) - 1) }
    /, published .*: / {
        match($0, /, published /)
        left = substr($0, 1, RSTART - 1); right = substr($0, RSTART + RLENGTH)
        n = split(left, word, " "); model = word[n]
        sub(/ *[^ ]+$/, "", left)
        split(right, part, ":"); gsub(/ /, "", part[1]); gsub(/^ +/, "", part[2]); sub(/^[-+]0[.]0 %/, "0.0 %", part[2])
        print "| " machine " | " left " | " model " | " part[1] " | " part[2] " |"
    }'

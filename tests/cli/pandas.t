#!/bin/sh
# pandas.t - the lines of doc/pandas.md are run: Python with python3-pandas, R with jsonlite, where they are installed; what they find is what mixbar itself says
. "${top_srcdir:-.}/tests/cli/lib.sh"

run mixbar run "$exp/adc.cfg" -q --no-plots -s samples=20 -s trials=3 -s calibration.samples=8; is 0 "the run of the page, with fewer samples"
mixbar report runs/adc --format csv >adc.csv; [ "$(wc -l <adc.csv)" -eq 22 ]; ok $? "its table"
extract() { awk -v mark="\`\`\`$1" '$0 == mark { on = 1; next } /^```/ { on = 0 } on' "$src/doc/pandas.md"; }
extract python >page.py
extract r >page.R
[ "$(wc -l <page.py)" -gt 20 ] && [ "$(wc -l <page.R)" -gt 8 ]; ok $? "the page has examples"
mixbar report runs/adc --where 'accuracy > 0.5' --best edap -c label,edap -f csv | sed 1d | tr ',' ' ' >best
mixbar compare runs/adc --points 2 8 --columns accuracy -f csv | sed 1d >pair
number() { cut -d, -f"$1" pair; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && b != "" && d < 1e-9) }'; }
same_best() { # NAME: the line "best: LABEL EDAP" of out
    sed -n 's/ *$//; s/^best: //p' out >found
    [ "$(sed 's/ [^ ]*$//' best)" = "$(sed 's/ [^ ]*$//' found)" ] && awk '{ print $NF }' best found | awk 'NR == 1 { a = $1; next } { d = a / $1 - 1; if (d < 0) d = -d; exit !(d < 1e-9) }'
    ok $? "$1 finds the best point that mixbar finds"
}

python=
for p in /usr/bin/python3 python3; do
    [ -n "$python" ] || { command -v $p >/dev/null 2>&1 && $p -c 'import pandas' 2>/dev/null && python=$p; }
done
if [ -n "$python" ]; then
    { echo 'import warnings; warnings.simplefilter("error")'; cat page.py
      cat <<'END'
assert len(points) == 21 and len(trials) == 63 and len(layers) % 21 == 0 and unit["energy_J"] == "J" and "inference" in help["energy_J"]
csv = pd.read_csv("adc.csv", float_precision="round_trip")
assert (csv["energy_J"] == points["energy_J"]).all() and (csv["map.adc_bits"] == points["set.map.adc_bits"]).all()
parts = components.groupby("index")["component.energy_J"].sum()
assert abs(parts / points.set_index("index")["energy_J"] - 1).max() < 1e-9      # components make up the energy
sums = layers.groupby("index")["layer.energy_J"].sum()
assert (sums <= points.set_index("index")["energy_J"] * (1 + 1e-9)).all()
assert (trials.groupby("point")["accuracy"].mean() - points.set_index("index")["accuracy"]).abs().max() < 1e-12
print("checked:", difference.mean())
END
    } >all.py
    run $python all.py; is 0 "the Python lines run ($($python -c 'import pandas; print(pandas.__version__)'))"
    same_best Python
    near "$(sed -n 's/^checked: //p' out)" "$(number 8)"; ok $? "the difference of two points is that of mixbar compare"
else
    skip "the Python lines" "python3-pandas is not installed"
fi

if command -v Rscript >/dev/null 2>&1 && Rscript -e 'library(jsonlite)' >/dev/null 2>&1; then
    { echo 'options(warn = 2)'; cat page.R; echo 'i <- t.test(draws[, "8"], draws[, "2"], paired = TRUE)$conf.int; cat("interval:", format(i, digits = 15), "\n"); stopifnot(nrow(trials) == 63)'; } >all.R
    run Rscript all.R; is 0 "the R lines run"
    same_best R
    set -- $(sed -n 's/^interval: //p' out)
    near "${1-}" "$(number 10)" && near "${2-}" "$(number 11)"; ok $? "Student's interval of R is that of mixbar compare"
else
    skip "the R lines" "r-base-core or r-cran-jsonlite is not installed"
fi

done_testing

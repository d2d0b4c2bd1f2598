#!/bin/sh
# pictures.sh SOURCE BUILD [NAME]... - draws the pictures of doc/experiments.md anew: runs the experiments and puts their plots into
# doc/pictures (`make pictures`; half an hour on two cores, of which `methods` takes twenty minutes, `front` four). With NAMEs only those
# experiments: doc/pictures.sh . . adc drift
set -eu
src=$1 build=$2
shift 2
MIXBAR_PATH=$src LC_ALL=C
export MIXBAR_PATH LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$src/doc/pictures"

# experiment, how it is run, the plot and its options
while read -r name how plot; do
    [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    echo "$name: $plot"
    if [ ! -d "$work/$name" ]; then
        run() { "$build/mixbar" run "$src/experiments/$name.cfg" -q --no-plots -o "$work/$name" "$@" >/dev/null </dev/null; }
        case $how in
        costs) run --cost-only ;;
        fresh) run -s 'dataset={ preset = "fashion-mnist"; first = 7000; }' -s samples=2000 -s seed=21 ;; # images that no search has seen
        *) run ;;
        esac
    fi
    # shellcheck disable=SC2086
    "$build/mixbar" plot "$work/$name" -q $plot -o "$src/doc/pictures/$name-${plot%% *}.svg"
done <<'END'
adc              run    lines
arrays           run    accuracy-edap
slicing          run    lines
devices          run    accuracy-time
drift            run    lines
wires            run    snr-layers
modes            run    heat-map
front            run    accuracy-energy
front            run    precision-layers
methods          fresh  lines --x edap_Jsm2 --by policy
pruning          run    accuracy-edap
hawqv3_resnet18  costs  energy-delay-area
mlperf-tiny      costs  energy-components
von-neumann      costs  energy-components
END

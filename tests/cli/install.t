#!/bin/sh
# install.t - after make install into any prefix: the program finds its data from any folder, pkg-config leads to headers and library,
# the example of a user's cell compiles against them
. "${top_srcdir:-.}/tests/cli/lib.sh"
prefix=$work/inst
(unset MAKEFLAGS MFLAGS MAKELEVEL; make -s -C "$build" install prefix="$prefix") >install.log 2>&1; ok $? "make install prefix=DIR"; diag install.log
for file in experiments/quickstart.cfg experiments/networks/fashion_cnn.onnx experiments/arch/rram-22nm.cfg experiments/baselines/systolic-32x32.cfg \
    experiments/data/fashion-mnist.cfg devices/rram.cfg doc/examples/user-cell/gap_cell.c; do
    [ -s "$prefix/share/mixbar/$file" ]; ok $? "$file is installed"
done
for file in "$src"/devices/*.cfg; do [ -s "$prefix/share/mixbar/devices/$(basename "$file")" ] || echo "$file"; done >lost
[ ! -s lost ]; ok $? "every device preset is installed"; diag lost
[ -x "$prefix/bin/mixbar" ]; ok $? "the program is installed"

# --- the program, away from the sources
unset MIXBAR_PATH
PATH=$prefix/bin:$PATH
mkdir away
cd away || exit 1
run "$prefix/bin/mixbar" run experiments/quickstart.cfg -s samples=16 -s trials=1 -s calibration.samples=16 -s dataset=fashion-mnist-fallback --no-plots
is 0 "mixbar run experiments/quickstart.cfg, as the help says, from any folder"; err 'note: experiments/quickstart.cfg is not in this folder; .*/share/mixbar/experiments/quickstart.cfg is used'
[ -s runs/quickstart/results.jsonl ]; ok $? "results lie in the current folder"
run "$prefix/bin/mixbar" check quickstart.cfg; is 0 "the name alone will do"
run "$prefix/bin/mixbar" show network experiments/networks/fashion_cnn.onnx; is 0 "show network, too"
run "$prefix/bin/mixbar" show cell rram; is 0 "presets are found"
run "$prefix/bin/mixbar" run experiments/nothere.cfg; is 3 "a file that is nowhere"; err '^mixbar: error: experiments/nothere.cfg'
(cd "$prefix/share/mixbar" && "$prefix/bin/mixbar" check experiments/quickstart.cfg) >out 2>err; ok $? "in the data folder itself"; no_err "without a note"
cd ..

# --- pkg-config
if command -v pkg-config >/dev/null 2>&1; then
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export PKG_CONFIG_PATH
    sed -i "s#^prefix=.*#prefix=$prefix#" "$prefix/lib/pkgconfig/mixbar.pc"     # an installation that was moved
    run pkg-config --modversion mixbar; is 0 "pkg-config knows mixbar"
    [ "mixbar $(cat out)" = "$(mixbar --version | head -n 1)" ]; ok $? "with the version of the program"
    CC=${CC:-cc}
    cflags=$(pkg-config --cflags mixbar)
    (cd "$prefix/include/mixbar" && find . -name '*.h' | sed 's#^\./##') >headers
    for header in array/cell.h base/rng.h run/point.h; do grep -qx "$header" headers; ok $? "$header is installed"; done
    while read -r header; do
        # shellcheck disable=SC2086
        printf '#include <%s>\nint x;\n' "$header" | "$CC" -std=c11 -D_GNU_SOURCE -Wall -Werror $cflags -x c -c -o header.o - 2>err; ok $? "a program can include <$header>"; diag err
    done <headers
    cat >prog.c <<'END'
#include <array/cell.h>
#include <base/error.h>
#include <run/sweep.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    mb_conf *c = NULL;
    mb_sweep *s = NULL;
    if (argc < 2 || mb_conf_read(argv[1], &c) || mb_sweep_open(c, &s)) {
        mb_error_print(stderr);
        return 1;
    }
    printf("%s %zu\n", mb_cell_find("rram")->name, mb_sweep_n(s));
    mb_sweep_close(s);
    mb_conf_free(c);
    return 0;
}
END
    # a library made with sanitizers or coverage wants them at the link, too
    extra=$(sed -n 's/^MB_LDFLAGS = *//p' "$build/Makefile")
    # shellcheck disable=SC2046,SC2086
    "$CC" -std=c11 $cflags -o prog prog.c $(pkg-config --libs mixbar) $extra >cc.log 2>&1; ok $? "a program links with pkg-config --libs"; diag cc.log
    run env LD_LIBRARY_PATH="$prefix/lib" ./prog "$exp/quickstart.cfg"; is 0 "and runs"; out '^rram 2$'
    cp -r "$prefix/share/mixbar/doc/examples/user-cell" lab; chmod -R u+w lab
    (unset MAKEFLAGS MFLAGS MAKELEVEL; make -s -C lab CC="$CC") >make.log 2>&1; ok $? "the user's cell compiles against the installed headers"; diag make.log
    run "$prefix/bin/mixbar" show cell lab/gap_cell.so; is 0 "and the installed program loads it"; out '^cell +gap$'
else
    skip "pkg-config" "there is none"
fi

# --- and away again
(unset MAKEFLAGS MFLAGS MAKELEVEL; make -s -C "$build" uninstall prefix="$prefix") >install.log 2>&1; ok $? "make uninstall"; diag install.log
find "$prefix" -type f >left; [ ! -s left ]; ok $? "leaves no file"; diag left
done_testing

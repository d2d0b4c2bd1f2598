#!/bin/sh
# lint.t - the rules of the house hold in the sources; and the lint itself can fail: each rule is fed an offence
set -u
top=${top_srcdir:-.}
lint=$top/tests/lint/rules.sh
n=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- the sources -----------------------------------------------------------------------------------------------------------
sh "$lint" "$top" >"$work/found" 2>"$work/errors" || echo "rules.sh failed" >>"$work/errors"
for rule in floors banned silent threads time head clones lists paths; do
    grep -E "^[^:]*:[0-9]+: $rule:" "$work/found" >"$work/rule"
    sed 's/^/# /' "$work/rule"
    [ ! -s "$work/rule" ]; ok $? "sources keep the rule: $rule"
done
sed 's/^/# /' "$work/errors"
[ ! -s "$work/errors" ]; ok $? "rules.sh ran without errors"

# Every symbol of the library begins with mb_ (the resolvers of clones aside, which clang 14 exports).
archive=${top_builddir:-.}/.libs/libmixbar.a
if [ -f "$archive" ] && command -v nm >/dev/null 2>&1; then
    nm -g --defined-only "$archive" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^_*mb_/ && $3 !~ /^(__asan|__odr_asan|__gcov|__start|__stop|_*\.)/ && $2 !~ /[WwIi]/ && $3 !~ /\.resolver$/ { print "# " $3 }' >"$work/symbols"
    cat "$work/symbols"
    [ ! -s "$work/symbols" ]; ok $? "external names begin with mb_"
else
    n=$((n + 1)); echo "ok $n - external names begin with mb_ # SKIP no archive"
fi

# --- the lint can fail -------------------------------------------------------------------------------------------------------
# A small clean tree; then one offence at a time.
fresh() {
    rm -rf "$work/tree"
    for d in base nn array cost run cli; do mkdir -p "$work/tree/src/$d"; done
    mkdir -p "$work/tree/mapping" "$work/tree/devices" "$work/tree/tests"
    printf '/* good.c - a clean file: sprintf(x) in a comment, "printf(" in a string */\n#include "base/str.h"\nconst char *mb_good(void) { return "system(rm) /* */"; } /* exit(1) */\n' \
        >"$work/tree/src/nn/good.c"
    echo 'libmixbar_la_SOURCES += src/nn/good.c' >"$work/tree/src/nn/local.mk"
}
clean() { # FILE TEXT
    fresh
    printf '/* %s - no offence */\n%s\n' "$(basename "$1")" "$2" >"$work/tree/$1"
    echo "X += $1" >"$work/tree/src/base/local.mk"
    [ -z "$(sh "$lint" "$work/tree" 2>&1)" ]
    ok $? "nothing is found: $(echo "$2" | tail -n 1)"
}
offence() { # FILE RULE TEXT
    fresh
    printf '/* %s - an offence */\n%s\n' "$(basename "$1")" "$3" >"$work/tree/$1"
    echo "X += $1" >"$work/tree/src/base/local.mk"
    sh "$lint" "$work/tree" 2>&1 | grep -q "^$1:[0-9]*: $2: "
    ok $? "an offence is found: $2: $(echo "$3" | tail -n 1)"
}

fresh
out=$(sh "$lint" "$work/tree" 2>&1)
[ -z "$out" ]; ok $? "a clean tree passes"
[ -z "$out" ] || printf '# %s\n' "$out"

clean src/array/good.c 'uint64_t clipped = 0; int lo = 0, hi = 0;
#pragma omp simd reduction(+ : clipped) reduction(min : lo) reduction(max : hi)'
clean src/base/good.c 'int mb_f(char *s, size_t n) { return snprintf(s, n, "%d", my_random(1)); }'
clean src/base/good.c 'MB_CLONES static void add(int n, int *x);
MB_CLONES static int add_to(int n, float *x);'
clean src/run/simulate.c '#pragma omp parallel for'
clean src/nn/parallel.c '#pragma omp parallel for'

offence src/base/bad.c floors '#include "nn/network.h"'
offence src/array/bad.c floors '#include "mapping/plan.h"'
offence mapping/bad.c floors '#include "array/xbar.h"'
offence devices/bad.c floors '#include "array/xbar.h"'
offence devices/bad.c floors '#include "nn/network.h"'
offence src/cost/bad.h floors '#include "run/point.h"'
offence src/nn/bad.c floors '#include "network.h"'
offence src/cli/bad.c banned 'void f(char *s) { sprintf(s, "x"); }'
offence src/base/bad.c banned 'void f(char *s) { strcpy (s, "x"); }'
offence src/nn/bad.c banned 'int f(const char *s) { return atoi(s); }'
offence src/run/bad.c banned 'int f(void) { return rand(); }'
offence src/cost/bad.c banned 'void f(void) { system("ls"); }'
offence src/nn/bad.c silent 'void f(void) { printf("hello"); }'
offence devices/bad.c silent 'void f(void) { fprintf(stderr, "hello"); }'
offence mapping/bad.c silent 'void f(void) { if (0) exit(1); }'
offence src/array/bad.c threads '#pragma omp parallel for'
offence src/array/bad.c threads '#include <omp.h>'
offence src/run/bad.c threads '#pragma omp parallel for'
offence src/run/simulate.c threads 'double sum = 0;
#pragma omp parallel for reduction(+:sum)'
offence src/array/bad.c threads 'float *f(void) { int n; float a, total;
#pragma omp simd reduction(+ : n, total)'
offence src/array/bad.c threads '#pragma omp simd reduction(+ : mystery)'
offence src/base/bad.c clones 'MB_CLONES static void add(int n, int *x);
MB_CLONES static void add(int n, float *x);'
offence src/base/bad.c time 'long f(void) { return time(0); }'
offence devices/bad.c time '#include <time.h>'
offence src/nn/bad.c paths "const char *mb_p = \"$(echo /ho | cat)me/somebody\";"

fresh; echo 'int x;' >"$work/tree/src/nn/good.c"
sh "$lint" "$work/tree" | grep -q '^src/nn/good.c:1: head: '; ok $? "an offence is found: head: no head comment"
fresh; : >"$work/tree/src/nn/local.mk"
sh "$lint" "$work/tree" | grep -q '^src/nn/good.c:1: lists: stands in no'; ok $? "an offence is found: lists: unlisted source"
fresh; echo '# a preset' >"$work/tree/devices/mine.cfg"
sh "$lint" "$work/tree" | grep -q '^devices/mine.cfg:1: lists: stands in no'; ok $? "an offence is found: lists: unlisted preset"
fresh; echo 'X += src/nn/gone.c' >>"$work/tree/src/nn/local.mk"
sh "$lint" "$work/tree" | grep -q '^src/nn/gone.c:1: lists: is listed'; ok $? "an offence is found: lists: missing source"

echo "1..$n"

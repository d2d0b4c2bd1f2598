#!/bin/sh
# rules.sh ROOT - read the sources below ROOT and print one line per offence: FILE:LINE: RULE: what is wrong. Prints nothing when all is well.
# Rules: floors, banned, silent, threads, time, head (all in code.awk), clones (names), lists (local.mk against the folders), paths (of machines), registry (names).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

sources() { find src mapping devices -name '*.[ch]' ! -name '*_registry.c' ! -name page_text.c 2>/dev/null | LC_ALL=C sort; }
texts() {
    { find src mapping devices experiments tests doc -type f 2>/dev/null
      for f in README.md NEWS.md CONTRIBUTING.md Makefile.am configure.ac quickstart .ci/run; do [ ! -f "$f" ] || echo "$f"; done; } |
        grep -E '\.([ch]|mk|cfg|md|t|sh|awk|1|am|ac|py|txt)$|^quickstart$|^\.ci/run$' | LC_ALL=C sort
}

# --- code ------------------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2046   # names without spaces
awk -f "$here/code.awk" $(sources)

# --- clones: clang 14 exports the resolver of a static function under its name, so that two files cannot have one of the same name
# shellcheck disable=SC2046
awk '/^[ \t]*MB_CLONES[ \t]/ {
        name = $0
        sub(/\(.*/, "", name)
        sub(/[ \t]+$/, "", name)
        sub(/.*[^A-Za-z0-9_]/, "", name)
        if (name == "NAME") next  # a template: the includer names it
        if (name in at) print FILENAME ":" FNR ": clones: " name " is also a clone in " at[name] "; two of a name do not link with clang"
        at[name] = FILENAME
    }' $(sources)

# --- lists: every source stands in a local.mk, everything listed exists ------------------------------------------------------
lists=$(find src mapping devices experiments tests -name '*.mk' 2>/dev/null | LC_ALL=C sort)
# shellcheck disable=SC2086
listed=$(sed -e 's/#.*//' $lists | tr -s ' \t=' '\n' | grep -E '^(src|mapping|devices|experiments|tests)/.*\.(c|h|sh|t|awk|cfg)$' | LC_ALL=C sort -u)
for f in $(sources) $(find tests -name '*.[ch]' -o -name '*.t' | LC_ALL=C sort) $(find devices experiments -name '*.cfg' 2>/dev/null | LC_ALL=C sort); do
    printf '%s\n' "$listed" | grep -qxF "$f" || echo "$f:1: lists: stands in no local.mk"
done
for f in $listed; do
    case $f in *_registry.c | */page_text.c) continue ;; esac
    [ -f "$f" ] || echo "$f:1: lists: is listed in a local.mk but does not exist"
done

# --- paths: nothing of one machine (unit tests make their temporary folders where all systems have one) -------------------------
# shellcheck disable=SC2046
grep -nE '(^|[^A-Za-z0-9_.$}])/(home|root|work|tmp|Users)/[A-Za-z]' $(texts) /dev/null | grep -vE '^tests/unit/[^:]*:[0-9]+:.*"/tmp/' |
    sed -E 's/^([^:]*:[0-9]*):.*/\1: paths: path of one machine/' || true

# --- test scripts -----------------------------------------------------------------------------------------------------------------
for f in $(find tests -name '*.t' | LC_ALL=C sort); do
    [ -x "$f" ] || echo "$f:1: lists: a test script has its x bit"
    head -n 1 "$f" | grep -q '^#!/bin/sh$' || echo "$f:1: head: a test script begins with #!/bin/sh"
done

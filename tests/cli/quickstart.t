#!/bin/sh
# quickstart.t - ./quickstart where it cannot install: says which packages are missing, prints the one command, changes nothing
. "${top_srcdir:-.}/tests/cli/lib.sh"

run sh "$src/quickstart" nonsense; is 2 "an unknown word is a usage error"; err '^usage: ./quickstart'

# A machine on which only gcc and make are installed; the programs that quickstart may call, without the others.
mkdir bin
for tool in sh dirname printf cat awk grep sed; do ln -s "$(command -v $tool)" bin/$tool; done
cat >bin/dpkg-query <<'END'
#!/bin/sh
case "$*" in *" gcc" | *" make") echo "ii " ;; *" libgsl-dev") echo "rc " ;; *) exit 1 ;; esac
END
printf '#!/bin/sh\necho 1000\n' >bin/id
chmod +x bin/dpkg-query bin/id
run env PATH="$work/bin" sh "$src/quickstart" </dev/null; is 1 "without rights it stops"
out 'missing: autoconf .*libgsl-dev .*libdnnl-dev' "missing packages are listed, removed ones too"
err '^    apt-get update && apt-get -y install autoconf ' "the command to run is printed"
grep -q -e ' gcc ' -e ' make ' out; [ $? -ne 0 ]; ok $? "installed packages are not listed"
run env PATH="$work/bin" sh "$src/quickstart" check </dev/null; is 1 "the same with check"
tail -n 1 out | grep -q '^0 passed, 1 failed$'; ok $? "check has its closing line"

# sudo is used when it works without a question, and the packages are what it is asked for.
printf '#!/bin/sh\necho "$*" >>%s/sudo.log\n[ "$1" = -n ] || exit 7\n' "$work" >bin/sudo
chmod +x bin/sudo
run env PATH="$work/bin" sh "$src/quickstart" </dev/null; is 1 "a failing apt-get stops it"
grep -q '^apt-get -q update' sudo.log; ok $? "sudo apt-get is tried"

# As root no sudo is needed.
printf '#!/bin/sh\necho 0\n' >bin/id
printf '#!/bin/sh\necho "$*" >>%s/apt.log\nexit 100\n' "$work" >bin/apt-get
chmod +x bin/apt-get
rm sudo.log
run env PATH="$work/bin" sh "$src/quickstart" </dev/null; is 1 "as root, apt-get failing"
[ -s apt.log ] && [ ! -e sudo.log ]; ok $? "root does not use sudo"

done_testing

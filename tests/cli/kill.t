#!/bin/sh
# kill.t - a run that is killed without warning at random moments loses nothing that was finished, and ends with the bytes of a run that was left alone; full disks, folders that
# cannot be written, two runs in one folder. MIXBAR_KILLS=200 kills more often (make check-long); the seed of the moments is MIXBAR_KILL_SEED.
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
kills=${MIXBAR_KILLS:-20}
seed=${MIXBAR_KILL_SEED:-1}

write_small small.cfg
sed -i 's/values = \[ 8, 4 \]; }/values = [ 8, 7, 6, 5, 4, 3 ]; }, { key = "map.adc_bits"; values = [ 6, 8 ]; }/
        s/^samples = 64/samples = 4/; s/^device.*/device = "ideal";/; s/^calibration.*/calibration = { dataset = "fashion-mnist-train"; samples = 4; };/' small.cfg
go() { mixbar run small.cfg -q --no-plots -j 1 -o "$@"; }
t0=$(date +%s%N)
go whole >/dev/null 2>err; ok $? "a run that is left alone"; diag err
ms=$((($(date +%s%N) - t0) / 1000000))
points=12
summaries() { grep -c '^{"kind":"point".*"crc":"[0-9a-f]\{8\}"}$' "$1" 2>/dev/null || :; }
[ "$(summaries whole/results.jsonl)" -eq $points ]; ok $? "$points points ($ms ms)"

# A moment between 0 and LIMIT ms: into $moment, in seconds.
next_moment() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    wait_ms=$((seed / 65536 % $1))
    moment=$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))
}
# After a long wait there was no point yet: the machine has become slower since the whole run was measured.
slower() { [ $most -gt 0 ] || [ $((2 * wait_ms)) -lt $limit ] || limit=$((limit * 2)); }

# What a killed run may leave: a beginning of the whole file (its bytes do not depend on time). Every point that a reader sees is whole.
prefix() { # FILE
    n=$(wc -c <"$1")
    head -c "$n" whole/results.jsonl | cmp -s - "$1"
}
k=0 bad=0 lost=0 unread=0 ended=0 most=0 rounds=0 seen=0
limit=$((ms * 2 / 3 + 20))
while [ $k -lt "$kills" ]; do
    if [ ! -e cut/results.jsonl ] || grep -q '"kind":"end"' cut/results.jsonl; then # begin again
        rm -rf cut
        seen=0
        rounds=$((rounds + 1))
    fi
    mixbar run small.cfg -q --no-plots -j 1 -o cut --resume >/dev/null 2>err &      # no function: the process itself must be the one that is killed
    pid=$!
    next_moment $limit
    sleep "$moment"
    kill -9 $pid 2>/dev/null && k=$((k + 1))
    wait $pid 2>/dev/null
    [ -e cut/results.jsonl ] || { slower; continue; }
    prefix cut/results.jsonl || { bad=$((bad + 1)); echo "# killed $k times: other bytes than the whole run"; }
    now=$(summaries cut/results.jsonl)
    [ "$now" -ge "$seen" ] || { lost=$((lost + 1)); echo "# killed $k times: $seen points, then $now"; }
    seen=$now
    [ "$now" -le $most ] || most=$now
    slower
    if [ -s cut/results.jsonl ] && grep -q '^{"kind":"schema".*"}$' cut/results.jsonl; then
        mixbar report cut -q -f csv >table 2>err || { unread=$((unread + 1)); echo "# killed $k times: cannot be reported"; diag err; }
        sed 1d table >rows # without a point the heading lacks the swept keys
        mixbar report whole -f csv | sed 1d | head -n "$now" | cmp -s - rows || { unread=$((unread + 1)); echo "# killed $k times: a table with other rows"; }
    fi
    if grep -q '"kind":"end"' cut/results.jsonl; then
        cmp -s whole/results.jsonl cut/results.jsonl || bad=$((bad + 1))
        ended=$((ended + 1))
    fi
done
[ $bad -eq 0 ]; ok $? "killed $k times in $rounds runs: always a beginning of the same bytes"
[ $lost -eq 0 ]; ok $? "no finished point is lost"
[ $unread -eq 0 ]; ok $? "the results can be read at each stop, and hold whole points alone"
[ "$most" -gt 0 ]; ok $? "some kills came in the middle (up to $most points, $ended runs ended)"
mkdir -p cut
: >cut/.mixbar-4194999-0.tmp # as of a process that was killed while it wrote a plan: certain to be there
run go cut --resume; is 0 "the last one is resumed to its end"
cmp -s whole/results.jsonl cut/results.jsonl; ok $? "results: byte for byte"
for f in whole/plan-*.cfg whole/used.cfg; do cmp -s "$f" "cut/${f#whole/}" || { echo "# ${f#whole/} differs"; bad=1; }; done
[ $bad -eq 0 ]; ok $? "plans and used.cfg: byte for byte"
find cut -name '*.tmp*' >out; [ ! -s out ]; ok $? "no temporary file is left"; diag out
[ ! -e cut/.lock ]; ok $? "no lock is left"

# --- the file system is full: by a limit of the size of files, which gives the same failure of write() as a full disk
size=$(wc -c <whole/results.jsonl)
for part in 1 3; do
    blocks=$((size * part / 4 / 512))
    rm -rf full
    rc=0
    (trap '' XFSZ; ulimit -f $blocks; go full) >out 2>err || rc=$?
    is 5 "no room for more than $((blocks / 2)) KiB: exit code 5"
    err 'writing failed|File too large|No space left' "and says so"
    err '^mixbar: error: '
    if [ -e full/results.jsonl ]; then
        prefix full/results.jsonl && [ "$(tail -c 3 full/results.jsonl)" = '"}' ]; ok $? "what is there is whole ($(summaries full/results.jsonl) points)"
        run go full --resume; is 0 "and goes on when there is room"
        cmp -s whole/results.jsonl full/results.jsonl; ok $? "to the same bytes"
    else
        [ ! -e full ]; ok $? "nothing is left"
    fi
done
if [ "$(id -u)" -eq 0 ] && mkdir disk && mount -t tmpfs -o size=$((size / 2048 + 32))k none disk 2>/dev/null; then
    run go disk/full; is 5 "a full disk: exit code 5"; err 'No space left on device'
    [ ! -e disk/full/results.jsonl ] || prefix disk/full/results.jsonl; ok $? "what is there is a beginning of the same bytes ($(summaries disk/full/results.jsonl) points)"
    [ -z "$(find disk -name '*.tmp*')" ]; ok $? "no temporary file is left"
    mount -o remount,size=64m disk
    if [ -d disk/full ]; then run go disk/full --resume; else run go disk/full; fi
    is 0 "and goes on on a larger disk"
    cmp -s whole/results.jsonl disk/full/results.jsonl; ok $? "to the same bytes"
    mixbar report whole -f csv >table
    run mixbar report whole -f csv -o disk/table.csv; is 0 "a report has room"
    mount -o remount,ro disk
    run go disk/other; is 5 "a file system that is read-only: exit code 5"; err 'Read-only file system'
    run go disk/full --resume; [ "$rc" -eq 5 ]; ok $? "nor can a run there be resumed"; err '^mixbar: error: '
    run mixbar report disk/full; is 0 "but reported"
    umount disk
else
    skip "a full disk, a read-only file system" "needs root and mount"
fi
run mixbar report whole -f csv -o /dev/full; [ "$rc" -eq 5 ]; ok $? "a report into a full device fails"; err '^mixbar: error: '
rc=0; mixbar report whole -f csv >/dev/full 2>err || rc=$?
is 5 "so it does on standard output"

# --- a network that changes under a run: refused at the first point, and what is there stays
cp "$exp/networks/fashion_cnn.onnx" net.onnx
sed 's|^network.*|network = "net.onnx";|; s/values = \[ 8, 7, 6, 5, 4, 3 \]/values = [ 8 ]/' small.cfg >moved.cfg
run mixbar run moved.cfg -q --no-plots -o moved; is 0 "a run of a network of its own"
cp -r moved moved.before
cp "$exp/networks/fashion_resnet8.onnx" net.onnx
run mixbar run moved.cfg -q --no-plots -o moved --resume; is 3 "the network is another one: refused"; err 'is another one there'
for f in results.jsonl plan-0000.cfg plan-0001.cfg; do cmp -s moved/$f moved.before/$f || f=; [ -n "$f" ] || break; done
[ -n "$f" ]; ok $? "results and plans are as before"

# --- a folder without the right to write
mkdir closed
chmod a-w closed
if [ "$(id -u)" -ne 0 ]; then
    run go closed/run; is 5 "a folder that cannot be written: exit code 5"; err 'Permission denied'
elif command -v setpriv >/dev/null 2>&1 && chmod -R a+rX "$work" && setpriv --reuid=65534 --clear-groups test -x "$build/mixbar" && setpriv --reuid=65534 --clear-groups test -r "$src/README.md"; then
    rc=0; setpriv --reuid=65534 --clear-groups "$build/mixbar" run small.cfg -q --no-plots -o closed/run >out 2>err || rc=$?
    is 5 "a folder that cannot be written: exit code 5"; err 'Permission denied'
else
    skip "a folder that cannot be written" "as root all can be written"
fi
[ -z "$(ls -A closed)" ]; ok $? "nothing is left in it"

# --- two at once
sed 's/^samples = 4/samples = 512/; s/^device.*/device = "rram";/; s/^trials.*/trials = 100;/' small.cfg >slow.cfg # outlasts what is tried meanwhile
mixbar run slow.cfg -q --no-plots -j 1 -o busy >/dev/null 2>&1 &
pid=$!
i=0
while [ $i -lt 600 ] && [ ! -s busy/results.jsonl ]; do sleep 0.05; i=$((i + 1)); done
for how in --resume --force ''; do
    run mixbar run slow.cfg -q --no-plots -o busy $how; is 5 "a folder in use is refused${how:+ with $how}"
    err "another mixbar, process $pid writes into this folder" "and by whom"
done
kill -0 $pid; ok $? "the first one goes on"
kill -9 $pid
wait $pid 2>/dev/null
run timeout -s INT 1 mixbar run slow.cfg -q --no-plots -j 1 -o busy --resume
[ "$rc" -ne 5 ] && ! grep -q 'another mixbar' err; ok $? "after a kill the lock does not stand in the way"; diag err

done_testing

#!/bin/sh
# determinism.t - results.jsonl is the same bytes for any number of threads and any kernel, after a stop and after a kill
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"
write_small small.cfg
quiet() { mixbar run small.cfg -q --no-plots "$@" >/dev/null 2>err; }

quiet -j 1 -o one; ok $? "one thread"; diag err
for n in 2 3; do
    quiet -j $n -o threads$n; cmp -s one/results.jsonl threads$n/results.jsonl; ok $? "the same bytes with $n threads"
done
mixbar list kernels --format csv | sed 1d | grep -v 'not supported' | cut -d, -f2 >kernels
while read -r kernel; do
    MIXBAR_KERNEL=$kernel quiet -j 2 -o "kernel-$kernel"; cmp -s one/results.jsonl "kernel-$kernel/results.jsonl"; ok $? "the same bytes with kernel $kernel"
done <kernels
MIXBAR_KERNEL=nonesuch run mixbar run small.cfg -q -o none; is 3 "an unknown kernel is refused"
quiet -s seed=8 -o seed; cmp -s one/results.jsonl seed/results.jsonl; [ $? -ne 0 ]; ok $? "other bytes with another seed"

# Six points; wait until two are finished, then stop it one way or another.
write_small six.cfg
sed -i 's/values = \[ 8, 4 \]/values = [ 8, 7, 6, 5, 4, 3 ]/; s/^trials.*/trials = 1;/' six.cfg
mixbar run six.cfg -q --no-plots -j 2 -o whole >/dev/null 2>err; ok $? "six points"; diag err
stop() { # SIGNAL DIR
    for attempt in 1 2 3 4 5; do    # a busy machine may let the run end before it lets us look
        rm -rf "$2"
        mixbar run six.cfg --no-plots -j 1 -o "$2" >/dev/null 2>err &
        pid=$!
        i=0
        while [ $i -lt 3000 ] && kill -0 $pid 2>/dev/null; do       # minutes, for sanitizers
            grep -q '^point 2/6' err && break
            sleep 0.05
            i=$((i + 1))
        done
        rc=0
        kill "-$1" $pid 2>/dev/null
        wait $pid 2>/dev/null || rc=$?
        [ $rc -eq 0 ] || break
        echo "# attempt $attempt: the run had ended"
    done
}
for signal in INT TERM; do
    stop $signal stopped-$signal
    is 130 "SIG$signal: exit code 130"; err 'finished points are kept in .*--resume' "SIG$signal: how to go on"
    [ "$(grep -c '"kind":"point"' stopped-$signal/results.jsonl)" -ge 2 ]; ok $? "SIG$signal: finished points are kept"
    run mixbar report stopped-$signal; is 0 "SIG$signal: an unfinished run can be reported"
    run mixbar run six.cfg --resume --no-plots -j 2 -o stopped-$signal; is 0 "SIG$signal: resume"
    grep -q '^point [12]/6' err; [ $? -ne 0 ]; ok $? "SIG$signal: finished points are not computed again"
    cmp -s whole/results.jsonl stopped-$signal/results.jsonl; ok $? "SIG$signal: the same bytes as an undisturbed run"
done

# Killed without warning, then the file's tail damaged as by a crash of the machine.
stop KILL killed
[ "$rc" -gt 128 ]; ok $? "killed"
run mixbar run six.cfg --resume -q --no-plots -o killed; is 0 "resume after a kill"
cmp -s whole/results.jsonl killed/results.jsonl; ok $? "the same bytes after a kill"
cp -r whole torn
size=$(wc -c <whole/results.jsonl)
head -c $((size - 700)) whole/results.jsonl >torn/results.jsonl
run mixbar run six.cfg --resume -q --no-plots -o torn; is 0 "resume after a torn write"
cmp -s whole/results.jsonl torn/results.jsonl; ok $? "the same bytes after a torn write"

# Two runs at once do not share a folder.
for attempt in 1 2 3 4 5; do
    rm -rf busy
    mixbar run six.cfg --no-plots -j 1 -o busy >/dev/null 2>err.first &
    pid=$!
    i=0
    while [ $i -lt 3000 ] && kill -0 $pid 2>/dev/null && ! grep -q '^point 1/6' err.first; do sleep 0.05; i=$((i + 1)); done
    run mixbar run six.cfg --resume -q --no-plots -o busy
    kill -0 $pid 2>/dev/null && break
    echo "# attempt $attempt: the first run had ended"
done
[ "$rc" -ne 0 ] && [ "$rc" -ne 70 ] && [ "$rc" -lt 128 ]; ok $? "a folder in use is refused"; diag err
kill $pid; wait $pid 2>/dev/null

done_testing

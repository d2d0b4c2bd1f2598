#!/bin/sh
# page.t - the HTML page of a run: one file that needs no network; in a real browser it has no errors, draws the front, sorts and filters
. "${top_srcdir:-.}/tests/cli/lib.sh"
. "$src/tests/cli/small.sh"

write_small small.cfg 'question = "Is <b>4</b> bits & a \"cell\" enough?";'
sed -i 's/values = \[ 8, 4 \]/values = [ 8, 4, 6, 3 ]/; s/^samples = 64/samples = 32/; s/^trials = 2/trials = 1/' small.cfg
run mixbar run small.cfg -q -o runs/small --no-plots; is 0 "a run of four points"
run mixbar report runs/small --format html -o page.html; is 0 "the page is written"
[ ! -s out ] && [ -s page.html ]; ok $? "into the file alone"
mixbar report runs/small --format html | cmp -s - page.html; ok $? "standard output has the same bytes"
grep -q 'Is &lt;b&gt;4&lt;/b&gt; bits &amp; a &quot;cell&quot; enough?' page.html; ok $? "the question is there, as text"
grep -Eo '(src|href)="[^"]*' page.html | grep -Ev '^href="(#|data:text/plain)' >loads || :
[ ! -s loads ]; ok $? "nothing is loaded"; diag loads
grep -q "default-src 'none'" page.html; ok $? "and nothing may be loaded"
for i in 0 1 2 3; do grep -q "download=\"plan-000$i.cfg\" href=\"data:" page.html || i=x; [ $i != x ] || break; done
[ $i = 3 ]; ok $? "the plans are in the page"
run mixbar report runs/small --format html --across map.weight_bits; is 2 "--across makes no page"
refused 'No such file or directory' "no run" mixbar report nowhere --format html
if command -v xmllint >/dev/null 2>&1; then # it does not know the elements of HTML 5
    xmllint --html --noout page.html 2>err; grep ' error ' err | grep -Ev 'Tag (header|nav|main|section|footer|output|details|summary|svg) invalid' >errors
    [ ! -s errors ]; ok $? "xmllint finds no error"; diag errors
else
    skip "xmllint" "libxml2-utils is not installed"
fi

# A browser runs the page with a script behind it that uses it as a reader does and writes what it found into the page.
cat >use.js <<'END'
const found = [];
const check = (good, text) => found.push((good ? 'PASS ' : 'FAIL ') + text);
const $ = s => document.querySelector(s), all = s => [...document.querySelectorAll(s)];
const rows = () => all('#table tbody tr').filter(r => !r.hidden);
const click = e => e.dispatchEvent(new MouseEvent('click', { bubbles: true }));
try {
    const points = JSON.parse($('#data').textContent).points;
    check(all('#scatter .pt').length === 4, 'four points are drawn');
    check($('#front') && /^M[\d.]+,[\d.]+(H[\d.]+V[\d.]+)+$/.test($('#front').getAttribute('d')), 'the front is drawn');
    check(all('#scatter .base').length >= 2 && all('#scatter .err').length >= 4, 'baselines and intervals are drawn');
    const wide = all('#scatter .err').some(e => +e.getAttribute('x2') > +e.getAttribute('x1') + 1);
    check(wide, 'corners of the energy are drawn');
    check(rows().length === 4, 'four rows');
    const heading = all('#table thead th').find(t => t.textContent.startsWith('energy')), column = heading.cellIndex;
    const numbers = () => rows().map(r => parseFloat(r.cells[column].textContent));
    click(heading.querySelector('button'));
    let n = numbers();
    check(n.every((v, i) => !i || n[i - 1] <= v) && heading.getAttribute('aria-sort') === 'ascending', 'sorts by energy: ' + n);
    click(heading.querySelector('button'));
    n = numbers();
    check(n.every((v, i) => !i || n[i - 1] >= v) && heading.getAttribute('aria-sort') === 'descending', 'and down: ' + n);
    $('#filter').value = 'weight_bits>=6';
    $('#filter').dispatchEvent(new Event('input'));
    check(rows().length === 2 && all('#scatter .pt').length === 2 && $('#count').textContent === '2 of 4 points', 'a filter: table and plot');
    $('#filter').value = 'nonsense=1';
    $('#filter').dispatchEvent(new Event('input'));
    check($('#filter').classList.contains('bad'), 'an unknown name in a filter is told');
    $('#filter').value = '';
    $('#filter').dispatchEvent(new Event('input'));
    click(rows()[1].querySelector('.pick'));
    check($('#chosen h3') && $('#chosen a[download]') && $('tr.chosen'), 'a point that is chosen shows its numbers and its plan');
    $('#scatter svg').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    check(!$('#tip').hidden && $('#tip').textContent.includes('accuracy'), 'arrow keys show values');
    $('#x').value = [...$('#x').options].find(o => o.textContent === 'area').value;
    $('#x').dispatchEvent(new Event('change'));
    check(/area/.test($('#scatter svg').getAttribute('aria-label')), 'another axis');
    check(all('#bars rect').length > 10 && all('#layer-table tbody tr').length === points[0].layers.length, 'bars and layers');
    const before = $('#bars').innerHTML;
    click($('#share'));
    check($('#bars').innerHTML !== before, 'shares');
    check(all('svg[role="img"]').every(s => s.getAttribute('aria-label')), 'pictures have texts');
    check(!all('b').some(b => b.textContent === '4'), 'text of the run makes no elements');
    check(document.documentElement.scrollWidth <= innerWidth, 'nothing is wider than the window');
} catch (e) {
    check(false, e.stack || e);
}
const pre = document.createElement('pre');
pre.id = 'found';
pre.textContent = found.join('\n') + '\nEND';
document.body.appendChild(pre);
END
browser=
for b in chromium chromium-browser google-chrome; do command -v $b >/dev/null 2>&1 && { browser=$b; break; }; done
if [ -n "$browser" ]; then
    awk '/^<\/body>/ { print "<script>"; while ((getline line < "use.js") > 0) print line; print "</script>" } { print }' page.html >used.html
    for width in 1280 390; do
        timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size=$width,900 --enable-logging=stderr \
            --virtual-time-budget=4000 --dump-dom "file://$work/used.html" >dom 2>log
        sed -n '/<pre id="found">/,/^END/p' dom | sed 's/.*<pre id="found">//' >found
        grep -q '^END' found; ok $? "the browser ran the page, $width pixels wide"
        grep -E '^(PASS|FAIL) ' found >results || :
        [ "$(wc -l <results)" -eq 17 ]; ok $? "all was looked at ($(wc -l <results | tr -d ' '))"
        while read -r verdict text; do [ "$verdict" = PASS ]; ok $? "$width: $text"; done <results
        grep 'CONSOLE' log >console || :
        [ ! -s console ]; ok $? "no message on the console"; diag console
    done
else
    skip "40 checks in a browser" "chromium is not installed"
fi

done_testing

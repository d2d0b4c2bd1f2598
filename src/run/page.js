/* page.js - sorting, filtering and the plots of a run's page. Plain JavaScript, no library; text from the run goes into the page as
 * text nodes only. Numbers in the data are in the units of their columns. */
(() => {
'use strict';
const D = JSON.parse(document.getElementById('data').textContent);
const root = document.documentElement;
root.classList.add('js');
const by = id => document.getElementById(id);
const NS = 'http://www.w3.org/2000/svg';
const OKABE = ['#0072B2', '#E69F00', '#009E73', '#D55E00', '#56B4E9', '#CC79A7', '#8C8C8C'];
const CIVIDIS = [[0, 34, 78], [49, 68, 107], [102, 105, 112], [149, 143, 120], [203, 186, 105], [254, 232, 56]];
const SHAPES = [
  r => `M${-r},0A${r},${r} 0 1 0 ${r},0A${r},${r} 0 1 0 ${-r},0Z`,
  r => `M${-r * .9},${-r * .9}H${r * .9}V${r * .9}H${-r * .9}Z`,
  r => `M0,${-r * 1.2}L${r * 1.1},${r * .8}H${-r * 1.1}Z`,
  r => `M0,${-r * 1.3}L${r * 1.3},0L0,${r * 1.3}L${-r * 1.3},0Z`,
  r => `M0,${r * 1.2}L${r * 1.1},${-r * .8}H${-r * 1.1}Z`,
  r => `M${-r * 1.3},0L${-r * .6},${-r * 1.1}H${r * .6}L${r * 1.3},0L${r * .6},${r * 1.1}H${-r * .6}Z`,
  r => `M${-r},${-r * .4}H${-r * .4}V${-r}H${r * .4}V${-r * .4}H${r}V${r * .4}H${r * .4}V${r}H${-r * .4}V${r * .4}H${-r}Z`];

function node(ns, tag, attrs, parent, text) {
  const e = ns ? document.createElementNS(ns, tag) : document.createElement(tag);
  for (const k in attrs) e.setAttribute(k, attrs[k]);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.appendChild(e);
  return e;
}
const svg = (tag, attrs, parent, text) => node(NS, tag, attrs, parent, text);
const html = (tag, attrs, parent, text) => node(null, tag, attrs, parent, text);
const clear = e => { while (e.firstChild) e.removeChild(e.firstChild); return e; };

const columns = D.columns, points = D.points;
const find = name => columns.findIndex(c => c.name === name);
const ACC = find('accuracy'), ENERGY = find('energy_J'), FLOAT = find('float_accuracy'), QUANT = find('quantised_accuracy');
const good = points.map((p, i) => i).filter(i => !points[i].infeasible);
const state = { shown: good.slice(), chosen: -1, key: null };

/* --- numbers --- */
function fmt(x, c) {
  if (x === null || x === undefined || !isFinite(x)) return '\u2013';
  const a = Math.abs(x);
  if (c && c.percent) return x.toFixed(a >= 99.95 ? 0 : 1);
  if (a === 0) return '0';
  if (a >= 1e5 || a < 1e-3) return x.toExponential(1);
  return x.toFixed(a >= 99.5 || x === Math.floor(x) ? 0 : a >= 9.95 ? 1 : a >= .995 ? 2 : 3);
}
const withUnit = (x, c) => fmt(x, c) + (c.unit ? '\u00a0' + c.unit : '');
function si(x, unit) { /* SI number with a prefix */
  if (!(x > 0)) return '0 ' + unit;
  const area = unit === 'm2', step = area ? 6 : 3, names = ['', 'm', '\u00b5', 'n', 'p', 'f', 'a'];
  let k = 0;
  while (x < (area ? .01 : 1) && k < names.length - 1) { x *= 10 ** step; k++; }
  return fmt(x) + '\u00a0' + names[k] + (area ? 'm\u00b2' : unit);
}
const axisName = c => c.label + (c.unit ? ' [' + c.unit + ']' : '');

/* --- scales --- */
function scale(values, a, b, percent) {
  let lo = Math.min(...values), hi = Math.max(...values);
  if (!isFinite(lo)) { lo = 0; hi = 1; }
  const log = !percent && lo > 0 && hi / lo > 3;
  if (log) { const f = (hi / lo) ** .06; lo /= f; hi *= f; }
  else {
    let air = (hi - lo) * .07;
    if (!(air > 0)) air = Math.abs(hi) * .1 || 1;
    lo = lo >= 0 && lo - air < 0 ? 0 : lo - air;
    hi += air;
    if (percent && hi > 100) hi = 101;
  }
  const at = v => a + (b - a) * (log ? Math.log(v / lo) / Math.log(hi / lo) : (v - lo) / (hi - lo));
  const ticks = [];
  if (log) {
    for (const set of [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
      ticks.length = 0;
      for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++)
        for (const m of set) { const v = m * 10 ** e; if (v >= lo && v <= hi) ticks.push(v); }
      if (ticks.length >= 4) break;
    }
  } else {
    const want = (hi - lo) / Math.max(3, Math.abs(b - a) / 90), ten = 10 ** Math.floor(Math.log10(want));
    const step = [1, 2, 2.5, 5, 10].map(m => m * ten).find(s => s >= want * .999);
    for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  }
  return { at, ticks, log };
}
const tick = v => Number(v.toPrecision(6)).toString();

/* Indices of LIST that no other beats in both columns, by rising X. */
function front(list, x, y) {
  const cx = columns[x], cy = columns[y], sx = cx.more ? -1 : 1, sy = cy.more ? -1 : 1;
  const s = list.filter(i => isFinite(val(i, x)) && isFinite(val(i, y)))
    .sort((a, b) => sx * (val(a, x) - val(b, x)) || sy * (val(a, y) - val(b, y)));
  const out = [];
  let best = Infinity;
  for (const i of s) if (sy * val(i, y) < best) { best = sy * val(i, y); out.push(i); }
  return out;
}
function val(i, c) { const v = points[i].v[c]; return v === null || v === undefined ? NaN : v; }

/* --- the tip --- */
const tip = by('tip');
function showTip(x, y, title, lines) {
  clear(tip);
  html('b', {}, tip, title);
  for (const l of lines) html('div', {}, tip, l);
  tip.hidden = false;
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - w - 8)) + 'px';
  tip.style.top = Math.max(4, y + 16 + h > innerHeight ? y - h - 12 : y + 16) + 'px';
}
const hideTip = () => { tip.hidden = true; };
function lines(i) {
  const out = [];
  columns.forEach((c, k) => {
    if (c.end || (c.constant && k !== ACC) || !isFinite(val(i, k))) return;
    if (out.length > 8) return;
    let t = c.brief + ' ' + withUnit(val(i, k), c);
    if (c.low !== undefined && val(i, c.high) > val(i, c.low)) t += ' (' + fmt(val(i, c.low), c) + '\u2013' + fmt(val(i, c.high), c) + ')';
    out.push(t);
  });
  return out;
}
const title = i => '#' + points[i].i + '  ' + points[i].name;

/* --- colours of points --- */
function colouring(k) {
  if (k < 0) return { of: () => OKABE[0], shape: () => 0, key: [] };
  if (k >= D.keys.length) { /* by a column */
    const c = k - D.keys.length, v = good.map(i => val(i, c)).filter(isFinite), lo = Math.min(...v), hi = Math.max(...v);
    const at = t => { const u = Math.max(0, Math.min(.9999, t)) * 5, j = Math.floor(u), f = u - j;
      return 'rgb(' + CIVIDIS[j].map((a, n) => Math.round(a + (CIVIDIS[Math.min(5, j + 1)][n] - a) * f)).join(',') + ')'; };
    return { of: i => isFinite(val(i, c)) ? at(hi > lo ? (val(i, c) - lo) / (hi - lo) : .5) : '#999', shape: () => 0,
      key: [0, .25, .5, .75, 1].map(t => [at(t), 0, withUnit(lo + t * (hi - lo), columns[c])]) };
  }
  const values = [...new Set(points.map(p => p.set[k]))];
  if (values.every(s => s !== '' && isFinite(s))) values.sort((a, b) => a - b);
  const n = v => values.indexOf(v);
  return { of: i => OKABE[n(points[i].set[k]) % 7], shape: i => n(points[i].set[k]) % 7,
    key: values.slice(0, 14).map((v, j) => [OKABE[j % 7], j % 7, v]).concat(values.length > 14 ? [['none', 0, '\u2026']] : []) };
}

/* --- the scatter plot --- */
const selX = by('x'), selY = by('y'), selC = by('colour');
columns.forEach((c, k) => {
  if (c.end || c.constant) return;
  html('option', { value: k }, selX, c.brief);
  html('option', { value: k }, selY, c.brief);
});
html('option', { value: -1 }, selC, 'none');
D.keys.forEach((k, i) => html('option', { value: i }, selC, k));
columns.forEach((c, k) => { if (!c.end && !c.constant) html('option', { value: D.keys.length + k }, selC, c.brief); });
function choose(select, wanted) { if ([...select.options].some(o => o.value === String(wanted))) select.value = wanted; }
choose(selX, ENERGY);
choose(selY, ACC >= 0 && !columns[ACC].constant ? ACC : find('latency_s'));
if (D.keys.length) selC.value = 0;
if (!D.baselines.length) by('with-baselines').parentNode.hidden = true;

let spots = [];
function scatter() {
  const box = clear(by('scatter'));
  const x = +selX.value, y = +selY.value, cx = columns[x], cy = columns[y];
  if (!cx || !cy) { html('p', { class: 'note' }, box, 'All points have the same numbers: there is nothing to compare.'); return; }
  const W = Math.max(300, Math.min(box.clientWidth || 1000, 1140)), H = W < 560 ? 330 : 440, L = 58, R = 14, T = 12, B = 44;
  const col = colouring(+selC.value), list = state.shown.filter(i => isFinite(val(i, x)) && isFinite(val(i, y)));
  const s = svg('svg', { viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: 'img', 'aria-label':
    `Scatter plot: ${axisName(cy)} over ${axisName(cx)}, ${list.length} points. Arrow keys move through the points.` }, box);
  const base = [], seen = new Set();
  if (by('with-baselines').checked) for (const i of list) for (const b of points[i].base) {
    const acc = k => (k === ACC || k === QUANT) && QUANT >= 0 ? val(i, QUANT) : b.v[k];
    const bx = acc(x), by_ = acc(y), id = b.b + ' ' + bx + ' ' + by_;
    if (isFinite(bx) && isFinite(by_) && !seen.has(id)) { seen.add(id); base.push({ b: b.b, x: bx, y: by_, i }); }
  }
  const ends = (i, c, k) => c.low === undefined ? [val(i, k)] : [val(i, c.low), val(i, c.high), val(i, k)].filter(isFinite);
  const few = list.length <= 150;
  const opt = front(list, x, y), isFront = new Set(opt);
  const withErr = few ? list : opt;
  const fl = FLOAT >= 0 && y === ACC ? [...new Set(list.map(i => val(i, FLOAT)).filter(isFinite))].slice(0, 3) : [];
  const xs = scale(list.map(i => val(i, x)).concat(...withErr.map(i => ends(i, cx, x)), base.map(b => b.x)), L, W - R, cx.percent);
  const ys = scale(list.map(i => val(i, y)).concat(...withErr.map(i => ends(i, cy, y)), base.map(b => b.y), fl), H - B, T, cy.percent);
  for (const t of ys.ticks) {
    svg('line', { class: 'grid', x1: L, x2: W - R, y1: ys.at(t), y2: ys.at(t) }, s);
    svg('text', { class: 'soft', x: L - 7, y: ys.at(t) + 4, 'text-anchor': 'end' }, s, tick(t));
  }
  let last = -1e9;
  for (const t of xs.ticks) {
    svg('line', { class: 'grid', x1: xs.at(t), x2: xs.at(t), y1: T, y2: H - B }, s);
    if (xs.at(t) - last < 38) continue;
    last = xs.at(t);
    svg('text', { class: 'soft', x: last, y: H - B + 17, 'text-anchor': 'middle' }, s, tick(t));
  }
  svg('line', { class: 'axis', x1: L, x2: W - R, y1: H - B, y2: H - B }, s);
  svg('line', { class: 'axis', x1: L, x2: L, y1: T, y2: H - B }, s);
  svg('text', { x: (L + W - R) / 2, y: H - 8, 'text-anchor': 'middle' }, s, axisName(cx));
  svg('text', { x: 0, y: 0, 'text-anchor': 'middle', transform: `translate(14,${(T + H - B) / 2}) rotate(-90)` }, s, axisName(cy));
  for (const f of fl) {
    svg('line', { class: 'float', x1: L, x2: W - R, y1: ys.at(f), y2: ys.at(f) }, s);
    svg('text', { class: 'soft', x: W - R - 2, y: ys.at(f) - 5, 'text-anchor': 'end' }, s, 'float ' + fmt(f, columns[FLOAT]) + ' %');
  }
  if (opt.length > 1) {
    let d = `M${xs.at(val(opt[0], x))},${ys.at(val(opt[0], y))}`;
    for (const i of opt.slice(1)) d += `H${xs.at(val(i, x))}V${ys.at(val(i, y))}`;
    svg('path', { class: 'front', id: 'front', d }, s);
  }
  for (const i of withErr) {
    const [xa, xb] = [cx.low, cx.high].map(k => k === undefined ? NaN : val(i, k)), [ya, yb] = [cy.low, cy.high].map(k => k === undefined ? NaN : val(i, k));
    const px = xs.at(val(i, x)), py = ys.at(val(i, y));
    if (yb > ya) svg('line', { class: 'err', stroke: col.of(i), x1: px, x2: px, y1: ys.at(ya), y2: ys.at(yb) }, s);
    if (xb > xa) svg('line', { class: 'err', stroke: col.of(i), x1: xs.at(xa), x2: xs.at(xb), y1: py, y2: py }, s);
  }
  for (const b of base)
    svg('path', { class: base.length > 60 ? 'base dim' : 'base', d: SHAPES[(b.b + 3) % 7](base.length > 60 ? 3 : 5), stroke: OKABE[(b.b + 3) % 7],
      transform: `translate(${xs.at(b.x)},${ys.at(b.y)})` }, s);
  const r = list.length > 400 ? 3 : list.length > 60 ? 4 : 5.5;
  spots = list.map(i => ({ i, x: xs.at(val(i, x)), y: ys.at(val(i, y)) })).sort((a, b) => a.x - b.x || a.y - b.y);
  for (const p of spots.slice().sort((a, b) => isFront.has(a.i) - isFront.has(b.i)))
    svg('path', { class: 'pt' + (isFront.has(p.i) || !few && 0 || list.length < 13 ? '' : ' dim'), 'data-i': p.i, d: SHAPES[col.shape(p.i)](r),
      fill: col.of(p.i), transform: `translate(${p.x},${p.y})` }, s);
  if (list.length <= 14) label(s, spots, W - R, T, opt.map(i => [xs.at(val(i, x)), ys.at(val(i, y))]), base.map(b => [xs.at(b.x), ys.at(b.y)]));
  const ring = svg('circle', { class: 'ring', r: r + 4, visibility: 'hidden' }, s);
  const mark = i => { const p = spots.find(q => q.i === i);
    ring.setAttribute('visibility', p ? 'visible' : 'hidden');
    if (p) { ring.setAttribute('cx', p.x); ring.setAttribute('cy', p.y); } return p; };
  mark(state.chosen);
  const near = e => {
    const q = s.getBoundingClientRect(), f = W / q.width, ex = (e.clientX - q.left) * f, ey = (e.clientY - q.top) * f;
    let best = null, d = 24 ** 2;
    for (const p of spots) { const v = (p.x - ex) ** 2 + (p.y - ey) ** 2; if (v < d) { d = v; best = { p }; } }
    for (const b of base) { const v = (xs.at(b.x) - ex) ** 2 + (ys.at(b.y) - ey) ** 2; if (v < d) { d = v; best = { b }; } }
    return best;
  };
  s.addEventListener('pointermove', e => {
    const n = near(e);
    if (!n) hideTip();
    else if (n.p) showTip(e.clientX, e.clientY, title(n.p.i), lines(n.p.i));
    else showTip(e.clientX, e.clientY, D.baselines[n.b.b], [cx.brief + ' ' + withUnit(n.b.x, cx), cy.brief + ' ' + withUnit(n.b.y, cy), 'beside point ' + points[n.b.i].i]);
  });
  s.addEventListener('pointerleave', hideTip);
  s.addEventListener('click', e => { const n = near(e); if (n && n.p) pick(n.p.i); });
  s.addEventListener('blur', hideTip);
  s.addEventListener('keydown', e => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[e.key];
    if (!step || !spots.length) return;
    e.preventDefault();
    const now = spots.findIndex(p => p.i === state.chosen), p = spots[(now + step + spots.length) % spots.length];
    pick(p.i, true);
    mark(p.i);
    const q = s.getBoundingClientRect(), f = q.width / W;
    showTip(q.left + p.x * f, q.top + p.y * f, title(p.i), lines(p.i));
  });
  const key = html('ul', { class: 'key' }, box);
  const entry = (draw, text) => { const li = html('li', {}, key), g = svg('svg', { viewBox: '0 0 18 14', 'aria-hidden': 'true' }, li); draw(g); li.appendChild(document.createTextNode(text)); };
  if (+selC.value >= 0) html('li', {}, key, (selC.selectedOptions[0] || {}).textContent + ':');
  for (const [c, sh, t] of col.key) entry(g => svg('path', { d: SHAPES[sh](5), fill: c, transform: 'translate(9,7)' }, g), t);
  D.baselines.forEach((n, b) => { if (base.some(q => q.b === b)) entry(g => svg('path', { class: 'base', d: SHAPES[(b + 3) % 7](4.5), stroke: OKABE[(b + 3) % 7], transform: 'translate(9,7)' }, g), n); });
}
/* Names beside few points, where they touch nothing. */
function label(s, list, right, top, stair, other) {
  const boxes = list.map(p => [p.x - 7, p.y - 7, p.x + 7, p.y + 7]).concat(other.map(p => [p[0] - 7, p[1] - 7, p[0] + 7, p[1] + 7]));
  stair.slice(1).forEach((p, k) => { const o = stair[k]; boxes.push([o[0], o[1] - 2, p[0], o[1] + 2], [p[0] - 2, Math.min(o[1], p[1]), p[0] + 2, Math.max(o[1], p[1])]); });
  for (const p of list) {
    const text = points[p.i].tag.slice(0, 22), w = text.length * 6.6 + 4;
    for (const [dx, dy, a] of [[10, 4, 's'], [-10, 4, 'e'], [0, -11, 'm'], [0, 19, 'm'], [10, -9, 's'], [10, 17, 's']]) {
      const x0 = a === 's' ? p.x + dx : a === 'e' ? p.x + dx - w : p.x - w / 2, b = [x0, p.y + dy - 11, x0 + w, p.y + dy + 3];
      if (b[0] < 60 || b[2] > right || b[1] < top || boxes.some(o => o[0] < b[2] && b[0] < o[2] && o[1] < b[3] && b[1] < o[3])) continue;
      boxes.push(b);
      svg('text', { x: a === 's' ? x0 : a === 'e' ? x0 + w : p.x, y: p.y + dy, 'text-anchor': a === 's' ? 'start' : a === 'e' ? 'end' : 'middle' }, s, text);
      break;
    }
  }
}

/* --- bars --- */
const fillOf = k => {
  const c = D.components[k];
  if (!c) return '#bbbbbb';
  return c.hatch ? `url(#hatch${k})` : c.colour === '#444444' ? 'var(--dark-part)' : c.colour;
};
(() => { /* patterns, once for the whole page */
  const s = svg('svg', { width: 0, height: 0, 'aria-hidden': 'true', style: 'position:absolute' }, document.body), defs = svg('defs', {}, s);
  D.components.forEach((c, k) => {
    if (!c.hatch) return;
    const p = svg('pattern', { id: 'hatch' + k, width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: `rotate(${c.hatch === 1 ? 45 : -45})` }, defs);
    const colour = c.colour === '#444444' ? 'var(--dark-part)' : c.colour;
    svg('rect', { width: 6, height: 6, fill: colour, opacity: .25 }, p);
    svg('rect', { width: 3, height: 6, fill: colour }, p);
  });
})();
const partName = k => k < D.components.length ? D.components[k].name : 'other';
function componentKey(box, used) {
  const key = html('ul', { class: 'key' }, box);
  used.forEach((u, k) => {
    if (!u) return;
    const li = html('li', {}, key), g = svg('svg', { viewBox: '0 0 18 14', 'aria-hidden': 'true' }, li);
    svg('rect', { x: 1, y: 1, width: 16, height: 12, fill: fillOf(k) }, g);
    li.appendChild(document.createTextNode(partName(k)));
  });
}
function bars() {
  const box = clear(by('bars')), what = +by('cost').value, unit = ['J', 's', 'm2'][what], share = by('share').checked;
  let list = state.shown.slice();
  const best = ENERGY >= 0 && ACC >= 0 ? front(list, ENERGY, ACC) : [];
  const all = list.length;
  if (all > 20) {
    const pool = best.length ? best : list, n = Math.min(20, pool.length);
    list = [...new Set(Array.from({ length: n }, (_, k) => pool[Math.round(k * (pool.length - 1) / Math.max(1, n - 1))]))];
  }
  if (state.chosen >= 0 && !list.includes(state.chosen) && state.shown.includes(state.chosen)) list.unshift(state.chosen);
  const rows = list.map(i => ({ name: points[i].tag, parts: points[i].parts[what], total: points[i].cost[what], i }));
  const alike = new Map(); /* baselines that cost the same once, by name */
  for (const i of list) for (const b of points[i].base) {
    const id = b.b + ' ' + b.cost[what];
    if (!alike.has(id)) alike.set(id, { b: b.b, parts: b.parts[what], total: b.cost[what], base: true, i });
  }
  const other = [...alike.values()].sort((p, q) => p.b - q.b);
  for (const r of other) r.name = D.baselines[r.b] + (other.filter(q => q.b === r.b).length > 1 ? ', as ' + points[r.i].tag : '');
  const kinds = new Set(other.map(r => r.b)).size, each = Math.max(1, Math.floor(12 / Math.max(1, kinds))), had = {};
  for (const r of other) if ((had[r.b] = (had[r.b] || 0) + 1) <= each) rows.push(r);
  if (!rows.length) { html('p', { class: 'note' }, box, 'No point is shown.'); return; }
  const W = Math.max(300, Math.min(box.clientWidth || 1000, 1140)), step = 24, long = Math.max(...rows.map(r => r.name.length));
  const L = Math.min(Math.max(60, Math.min(long, 26) * 6.7 + 14), W * .36), R = 76, H = rows.length * step + 8;
  const own = Math.max(...rows.filter(r => !r.base).map(r => r.total || 0)), most = Math.max(...rows.map(r => Math.min(r.total || 0, 2.5 * own)));
  const s = svg('svg', { viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `Stacked bars: ${by('cost').selectedOptions[0].textContent} by component of ${rows.length} points and baselines` }, box);
  const used = Array(D.components.length + 1).fill(false);
  let cut = false;
  rows.forEach((r, n) => {
    const y = n * step + 4, sum = r.parts.reduce((a, b) => a + b, 0), full = (W - L - R) * (share ? 1 : Math.min(1, r.total / most || 0));
    const f = share ? (W - L - R) / (sum || 1) : (W - L - R) / most, chars = Math.floor((L - 14) / 6.7);
    const t = svg('text', { x: L - 8, y: y + 14, 'text-anchor': 'end', class: r.base ? 'soft' : '' }, s, r.name.length > chars ? r.name.slice(0, chars - 1) + '\u2026' : r.name);
    svg('title', {}, t, r.base ? r.name : title(r.i));
    let x = L;
    (sum > 0 ? r.parts : [...Array(D.components.length).fill(0), r.total]).forEach((v, k) => {
      const w = Math.min(v * f, L + full - x);
      if (!(w > 0)) return;
      if (w > .6) used[k] = true;
      const q = svg('rect', { x, y, width: w, height: step - 6, fill: fillOf(k) }, s);
      svg('title', {}, q, `${r.name}: ${partName(k)} ${si(v, unit)} (${(100 * v / (sum || r.total)).toFixed(1)} %)`);
      x += w;
    });
    if (!share && r.total > most * 1.0001) { cut = true; svg('path', { d: `M${L + full - 30},${y - 1}l-5,${step - 4}h5l5,${-step + 4}Z`, fill: 'var(--card)' }, s); }
    svg('text', { x: L + full + 6, y: y + 14 }, s, si(r.total, unit));
  });
  if (all > rows.length) html('p', { class: 'note' }, box, `${list.length} of ${all} points: best trade-offs of accuracy and energy.`);
  if (cut) html('p', { class: 'note' }, box, 'Bars with a gap are cut off.');
  componentKey(box, used);
}

/* --- layers --- */
const which = by('which');
points.forEach((p, i) => { if (p.layers) html('option', { value: i }, which, title(i).slice(0, 70)); });
function layers() {
  const box = clear(by('layer-table')), p = points[+which.value];
  if (!p || !p.layers) { html('p', { class: 'note' }, box, 'The page holds no layers of this point.'); return; }
  const t = html('table', { class: 'all' }, box), h = html('tr', {}, html('thead', {}, t)), body = html('tbody', {}, t);
  const head = (a, b, num) => { const e = html('th', { scope: 'col', class: num ? 'num' : '' }, h, a); if (b) html('small', {}, e, b); };
  head('layer'); head('matrix', 'K\u00d7N'); head('bits', 'weights, inputs, ADC'); head('arrays', '', 1); head('energy'); head('latency', '', 1); head('SNR', 'dB'); head('clipped', '', 1);
  const top = Math.max(...p.layers.map(l => l.energy || 0)), snrs = p.layers.map(l => l.snr).filter(v => typeof v === 'number'), snrTop = Math.max(40, ...snrs);
  const bitsTop = Math.max(8, ...p.layers.map(l => Math.max(l.w, l.x, l.adc || 0, l.all || 0)));
  const used = Array(D.components.length + 1).fill(false);
  for (const l of p.layers) {
    const tr = html('tr', {}, body);
    html('th', { scope: 'row' }, tr, l.name);
    html('td', {}, tr, (l.groups > 1 ? l.groups + '\u00d7' : '') + l.K + '\u00d7' + l.N);
    const b = html('td', {}, tr), v = [[l.w, OKABE[0]], [l.x, OKABE[4]], [l.adc, OKABE[1]]].filter(e => e[0]);
    const g = svg('svg', { width: 96, height: v.length * 6, 'aria-hidden': 'true' }, b);
    v.forEach(([n, c], k) => svg('rect', { x: 0, y: k * 6, width: 92 * n / bitsTop, height: 5, fill: c }, g));
    if (l.adc && l.all) svg('rect', { x: Math.min(92, 92 * l.all / bitsTop), y: 11, width: 2, height: 7, fill: 'currentColor' }, g);
    b.appendChild(document.createTextNode(' ' + l.w + ' / ' + l.x + (l.adc ? ' / ' + l.adc : ' (digital)')));
    b.title = l.adc ? `weights ${l.w}, inputs ${l.x}, converters ${l.adc} bits; ${l.all} bits lose nothing (mark); ${l.cell} bits per cell` : `weights ${l.w}, inputs ${l.x} bits, digital engine`;
    html('td', { class: 'num' }, tr, l.arrays === undefined ? '\u2013' : l.arrays);
    const e = html('td', {}, tr), q = svg('svg', { width: 150, height: 14, 'aria-hidden': 'true' }, e);
    svg('rect', { class: 'track', width: 146, height: 14 }, q);
    let x = 0;
    l.parts[0].forEach((a, k) => {
      const w = 146 * a / top;
      if (!(w > 0)) return;
      if (w > .6) used[k] = true;
      svg('title', {}, svg('rect', { x, width: w, height: 14, fill: fillOf(k) }, q), partName(k) + ' ' + si(a, 'J'));
      x += w;
    });
    e.appendChild(document.createTextNode(' ' + si(l.energy, 'J')));
    html('td', { class: 'num' }, tr, si(l.latency, 's'));
    const n = html('td', {}, tr);
    if (typeof l.snr === 'number') {
      const m = svg('svg', { width: 84, height: 12, 'aria-hidden': 'true' }, n);
      svg('rect', { class: 'track', y: 2, width: 80, height: 8 }, m);
      svg('rect', { y: 2, width: Math.max(0, 80 * l.snr / snrTop), height: 8, fill: OKABE[2] }, m);
      n.appendChild(document.createTextNode(' ' + l.snr.toFixed(1)));
    } else n.textContent = l.snr || '\u2013';
    html('td', { class: 'num' }, tr, typeof l.clipped === 'number' ? (l.clipped * 100).toPrecision(2).replace(/^0\.0+$/, '0') + ' %' : '\u2013');
  }
  componentKey(box, used);
}

/* --- table, filter, choice --- */
const table = by('table'), body = table.tBodies[0], rows = [...body.rows];
const value = (i, k) => k === 'i' ? points[i].i : k === 'l' ? points[i].name : k[0] === 'k' ? points[i].set[+k.slice(1)] : val(i, +k.slice(1));
for (const th of table.tHead.rows[0].cells) {
  th.querySelector('button').addEventListener('click', () => {
    const k = th.dataset.k, c = k[0] === 'v' && columns[+k.slice(1)];
    const first = c && c.more ? 'descending' : 'ascending', other = first === 'ascending' ? 'descending' : 'ascending';
    const to = th.getAttribute('aria-sort') === first ? other : first;
    for (const o of table.tHead.rows[0].cells) o.removeAttribute('aria-sort');
    th.setAttribute('aria-sort', to);
    const sign = to === 'ascending' ? 1 : -1;
    const order = rows.slice().sort((a, b) => {
      const p = value(+a.dataset.i, k), q = value(+b.dataset.i, k), m = +p, n = +q;
      const empty = v => v === '' || v === null || v !== v;
      if (empty(p) || empty(q)) return empty(p) - empty(q);
      return isFinite(m) && isFinite(n) ? sign * (m - n) : sign * String(p).localeCompare(String(q));
    });
    for (const r of order) body.appendChild(r);
  });
}
function parse(text) { /* words, and KEY < NUMBER with = != < <= > >= */
  return text.trim().split(/\s+/).filter(Boolean).map(word => {
    const m = /^([\w.\- ]+?)(<=|>=|!=|=|<|>)(.+)$/.exec(word);
    if (!m) return i => (points[i].name + ' ' + points[i].i).toLowerCase().includes(word.toLowerCase());
    const [, name, op, want] = m, low = name.toLowerCase();
    const key = D.keys.findIndex(k => k === name || k.endsWith('.' + name));
    const col = columns.findIndex(c => c.name.toLowerCase() === low || c.brief.toLowerCase().replace(/ /g, '_') === low);
    if (key < 0 && col < 0) return null;
    const compare = (a, b) => op === '<' ? a < b : op === '<=' ? a <= b : op === '>' ? a > b : op === '>=' ? a >= b : op === '=' ? a === b : a !== b;
    return i => {
      const v = key >= 0 ? points[i].set[key] : val(i, col), n = +v, w = +want;
      return v !== '' && isFinite(n) && isFinite(w) ? compare(n, w) : compare(String(v), want);
    };
  });
}
function filter() {
  const tests = parse(by('filter').value), bad = tests.includes(null);
  by('filter').classList.toggle('bad', bad);
  by('filter').title = bad ? 'unknown name: use a column or a swept key' : '';
  let n = 0;
  for (const r of rows) {
    const on = tests.every(t => !t || t(+r.dataset.i));
    r.hidden = !on;
    n += on;
  }
  state.shown = good.filter(i => tests.every(t => !t || t(i)));
  by('count').textContent = `${n} of ${points.length} points`;
  draw();
}
function pick(i, quiet) {
  state.chosen = i;
  for (const r of rows) r.classList.toggle('chosen', +r.dataset.i === i);
  const box = clear(by('chosen')), p = points[i];
  html('h3', {}, box, 'Point ' + title(i));
  const link = by('plan-' + i);
  if (link) {
    const a = link.cloneNode(true);
    a.removeAttribute('id');
    html('p', {}, box, 'Plan: ').appendChild(a);
  }
  const dl = html('dl', { class: 'facts' }, box);
  const fact = (a, b, help) => { const d = html('div', help ? { title: help } : {}, dl); html('dt', {}, d, a); html('dd', {}, d, b); };
  D.keys.forEach((k, n) => fact(k.split('.').pop(), p.set[n]));
  columns.forEach((c, n) => { if (isFinite(val(i, n))) fact(c.brief, withUnit(val(i, n), c), c.label); });
  if (p.layers) { which.value = i; layers(); }
  bars();
  if (!quiet) scatter();
}
body.addEventListener('click', e => { const r = e.target.closest('tr'); if (r) pick(+r.dataset.i); });
by('filter').addEventListener('input', filter);
by('all').addEventListener('change', e => table.classList.toggle('all', e.target.checked));
by('csv').addEventListener('click', () => {
  const q = s => /[",\n]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s;
  const lines = [['point', ...D.keys, ...columns.map(c => c.brief + (c.unit ? ' [' + c.unit + ']' : ''))].map(q).join(',')];
  for (const r of body.rows) if (!r.hidden) { const p = points[+r.dataset.i]; lines.push([p.i, ...p.set, ...p.v.map(v => v === null ? '' : v)].map(v => q(String(v))).join(',')); }
  const a = html('a', { download: D.name.replace(/[^\w.-]+/g, '_') + '.csv', href: URL.createObjectURL(new Blob([lines.join('\n') + '\n'], { type: 'text/csv' })) });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 1000);
});
by('theme').addEventListener('click', () => {
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
});
for (const s of [selX, selY, selC]) s.addEventListener('change', scatter);
by('with-baselines').addEventListener('change', scatter);
by('cost').addEventListener('change', bars);
by('share').addEventListener('change', bars);
which.addEventListener('change', layers);
function draw() { scatter(); bars(); }

if (ENERGY >= 0 && ACC >= 0) for (const i of front(good, ENERGY, ACC)) { const r = rows.find(q => +q.dataset.i === i); if (r) r.classList.add('front'); }
filter();
if (!D.components.length) by('breakdown').hidden = true;
if (which.options.length) {
  const best = ENERGY >= 0 && ACC >= 0 ? front(good, ENERGY, ACC).filter(i => points[i].layers) : [];
  if (best.length) which.value = best[best.length - 1];
  layers();
} else by('layers').hidden = true;
let width = innerWidth;
addEventListener('resize', () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
addEventListener('beforeprint', hideTip);
})();

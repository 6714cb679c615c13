// Style and script of the page. The script keeps one number, the frame; everything shown is a function of it.
#include "report/pulse.h"

namespace systole::report {

const char* const kPulseStyle = R"css(
:root { --page:#f6f7f9; --panel:#ffffff; --ink:#1c2330; --soft:#5d6879; --line:#d3d9e2; --cell:#eef1f5; --work:#fff1d6; --input:#f0a020; --input-ink:#3b2500;
  --sum:#2f6fde; --sum-ink:#ffffff; --weight:#12897b; --weight-ink:#ffffff; --switch:#8b3fd1; }
@media (prefers-color-scheme: dark) { :root { --page:#12161d; --panel:#1b212b; --ink:#e7ecf4; --soft:#93a0b4; --line:#343e4d; --cell:#232b37; --work:#4a3a17; --input:#f2b046;
  --input-ink:#2a1a00; --sum:#5b92f5; --sum-ink:#07152e; --weight:#35b3a3; --weight-ink:#04211d; --switch:#b884f0; } }
* { box-sizing:border-box; }
body { margin:0 auto; max-width:1500px; padding:18px 24px 30px; background:var(--page); color:var(--ink); font:15px/1.45 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif; }
header { display:flex; justify-content:space-between; align-items:flex-start; gap:20px; }
h1 { font-size:22px; margin:0; } .chip { margin:2px 0 0; color:var(--soft); }
#cycle { font-size:30px; font-weight:650; font-variant-numeric:tabular-nums; white-space:nowrap; }
#cycle small { font-size:14px; font-weight:400; color:var(--soft); }
#caption { min-height:4em; margin:14px 0 12px; padding:9px 14px; background:var(--panel); border-left:4px solid var(--sum); border-radius:4px; font-size:17px; }
nav { display:flex; gap:8px; align-items:center; margin-bottom:14px; flex-wrap:wrap; }
button, select { font:inherit; color:var(--ink); background:var(--panel); border:1px solid var(--line); border-radius:7px; padding:5px 13px; min-width:44px; cursor:pointer; }
button:hover { border-color:var(--soft); } #play { min-width:74px; background:var(--sum); color:var(--sum-ink); border-color:var(--sum); }
#slider { flex:1; min-width:160px; accent-color:var(--sum); } label { color:var(--soft); }
main { display:flex; gap:18px; align-items:flex-start; flex-wrap:wrap; }
figure { margin:0; flex:1 1 560px; background:var(--panel); border:1px solid var(--line); border-radius:10px; padding:8px; }
figure svg { width:100%; max-height:74vh; display:block; }
aside { flex:0 1 400px; display:grid; gap:12px; }
aside section { background:var(--panel); border:1px solid var(--line); border-radius:10px; padding:9px 13px; }
aside h2 { font-size:14px; margin:0 0 6px; color:var(--soft); font-weight:600; }
.lines { display:grid; grid-template-columns:auto 1fr; gap:2px 14px; font-variant-numeric:tabular-nums; } .lines span { color:var(--soft); } .lines b { font-weight:600; min-height:1.4em; }
.grid { display:grid; gap:2px; font-variant-numeric:tabular-nums; font-size:13px; }
.grid div { display:flex; justify-content:space-between; align-items:baseline; gap:4px; background:var(--cell); border-radius:3px; padding:1px 2px 1px 5px; }
.narrow { font-size:10.5px; } .narrow div { justify-content:flex-end; padding:1px 0; overflow:hidden; }
.grid span { font-size:10px; color:var(--soft); white-space:nowrap; } .grid i { font-style:normal; padding:0 3px; white-space:nowrap; }
.grid i.zero { color:var(--soft); } .changed { background:var(--sum) !important; color:var(--sum-ink) !important; border-radius:3px; } .lines b.changed { padding:0 6px; }
footer { margin-top:14px; color:var(--soft); display:flex; gap:6px 20px; flex-wrap:wrap; font-size:14px; }
.key { display:inline-block; width:26px; height:14px; border-radius:7px; margin-right:6px; vertical-align:-2px; }
#tip { position:fixed; z-index:9; pointer-events:none; background:var(--ink); color:var(--page); padding:7px 11px; border-radius:7px; font-size:13px; white-space:pre; font-variant-numeric:tabular-nums; }
svg text { font-family:inherit; fill:var(--ink); font-variant-numeric:tabular-nums; }
.wire { stroke:var(--line); stroke-width:2; fill:none; }
.cell rect.box { fill:var(--cell); stroke:var(--line); stroke-width:1.5; transition:fill .2s; }
.cell.work rect.box { fill:var(--work); stroke:var(--input); }
.cell.switch rect.box { stroke:var(--switch); stroke-width:4; }
.cell:focus { outline:none; } .cell:focus rect.box { stroke:var(--sum); stroke-width:3; }
.cell .name { font-size:11px; fill:var(--soft); } .cell .active { font-size:21px; font-weight:650; } .cell .label { font-size:11px; fill:var(--soft); }
.cell .shadow-box { fill:none; stroke:var(--weight); stroke-dasharray:3 3; } .cell .shadow { font-size:14px; fill:var(--weight); }
.cell.train .shadow-box { fill:var(--weight); stroke-dasharray:none; } .cell.train .shadow { fill:var(--weight-ink); font-weight:650; }
.cell.switch .active { fill:var(--switch); }
.chip-g { transition:transform .34s ease-in-out, opacity .3s; } .still .chip-g { transition:none; }
.chip-g text { font-size:14.5px; font-weight:650; text-anchor:middle; }
.chip-g.input rect { fill:var(--input); } .chip-g.input text { fill:var(--input-ink); }
.chip-g.sum rect { fill:var(--sum); } .chip-g.sum text { fill:var(--sum-ink); }
.chip-g.weight rect { fill:var(--weight); } .chip-g.weight text { fill:var(--weight-ink); }
.edge { font-size:13px; fill:var(--soft) !important; }
@media (prefers-reduced-motion: reduce) { .chip-g { transition:none; } }
)css";

const char* const kPulseScript = R"js("use strict";
const movie = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const spread = (list, n) => {                       // [frame, value, ...] to one value per frame
  const out = new Array(n);
  for (let i = 0, at = -2; i < n; ++i) { if (at + 2 < list.length && list[at + 2] === i) at += 2; out[i] = list[at + 1]; }
  return out;
};
const N = movie.frames, R = movie.rows, C = movie.columns;
const cells = movie.elements.map(e => Object.fromEntries(Object.entries(e).map(([k, v]) => [k, spread(v, N)])));
const at = (r, c) => cells[r * C + c];
const float = new DataView(new ArrayBuffer(4));
const one = format => 2 ** +format.slice(5);            // of "fixed8": 256
const decode = (word, format) => {
  if (format === "signed") return String(word | 0);
  if (format.startsWith("fixed")) return String(+(((word << 16) >> 16) / one(format)).toFixed(4));
  if (format === "float32") { float.setUint32(0, word); return String(+float.getFloat32(0).toPrecision(4)); }
  return String(word >>> 0);
};
const raw = (word, format) => format.startsWith("fixed") ? ` (${(word << 16) >> 16}/${one(format)})` : format === "float32" ? ` (0x${(word >>> 0).toString(16).padStart(8, "0")})` : "";

// ---- geometry
const wide = movie.operand !== "signed";               // fractions need room
const W = wide ? 192 : 132, SLOT = wide ? 64 : 44, CHIP = wide ? 68 : 58, H = 104, GX = 34, GY = 34, CHIPH = 26, LEFT = Math.min(R + 1, 5), TOP = Math.min(R, 4), BOTTOM = Math.min(C, 4);
const PX = CHIP + 8, PY = 34, X0 = 20 + LEFT * PX + 20, Y0 = 46 + TOP * PY + 12;
const cellX = c => X0 + c * (W + GX), cellY = r => Y0 + r * (H + GY);
const inputX = c => c >= 0 ? cellX(c) + 10 + CHIP / 2 : X0 - 22 - CHIP / 2 + (c + 1) * PX;
const inputY = r => cellY(r) + 52;
const sumX = c => cellX(c) + W - 10 - CHIP / 2;
const sumY = r => r < R ? cellY(r) + H - 20 : cellY(R - 1) + H + GY + 12 + (r - R) * PY;
const weightX = c => cellX(c) + W - 10 - SLOT / 2, weightY = r => r >= 0 ? cellY(r) + 20 : Y0 - 26 + (r + 1) * PY;
const width = cellX(C - 1) + W + 24, height = sumY(R + BOTTOM - 1) + 34;

const svg = $("array"), NS = "http://www.w3.org/2000/svg";
svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
const add = (parent, name, attributes, text) => {
  const node = document.createElementNS(NS, name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
};
const wires = add(svg, "g", {}), boxes = add(svg, "g", {}), chips = add(svg, "g", { id: "chips" });
for (let r = 0; r < R; ++r) add(wires, "path", { class: "wire", d: `M ${X0 - 14} ${inputY(r)} H ${cellX(C - 1) + W}` });
for (let c = 0; c < C; ++c) add(wires, "path", { class: "wire", d: `M ${sumX(c)} ${Y0} V ${cellY(R - 1) + H + 22}` });
for (let c = 0; c < C; ++c) add(wires, "path", { class: "wire", d: `M ${weightX(c)} ${Y0 - 12} V ${Y0}` });
add(wires, "text", { class: "edge", x: cellX(0), y: 22 }, "weights come in at the top");
add(wires, "text", { class: "edge", x: 20, y: Y0 + 8 }, "inputs come in at the left");
add(wires, "text", { class: "edge", x: 20, y: sumY(R) + 5 }, "sums come out at the bottom");
const boxOf = [];
for (let r = 0; r < R; ++r) for (let c = 0; c < C; ++c) {
  const g = add(boxes, "g", { class: "cell", id: `pe-${r}-${c}`, tabindex: "0", transform: `translate(${cellX(c)} ${cellY(r)})` });
  add(g, "rect", { class: "box", width: W, height: H, rx: 10 });
  add(g, "text", { class: "name", x: 10, y: H - 8 }, `(${r + movie.firstRow}, ${c + movie.firstColumn})`);
  add(g, "text", { class: "label", x: 10, y: 25 }, "w");
  const active = add(g, "text", { class: "active", x: 24, y: 28 });
  add(g, "rect", { class: "shadow-box", x: W - 10 - SLOT, y: 8, width: SLOT, height: 24, rx: 6 });
  const shadow = add(g, "text", { class: "shadow", x: W - 10 - SLOT / 2, y: 25, "text-anchor": "middle" });
  boxOf.push({ g, active, shadow });
  const show = event => tip(r, c, event);
  g.addEventListener("mousemove", show);
  g.addEventListener("focus", show);
  g.addEventListener("mouseleave", () => { tipAt = null; $("tip").hidden = true; });
  g.addEventListener("blur", () => { tipAt = null; $("tip").hidden = true; });
}

// ---- panels
const panelTracks = [];
for (const panel of movie.panels) {
  const section = document.createElement("section"), title = document.createElement("h2"), body = document.createElement("div");
  title.textContent = panel.title;
  body.className = panel.columns > 4 ? "grid narrow" : panel.columns ? "grid" : "lines";
  if (panel.columns) body.style.gridTemplateColumns = `repeat(${panel.columns}, minmax(0, 1fr))`;
  for (const track of panel.tracks) {
    const box = panel.columns ? body.appendChild(document.createElement("div")) : body;
    if (panel.columns <= 4) box.appendChild(document.createElement("span")).textContent = track.name;
    else box.title = track.name;
    const node = box.appendChild(document.createElement(panel.columns ? "i" : "b"));
    node.dataset.name = track.name;
    panelTracks.push({ node, text: spread(track.text, N), grid: panel.columns > 0 });
  }
  section.append(title, body);
  $("panels").appendChild(section);
}
$("legend").innerHTML = `<span><span class="key" style="background:var(--input)"></span>input, moves right</span>
<span><span class="key" style="background:var(--sum)"></span>partial sum, moves down</span>
<span><span class="key" style="background:var(--weight)"></span>weight, waits in the shadow (dashed)</span>
<span><span class="key" style="border:3px solid var(--switch)"></span>switch: shadow becomes active</span>
<span><span class="key" style="background:var(--work);border:1px solid var(--input)"></span>valid: the element works</span>
<span>keys: &larr; &rarr; step, space plays, Home, End; point at an element for its numbers</span>`;

// ---- what stands where in a frame: id -> {kind, x, y, text, opacity, from}
const wanted = k => {
  const out = new Map();
  const ghost = d => Math.max(.25, 1 - .2 * d);
  for (let r = 0; r < R; ++r) for (let c = -LEFT; c < C; ++c) {
    const frame = c < 0 ? k - c : k, cell = at(r, Math.max(c, 0));
    if (frame >= N || !cell.valid[frame]) continue;
    out.set(`x${r}:${k - c}`, { kind: "input", x: inputX(c), y: inputY(r), text: decode(cell.value[frame], movie.operand), opacity: c < 0 ? ghost(-c) : 1, x0: inputX(c - 1), y0: inputY(r) });
  }
  for (let c = 0; c < C; ++c) for (let d = 1; d <= TOP; ++d) {
    if (k + d >= N || !at(0, c).train[k + d]) continue;
    out.set(`w${c}:${k + d}`, { kind: "weight", x: weightX(c), y: weightY(-d), text: decode(at(0, c).shadow[k + d], movie.operand), opacity: ghost(d), x0: weightX(c), y0: weightY(-d - 1) });
  }
  for (let c = 0; c < C; ++c) for (let r = 0; r < R + BOTTOM; ++r) {
    const frame = r < R ? k : k - (r - R + 1), cell = at(Math.min(r, R - 1), c);
    if (frame < 0 || !cell.valid[frame]) continue;
    out.set(`s${c}:${k - r}`, { kind: "sum", x: sumX(c), y: sumY(r), text: decode(cell.sum[frame], movie.sum), opacity: r < R ? 1 : ghost(r - R + 1), x0: sumX(c), y0: r > 0 ? sumY(r - 1) : sumY(0) - 20 });
  }
  return out;
};
const shown = new Map();
const place = (node, x, y, opacity) => { node.style.transform = `translate(${x}px, ${y}px)`; node.style.opacity = opacity; };
const drawChips = k => {
  const now = wanted(k), fresh = [];
  for (const [id, node] of shown) if (!now.has(id)) { node.remove(); shown.delete(id); }
  for (const [id, chip] of now) {
    let node = shown.get(id);
    if (!node) {
      node = add(chips, "g", { class: `chip-g ${chip.kind}`, "data-chip": id });
      add(node, "rect", { x: -CHIP / 2, y: -CHIPH / 2, width: CHIP, height: CHIPH, rx: 13 });
      add(node, "text", { y: 5 });
      node.style.pointerEvents = "none";
      place(node, chip.x0, chip.y0, 0);
      shown.set(id, node);
      fresh.push(node);
    }
    node.lastChild.textContent = chip.text;
    node.lastChild.style.fontSize = chip.text.length > (wide ? 7 : 5) ? "12px" : "";
  }
  if (fresh.length) svg.getBoundingClientRect();     // so that new ones move in from where they begin
  for (const [id, chip] of now) place(shown.get(id), chip.x, chip.y, chip.opacity);
};

// ---- the frame
let frame = -1, timer = null, tipAt = null;
const render = k => {
  k = Math.max(0, Math.min(N - 1, k));
  svg.classList.toggle("still", frame < 0 || Math.abs(k - frame) !== 1);
  frame = k;
  for (let i = 0; i < R * C; ++i) {
    const cell = cells[i], { g, active, shadow } = boxOf[i];
    g.setAttribute("class", "cell" + (cell.valid[k] ? " work" : "") + (cell.switching[k] ? " switch" : "") + (cell.train[k] ? " train" : ""));
    active.textContent = decode(cell.active[k], movie.operand);
    shadow.textContent = decode(cell.shadow[k], movie.operand);
    shadow.style.fontSize = shadow.textContent.length > (wide ? 7 : 5) ? "11px" : "";
    for (const name of ["active", "shadow", "value", "sum", "valid", "switching", "train"]) g.dataset[name] = cell[name][k];
  }
  drawChips(k);
  for (const { node, text, grid } of panelTracks) {
    node.textContent = text[k];
    node.className = (k > 0 && text[k] !== text[k - 1] && text[k] !== "" ? "changed" : "") + (grid && text[k] === "0" ? " zero" : "");
  }
  $("caption").textContent = movie.captions[k];
  $("cycle").innerHTML = `<small>cycle</small> ${movie.firstCycle + k} <small>of ${movie.firstCycle + N - 1}</small>`;
  $("slider").value = k;
  document.body.dataset.cycle = movie.firstCycle + k;
  const hash = `#cycle=${movie.firstCycle + k}`;
  if (location.hash !== hash) try { history.replaceState(null, "", hash); } catch (error) { /* a page in a sandbox has no history */ }
  if (tipAt) tip(...tipAt);
};
const play = on => {
  clearInterval(timer);
  timer = on ? setInterval(() => frame + 1 < N ? render(frame + 1) : play(false), +$("speed").value) : null;
  $("play").textContent = on ? "Pause" : "Play";
};
const tip = (r, c, event) => {
  tipAt = [r, c, event];
  const cell = at(r, c), k = frame, above = r > 0 && k > 0 ? at(r - 1, c).sum[k - 1] : 0;
  const show = (word, format) => decode(word, format) + raw(word, format);
  const lines = [`element (${r + movie.firstRow}, ${c + movie.firstColumn}), cycle ${movie.firstCycle + k}`,
    `active weight  ${show(cell.active[k], movie.operand)}`, `shadow weight  ${show(cell.shadow[k], movie.operand)}`];
  if (cell.valid[k]) lines.push(`input          ${show(cell.value[k], movie.operand)}`, `from above     ${show(above, movie.sum)}`, `sum            ${show(cell.sum[k], movie.sum)}`,
    `${decode(cell.value[k], movie.operand)} \u00d7 ${decode(cell.active[k], movie.operand)} + ${decode(above, movie.sum)} = ${decode(cell.sum[k], movie.sum)}`);
  else lines.push("no input: it rests");
  if (cell.switching[k]) lines.push("switch: its shadow weight became active");
  if (cell.train[k]) lines.push("accept: a weight moved into its shadow");
  const box = $("tip"), rect = boxOf[r * C + c].g.getBoundingClientRect();
  box.textContent = lines.join("\n");
  box.hidden = false;
  const x = event && event.clientX || rect.right, y = event && event.clientY || rect.top;
  box.style.left = Math.min(x + 16, innerWidth - box.offsetWidth - 8) + "px";
  box.style.top = Math.min(y + 16, innerHeight - box.offsetHeight - 8) + "px";
};
const fromHash = () => { const found = /cycle=(\d+)/.exec(location.hash); return found ? +found[1] - movie.firstCycle : null; };
$("slider").max = N - 1;
$("slider").addEventListener("input", event => { play(false); render(+event.target.value); });
const move = { first: () => 0, back: () => frame - 1, forward: () => frame + 1, last: () => N - 1 };
for (const [id, to] of Object.entries(move)) $(id).addEventListener("click", () => { play(false); render(to()); });
$("play").addEventListener("click", () => { if (!timer && frame === N - 1) render(0); play(!timer); });
$("speed").addEventListener("change", () => { if (timer) play(true); });
const keys = { ArrowLeft: "back", ArrowRight: "forward", Home: "first", End: "last" };
document.addEventListener("keydown", event => {
  if (event.target.tagName === "SELECT" || event.ctrlKey || event.altKey || event.metaKey) return;
  if (keys[event.key]) { event.preventDefault(); $(keys[event.key]).click(); }
  else if (event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); $("play").click(); }
});
addEventListener("hashchange", () => { const k = fromHash(); if (k !== null && k !== frame) { play(false); render(k); } });
const busy = k => cells.some(cell => cell.valid[k] || cell.train[k] || cell.switching[k]);
let begin = 0;
while (begin < N - 1 && !busy(begin)) ++begin;
render(fromHash() ?? Math.max(begin - 1, 0));
)js";

}  // namespace systole::report

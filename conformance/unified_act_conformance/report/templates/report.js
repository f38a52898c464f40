"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const panel = document.getElementById("panel");
const buttons = [...document.querySelectorAll("button[data-cell]")];
const byKey = new Map(buttons.map((button) => [button.dataset.cell, button]));
const backends = [...new Set(Object.values(data.cells).map((cases) => cases[0].backend))];
const colour = (backend) => `var(--b${backends.indexOf(backend) % 4})`;

// ---- small helpers ----

function make(namespace, tag, attributes, children) {
  const element = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => make(null, tag, attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  make("http://www.w3.org/2000/svg", tag, attributes, children);

function decode(text, Type) {
  return new Type(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}
function points(curve, dtype) {
  const x = decode(curve[0], dtype === "float64" ? Float64Array : Float32Array);
  const errors = decode(curve[1], Float32Array);
  return Array.from(x, (value, index) => ({ x: value, error: errors[index] }));
}
function decimal(x, dtype) {
  const digits = { float16: 5, bfloat16: 4, float32: 9, float64: 17 }[dtype];
  return Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : String(x).replace("Infinity", "∞");
}
// As Python's float.hex() writes it, without trailing zeros.
function hexadecimal(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  const sign = x < 0 || Object.is(x, -0) ? "-" : "";
  if (x === 0) return `${sign}0x0p+0`;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const digits = (bits & 0xfffffffffffffn).toString(16).padStart(13, "0").replace(/0+$/, "");
  const exponent = biased ? biased - 1023 : -1022;
  return `${sign}0x${biased ? 1 : 0}${digits && "."}${digits}p${exponent < 0 ? "" : "+"}${exponent}`;
}
const short = (error) => (Number.isFinite(error) ? String(Number(error.toPrecision(3))) : "∞ (a fault)");

// ---- the axis: infinities, zero and NaN have a place of their own ----

const SPECIAL = 3;
const LENGTH = 2 * data.side + 4 * SPECIAL;

function magnitude(x, dtype) {
  const [logs, places] = data.axes[dtype];
  const log = Math.log2(Math.abs(x));
  if (log <= logs[0]) return places[0];
  for (let i = 1; i < logs.length; i++) {
    if (log <= logs[i]) {
      return places[i - 1] + ((log - logs[i - 1]) / (logs[i] - logs[i - 1])) * (places[i] - places[i - 1]);
    }
  }
  return data.side;
}
const NEGATIVE_END = SPECIAL + data.side;
const POSITIVE_START = NEGATIVE_END + SPECIAL;
const POSITIVE_END = POSITIVE_START + data.side;
// Where an input lies: a position, or the stretch of a special value.
function stretch(x, dtype) {
  if (Number.isNaN(x)) return [POSITIVE_END + SPECIAL, LENGTH];
  if (x === -Infinity) return [0, SPECIAL];
  if (x === Infinity) return [POSITIVE_END, POSITIVE_END + SPECIAL];
  if (x === 0) return [NEGATIVE_END, POSITIVE_START];
  const place = magnitude(x, dtype);
  const position = x < 0 ? NEGATIVE_END - place : POSITIVE_START + place;
  return [position, position];
}
function bucket(x, dtype) {
  const [start, end] = stretch(x, dtype);
  if (start !== end) return [start + 0.5, end - 0.5];
  const place = Math.min(Math.floor(magnitude(x, dtype)), data.side - 1);
  return x < 0 ? [NEGATIVE_END - place - 1, NEGATIVE_END - place] : [POSITIVE_START + place, POSITIVE_START + place + 1];
}

// ---- the chart ----

const MARGIN = { left: 46, right: 12, top: 26, bottom: 24 };
const HEIGHT = 240;

function chart(item, peers, pick) {
  const width = Math.max(420, panel.clientWidth - (panel.clientWidth > 900 ? 420 : 60));
  const own = points(item.curve, item.dtype).map((point) => ({ ...point, kind: "" }));
  for (const found of item.deviations ?? []) {
    own.push(...points(found.curve, item.dtype).map((point) => ({ ...point, kind: "declared" })));
  }
  const others = peers.map((peer) => ({ backend: peer.backend, points: points(peer.curve, peer.dtype) }));
  const all = [...own, ...others.flatMap((peer) => peer.points)].map((point) => point.error);
  const finite = all.filter(Number.isFinite);
  const top = 1.25 * Math.max(item.budget, 1, ...finite);
  const bottom = HEIGHT - MARGIN.bottom;
  // Faults have no number; they reach into a lane above the scale.
  const px = (place) => MARGIN.left + (place / LENGTH) * (width - MARGIN.left - MARGIN.right);
  const py = (error) =>
    Number.isFinite(error)
      ? bottom - (Math.log2(1 + error) / Math.log2(1 + top)) * (bottom - MARGIN.top)
      : 8;
  const root = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `Error over the inputs: at most ${item.error}, budget ${item.budget}` });

  for (const found of item.deviations ?? []) {
    for (const [low, high] of data.deviations[found.id].intervals) {
      const left = px(stretch(Number(low), item.dtype)[0]);
      const right = px(stretch(Number(high), item.dtype)[1]);
      root.append(svg("rect", { class: "band", x: left, y: 4, width: Math.max(2, right - left), height: bottom - 4 }));
    }
  }
  let last = Infinity;
  for (const value of [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4, 1e5, 1e6, 1e8, 1e10, 1e15, 1e20, 1e30]) {
    if (value > top || last - py(value) < 16) continue;
    last = py(value);
    root.append(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: last, y2: last }));
    root.append(svg("text", { x: MARGIN.left - 6, y: last + 4, "text-anchor": "end" }, value < 1e4 ? String(value) : value.toExponential(0).replace("+", "")));
  }
  if (all.includes(Infinity)) root.append(svg("text", { x: MARGIN.left - 6, y: 15, "text-anchor": "end" }, "fault"));
  for (const [text, place] of ticks(item.dtype, (place) => px(place))) {
    root.append(svg("line", { class: "grid", x1: px(place), x2: px(place), y1: MARGIN.top, y2: bottom + 4 }));
    root.append(svg("text", { x: px(place), y: bottom + 17, "text-anchor": "middle" }, text));
  }

  for (const point of own) {
    const [start, end] = bucket(point.x, item.dtype);
    const y = Math.min(py(point.error), bottom - 1);
    const kind = point.kind ? "declared-bar" : point.error > item.budget ? "over" : "";
    root.append(svg("rect", { class: `bar ${kind}`, x: px(start) + 0.5, y, width: px(end) - px(start) - 1, height: bottom - y }));
  }
  for (const peer of others) root.append(outline(peer, item.dtype, px, py));
  root.append(svg("line", { class: "budget", x1: MARGIN.left, x2: width - MARGIN.right, y1: py(item.budget), y2: py(item.budget) }));
  root.append(svg("text", { class: "budget-text", x: px(NEGATIVE_END + SPECIAL / 2), y: py(item.budget) - 5, "text-anchor": "middle" }, `budget ${item.budget}`));
  root.append(svg("rect", { class: "frame", x: MARGIN.left, y: 4, width: width - MARGIN.left - MARGIN.right, height: bottom - 4 }));

  const focus = Number(item.focus);
  const worst = own.find((point) => Object.is(point.x, focus)) ?? own.find((point) => point.x === focus);
  if (worst && worst.error > 0) {
    const [start, end] = bucket(worst.x, item.dtype);
    root.append(svg("circle", { class: "worst", cx: px((start + end) / 2), cy: py(worst.error), r: 5 }));
  }
  for (const point of own) {
    const [start, end] = bucket(point.x, item.dtype);
    const hit = svg("rect", { class: "hit", x: px(start), y: 4, width: px(end) - px(start), height: bottom - 4 });
    hit.addEventListener("pointerenter", () => pick(point, false));
    hit.addEventListener("click", () => {
      root.querySelector(".picked")?.classList.remove("picked");
      hit.classList.add("picked");
      pick(point, true);
    });
    root.append(hit);
  }
  return root;
}

function ticks(dtype, px) {
  const found = [
    ["−∞", SPECIAL / 2],
    ["0", NEGATIVE_END + SPECIAL / 2],
    ["∞", POSITIVE_END + SPECIAL / 2],
    ["NaN", POSITIVE_END + 1.5 * SPECIAL],
  ];
  const largest = { float16: 65504, bfloat16: 3e38, float32: 3e38, float64: 1e308 }[dtype];
  for (const power of [0, 1, -1, 2, -2, 3, -3, 30, -30, 300, -300, 4, -6]) {
    for (const sign of [-1, 1]) {
      const x = sign * Number(`1e${power}`);
      if (Math.abs(x) > largest || 1 / Math.abs(x) > largest * 1e4) continue;
      const [place] = stretch(x, dtype);
      const text = (Math.abs(power) < 4 ? String(x) : `${x < 0 ? "-" : ""}1e${power}`).replaceAll("-", "−");
      const near = ([other, at]) => Math.abs(px(at) - px(place)) < 3.4 * (text.length + other.length) + 8;
      if (!found.some(near)) found.push([text, place]);
    }
  }
  return found;
}

function outline(peer, dtype, px, py) {
  let path = "";
  let previous = null;
  const ordered = peer.points
    .map((point) => [...bucket(point.x, dtype), point.error])
    .sort((first, second) => first[0] - second[0]);
  for (const [start, end, error] of ordered) {
    path += `${previous !== null && start - previous < 1 ? "L" : "M"}${px(start)} ${py(error)}H${px(end)}`;
    previous = end;
  }
  return svg("path", { class: "peer", d: path, stroke: colour(peer.backend) });
}

// ---- the panel ----

function show(key) {
  const cases = data.cells[key];
  document.querySelector(".cell.chosen")?.classList.remove("chosen");
  const button = byKey.get(key);
  button.classList.add("chosen");
  for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
  const first = cases[0];
  const closer = html("button", { type: "button", class: "plain close" }, "Close");
  closer.addEventListener("click", () => {
    close();
    button.focus();
  });
  panel.replaceChildren(
    html("h2", {}, `${first.subject} · ${first.backend} · ${first.dtype} · ${data.orders[first.order]}`, closer),
  );
  panel.hidden = false;
  document.body.classList.add("open");
  for (const [index, item] of cases.entries()) panel.append(describe(item, index));
  const box = button.getBoundingClientRect();
  const limit = panel.getBoundingClientRect().top;
  if (box.bottom > limit - 8) window.scrollBy(0, box.bottom - limit + 40);
  if (box.top < 0) window.scrollBy(0, box.top - 60);
}

function close() {
  panel.hidden = true;
  document.body.classList.remove("open");
  document.querySelector(".cell.chosen")?.classList.remove("chosen");
  history.replaceState(null, "", location.pathname + location.search);
}

function describe(item, index) {
  const facts = html("dl");
  const fact = (name, text, exact) =>
    facts.append(html("dt", {}, name), html("dd", {}, text, ...(exact ? [html("small", {}, exact)] : [])));
  const title = item.part === "x" ? item.status : `gradient of the ${item.part}: ${item.status}`;
  facts.append(html("dt", {}, "status"), html("dd", { class: `status ${item.status}` }, html("b", {}, title)));
  const box = html("div", { class: "case" });
  if (item.problem) box.append(html("p", { class: `problem ${item.status}` }, item.problem));
  if (!item.curve) {
    if (item.status === "failed") box.append(repro(item, NaN));
    return box;
  }
  fact("largest error", `${item.error}, budget ${item.budget}`);
  fact("largest raw error", `${item.ulp} ULP`);
  fact("inputs", `${item.count.toLocaleString("en")}${item.failures ? `, ${item.failures.toLocaleString("en")} above the budget` : ""}`);
  const names = [item.part === "x" ? "worst x" : "worst weight", "got", "want"];
  if (item.error === "0") fact("", "every output is correctly rounded");
  else for (const [row, name] of names.entries()) fact(name, ...item.worst[row]);
  const notes = [];
  for (const found of item.deviations ?? []) {
    const known = data.deviations[found.id];
    const link = known.link ? [" ", html("a", { href: known.link, rel: "noreferrer" }, "report")] : [];
    notes.push(html("p", { class: "declared" }, html("b", {}, "declared deviation "), `${found.id}: ${known.reason}; error ${found.error}, bound ${known.bound}, ${found.count.toLocaleString("en")} inputs.`, ...link));
  }
  const readout = html("p", { class: "readout" });
  const line = repro(item, Number(item.focus));
  const pick = (point, chosen) => {
    const state = point.kind ? ", declared" : "";
    readout.textContent = `x = ${decimal(point.x, item.dtype)} (${hexadecimal(point.x)}): error ${short(point.error)}${state}`;
    if (chosen) update(line, item, point.x);
  };
  const peers = backends
    .filter((backend) => backend !== item.backend)
    .map((backend) => (data.cells[`${item.subject}-${backend}-${item.dtype}-${item.order}`] ?? [])[index])
    .filter((peer) => peer?.curve);
  const picture = chart(item, peers, pick);
  picture.style.setProperty("--own", colour(item.backend));
  const legend = html("p", { class: "peers" }, "Largest error in each stretch of inputs:");
  const swatch = (style, text, block) =>
    legend.append(html("span", {}, html("span", { class: `swatch ${block ? "block" : ""}`, style: `background:${style}` }), text));
  swatch(colour(item.backend), item.backend, true);
  for (const peer of peers) swatch(colour(peer.backend), peer.backend);
  if (item.deviations) swatch("var(--declared)", "declared deviation", true);
  box.append(facts, html("div", {}, legend, picture, readout, ...notes), line);
  readout.textContent = "Point at a bar for its input; click it to put that input into the command.";
  return box;
}

function update(line, item, x) {
  line.querySelector("code").textContent = `${item.repro} ${hexadecimal(x)}`;
  return line;
}

function repro(item, x) {
  const code = html("code");
  const copy = html("button", { type: "button", class: "plain" }, "Copy");
  copy.addEventListener("click", () => navigator.clipboard?.writeText(code.textContent));
  return update(html("div", { class: "repro" }, code, copy), item, x);
}

// ---- choosing ----

function choose(key) {
  history.replaceState(null, "", `#${encodeURIComponent(key)}`);
  show(key);
}
for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.cell));
document.querySelector("tbody").addEventListener("keydown", (event) => {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  let [row, column] = [cell.parentElement, cell.cellIndex];
  // Skip what was not run.
  for (;;) {
    if (step[0] > 0) row = row.nextElementSibling;
    if (step[0] < 0) row = row.previousElementSibling;
    column += step[1];
    const target = column > 0 ? row?.cells[column] : null;
    if (!target) return;
    const next = target.querySelector("button");
    if (!next) continue;
    for (const other of buttons) other.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    if (!panel.hidden) choose(next.dataset.cell);
    return;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !panel.hidden) {
    const chosen = document.querySelector(".cell.chosen");
    close();
    chosen?.focus();
  }
});
function fromAddress() {
  const key = decodeURIComponent(location.hash.slice(1));
  if (key in data.cells) show(key);
}
window.addEventListener("hashchange", fromAddress);
window.addEventListener("resize", () => !panel.hidden && fromAddress());
if (buttons.length) buttons[0].tabIndex = 0;
fromAddress();

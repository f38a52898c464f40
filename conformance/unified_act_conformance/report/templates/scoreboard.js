"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const table = document.getElementById("table");
const panel = document.getElementById("panel");
const state = { dtype: "float32", order: 0, by: "ulp", filter: "", sort: "worst", down: true };

const html = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const svg = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

// ---- cells: [column, text in ULP, text in units, what it computes, figures] ----

const cells = data.cells.map(([column, ulp, units, subject, found]) => ({ column, texts: { ulp, units }, subject, found }));
const bad = ({ found }) => (found.why ? -1 : found.nan || found.infinite ? Infinity : found[state.by] ?? 0);
const text = (cell) => cell.texts[state.by];
const marked = ({ found }) => Boolean(found.ends || found.kinks || found.lost);
const groups = new Map();
for (const cell of cells) {
  const key = [cell.found.dtype, cell.found.order, cell.found.activation, cell.column].join();
  groups.set(key, [...(groups.get(key) ?? []), cell]);
}
const group = (activation, column) => groups.get([state.dtype, state.order, activation, column].join());
const worst = (group) => group.reduce((a, b) => (bad(b) > bad(a) || (bad(b) === bad(a) && marked(b)) ? b : a));

// ---- the table ----

function draw() {
  const columns = data.columns.map((column, index) => ({ ...column, index })).filter((column) => column.shown);
  const others = columns.filter((column) => !column.ours); // what only we have is left out beside these
  const names = [...new Set(cells.filter(({ found, column }) => found.dtype === state.dtype && found.order === state.order
    && data.columns[column].shown && (others.length === 0 || others.some((other) => group(found.activation, other.index))) && found.activation.includes(state.filter)).map(({ found }) => found.activation))].sort();
  const badness = (name) => {
    const chosen = state.sort === "worst" ? columns.filter((column) => !column.ours) : columns.filter((column) => column.name === state.sort);
    return Math.max(-2, ...chosen.map((column) => { const found = group(name, column.index); return found ? bad(worst(found)) : -2; }));
  };
  if (state.sort !== "name") names.sort((a, b) => { const [x, y] = [badness(a), badness(b)]; return x === y ? 0 : (x < y ? 1 : -1) * (state.down ? 1 : -1); });
  else if (state.down) names.reverse();
  const heading = (key, text, title, kind) => {
    const button = html("button", { type: "button", title }, text);
    button.addEventListener("click", () => {
      state.down = state.sort === key ? !state.down : key !== "name";
      state.sort = key;
      draw();
    });
    const sorted = state.sort === key ? { "aria-sort": state.down ? "descending" : "ascending" } : {};
    return html("th", { scope: "col", class: kind, ...sorted }, button);
  };
  let ours = false;
  const kinds = columns.map((column) => { const kind = column.ours && !ours ? "ours" : ""; ours ||= column.ours; return kind; });
  const head = html("tr", {}, heading("name", "activation", "Sort by name", "name"),
    ...columns.map((column, i) => heading(column.name, column.heading, `${column.title}: ${column.versions}`, kinds[i])));
  const rows = names.map((name) => html("tr", {}, html("th", { scope: "row", class: "name" }, name),
    ...columns.map((column, i) => {
      const found = group(name, column.index);
      return html("td", { class: kinds[i] }, ...(found ? [entry(found, column, name)] : []));
    })));
  table.replaceChildren(html("thead", {}, head), html("tbody", {}, ...rows));
  document.getElementById("versions").textContent = columns.map((column) => `${column.title} (${column.versions}), ${column.date}`).join("; ")
    + `. Processor: ${[...new Set(columns.map((column) => column.cpu))].join(", ")}.`;
}

function entry(found, column, name) {
  const cell = worst(found);
  const error = bad(cell);
  const share = error > 0.51 ? Math.min(100, 10 + (state.by === "ulp" ? 3.6 : 15) * Math.log2(error / 0.5)) : 0;
  const kind = error < 0 ? "unsupported" : error === Infinity ? "failed" : `judged${share > 55 ? " strong" : ""}`;
  const title = `${name} on ${column.title}: ${text(cell)}`;
  const button = html("button", { type: "button", title, class: `cell ${kind}${marked(cell) ? " deviates" : ""}`, style: `--share:${share.toFixed(0)}%` }, text(cell).replace("*", ""));
  button.addEventListener("click", () => open(found, column, button));
  return button;
}

// ---- the panel ----

function open(found, column, button) {
  document.querySelector(".cell.chosen")?.classList.remove("chosen");
  button.classList.add("chosen");
  const close = html("button", { type: "button", class: "plain close" }, "close");
  close.addEventListener("click", shut);
  const title = html("h2", {}, `${found[0].found.activation} on ${column.title} ${column.version}, ${state.dtype}, ${document.querySelector("#order input:checked").parentNode.textContent.trim()}`, close);
  panel.replaceChildren(title, ...found.map(one));
  panel.hidden = false;
  document.body.classList.add("open");
}
function shut() {
  panel.hidden = true;
  document.body.classList.remove("open");
  document.querySelector(".cell.chosen")?.classList.remove("chosen");
}
const count = (value) => value.toLocaleString("en");
const plain = (value) => (Object.is(value, -0) ? "-0" : Math.abs(value) >= 1e6 && Number.isFinite(value) ? value.toExponential() : String(value));
const at = (output) => { const [x, got, want] = output.map(plain); return `at x = ${x} it returned ${got}, exact is ${want}`; };

function one({ found, subject }) {
  const lines = [];
  if (found.why) lines.push(`not offered: ${found.why}`);
  const faults = [...(found.nan ? [`NaN at ${count(found.nan)}`] : []), ...(found.infinite ? [`infinite, or not, at ${count(found.infinite)}`] : [])];
  if (faults.length) lines.push(`${faults.join(" and ")} finite inputs, where it should not be: ${at(found.fault)}`);
  if (found.at) {
    lines.push(`up to ${plain(found.ulp)} ulp off: ${at(found.at)}`);
    lines.push(`up to ${plain(found.units ?? 0)} units off${found.units_at ? `: ${at(found.units_at)}` : ""}`);
    lines.push(`more than 1 ulp off at ${count(found.many ?? 0)} inputs`);
  }
  else if (!found.why && !found.nan && !found.infinite) lines.push("nowhere more than half a unit in the last place off");
  for (const output of found.ends ?? []) lines.push(`wrong at an infinity: ${at(output)}`);
  for (const output of found.kinks ?? []) lines.push(`another derivative at a kink: ${at(output)}`);
  if (found.flushed) lines.push(`takes ${count(found.flushed)} subnormal numbers for 0, or gets them wrong in another way`);
  if (found.lost) lines.push(`returns a number for ${count(found.lost)} NaN`);
  if (found.inputs) lines.push(`${count(found.inputs)} inputs`);
  const items = lines.map((line) => html("li", {}, line));
  for (const [link, says] of Object.entries(found.links ?? {})) items.push(html("li", {}, html("a", { href: link, rel: "noreferrer" }, says)));
  return html("div", { class: "one" }, html("p", {}, html("code", {}, found.symbol), `, judged as ${subject}`),
    html("ul", { class: "found" }, ...items), ...(found.why ? [] : [curve(found)]));
}

// Magnitudes from 2^-12 to 2^12 have a bin each, those beyond four bins.
function curve(found) {
  const [width, height, left, bottom] = [900, 150, 44, 128];
  const step = (width - left) / data.bins;
  const levels = [...(found.curve ?? data.letters[0].repeat(data.bins))].map((letter) =>
    letter === data.nothing ? null : letter === data.fault ? Infinity : data.letters.indexOf(letter));
  const top = Math.max(4, ...levels.filter(Number.isFinite)) + 1;
  const y = (level) => (level === Infinity ? 6 : bottom - (level / top) * (bottom - 22));
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "The largest error in each stretch of the inputs" });
  for (let level = 0; level < top; level += Math.max(1, Math.ceil(top / 5))) {
    const value = 0.5 * 2 ** level;
    root.append(svg("line", { class: "grid", x1: left, x2: width, y1: y(level), y2: y(level) }),
      svg("text", { x: left - 4, y: y(level) + 4, "text-anchor": "end" }, value < 1000 ? String(value) : value.toExponential(0).replace("+", "")));
  }
  if (levels.includes(Infinity)) root.append(svg("text", { x: left - 4, y: 12, "text-anchor": "end" }, "NaN"));
  levels.forEach((level, index) => {
    if (level === null) return;
    const upper = Math.min(y(level), bottom - 1);
    root.append(svg("rect", { class: `bar${level === Infinity ? " over" : ""}`, style: "--own: var(--b0)", x: left + index * step + 0.5, y: upper, width: step - 1, height: bottom - upper }));
  });
  const half = data.bins / 2;
  for (const [text, place] of [["−4096", half - 28], ["−64", half - 22], ["−1", half - 16], ["0", half], ["1", half + 16], ["64", half + 22], ["4096", half + 28]]) {
    const x = left + place * step;
    root.append(svg("line", { class: "grid", x1: x, x2: x, y1: 16, y2: bottom + 3 }), svg("text", { x, y: bottom + 16, "text-anchor": "middle" }, text));
  }
  root.append(svg("rect", { class: "frame", x: left, y: 4, width: width - left, height: bottom - 4 }));
  return root;
}

// ---- controls ----

for (const name of ["dtype", "order", "by"]) {
  document.getElementById(name).addEventListener("change", (event) => {
    state[name] = name === "order" ? Number(event.target.value) : event.target.value;
    shut();
    draw();
  });
}
document.getElementById("filter").addEventListener("input", (event) => { state.filter = event.target.value.trim().toLowerCase(); draw(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
document.getElementById("columns").append(...data.columns.map((column) => {
  const box = html("input", { type: "checkbox" });
  box.checked = column.shown;
  box.addEventListener("change", () => { column.shown = box.checked; draw(); });
  return html("label", {}, box, ` ${column.title} ${column.version}`);
}));
draw();

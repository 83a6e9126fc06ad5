// The workbook page: a virtual grid. Only the cells in sight exist; rows come in pages of 200 from /_view.
"use strict";

const ROW = 25;
const GUTTER = 56;
const PAGE = 200;
const POLL_MS = 1500;
const KINDS = { n: "number", s: "text", b: "boolean", d: "date", f: "formula", e: "error" };

const $ = (id) => document.getElementById(id);
let outline = JSON.parse($("outline").textContent);
let sheet = null; // the outline's entry of the open tab
let info = null; // its details: how far it is filled, widths, what changed
let lefts = [0]; // where each column starts, one more than there are columns
let pages = new Map(); // page number -> {rows, styles}, or a promise
let selected = { row: 0, column: 0 };
let found = { text: "", cells: [], set: new Set(), at: -1, more: false };
let drawn = false;

const base = `/_view/${encodeURIComponent(outline.id)}`;
const getJson = async (path) => {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

function letters(index) {
  let text = "";
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) text = String.fromCharCode(65 + ((rest - 1) % 26)) + text;
  return text;
}

// Opening a tab ------------------------------------------------------------------------------------------------------

function wantedGid() {
  const match = /gid=(\d+)/.exec(location.hash) || /gid=(\d+)/.exec(location.search);
  const gid = match ? Number(match[1]) : null;
  return outline.sheets.find((each) => each.gid === gid) || outline.sheets.find((each) => !each.hidden) || outline.sheets[0];
}

async function open(next, keepPlace) {
  sheet = next;
  pages = new Map();
  info = await getJson(`${base}/${sheet.gid}/details`);
  lefts = [0];
  for (let column = 0; column < sheet.columns; column++) lefts.push(lefts[column] + width(column));
  $("space").style.width = `${lefts[sheet.columns] + 40}px`;
  $("space").style.height = `${shownRows() * ROW + 40}px`;
  if (!keepPlace) {
    selected = { row: 0, column: 0 };
    $("scroll").scrollTo(0, 0);
    clearSearch();
  }
  selected.row = Math.min(selected.row, shownRows() - 1);
  selected.column = Math.min(selected.column, sheet.columns - 1);
  $("nothing").hidden = info.filled > 0;
  $("grid").setAttribute("aria-rowcount", sheet.rows);
  $("grid").setAttribute("aria-colcount", sheet.columns);
  drawFrame();
  redraw();
  drawn = true;
}

function width(column) {
  const measured = info.widths[column];
  if (measured === undefined) return 92;
  return measured < 0 ? Math.max(-measured, 24) : Math.min(Math.max(measured * 7 + 24, 72), 340);
}

// A million empty rows are no help: the grid ends a screen below the last filled row, or where the tab does.
function shownRows() {
  return Math.min(sheet.rows, Math.max(info.filled + 60, 200));
}

function drawFrame() {
  document.title = `${outline.title} · ${sheet.title}`;
  $("title").textContent = outline.title;
  const filled = info.filled === 1 ? "1 row filled" : `${info.filled.toLocaleString("en")} rows filled`;
  $("size").textContent = `${sheet.title} · ${filled} · grid ${sheet.rows.toLocaleString("en")} × ${sheet.columns.toLocaleString("en")}`;
  $("tabs").replaceChildren(...outline.sheets.map((each) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = each.title;
    button.dataset.gid = each.gid;
    if (each.hidden) { button.className = "off"; button.title = "hidden tab"; }
    if (each.color) button.style.setProperty("--tab", each.color);
    if (each.gid === sheet.gid) button.setAttribute("aria-current", "true");
    return button;
  }));
  $("names").hidden = outline.named.length === 0;
  $("names-list").replaceChildren(...outline.named.map((each) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const label = document.createElement("small");
    label.textContent = each.label;
    button.append(each.name, label);
    button.addEventListener("click", () => goToNamed(each));
    item.append(button);
    return item;
  }));
  const change = outline.change;
  $("change").hidden = !change;
  if (change) {
    const time = new Date(change.at).toLocaleTimeString("en-GB");
    const cells = info.changed === 0 ? "No cell of this tab" : info.changed === 1 ? "1 cell" : `${info.changed.toLocaleString("en")} cells`;
    $("change-text").textContent = `${cells} changed at ${time} by ${change.by.split("@")[0]}`;
    $("change-go").title = `${change.method}, revision ${change.revision}, ${change.at} by ${change.by}`;
  }
}

async function goToNamed(named) {
  $("names").open = false;
  if (named.gid === undefined) return;
  if (named.gid !== sheet.gid) await open(outline.sheets.find((each) => each.gid === named.gid));
  select(named.row, named.column);
}

// Rows ---------------------------------------------------------------------------------------------------------------

function page(number) {
  const held = pages.get(number);
  if (held && held.rows) return held;
  if (!held) {
    const asked = sheet.gid;
    const wanted = pages;
    const coming = getJson(`${base}/${asked}/rows?start=${number * PAGE}&count=${PAGE}`).then((answer) => {
      if (wanted !== pages) return;
      pages.set(number, answer);
      redraw();
    }, () => { if (wanted === pages) pages.delete(number); });
    pages.set(number, coming);
  }
  return null;
}

function rowAt(index) {
  const held = page(Math.floor(index / PAGE));
  if (!held) return null;
  const entry = held.rows[index % PAGE];
  return entry ? { cells: entry[0], styles: entry[1], changed: entry[2], looks: held.styles } : { cells: [], styles: [], changed: [], looks: {} };
}

// Drawing ------------------------------------------------------------------------------------------------------------

let pending = false;
function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; drawNow(); });
}

function firstColumn(x) {
  let low = 0;
  let high = sheet.columns;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lefts[middle + 1] <= x) low = middle + 1; else high = middle;
  }
  return low;
}

// Rows that stay in sight keep their elements: scrolling moves a layer and adds the rows that come in. Anything that
// changes what a row shows (the selection, new data, a search) raises ``version``, and all are made anew.
let version = 0;
let drawnFor = "";
let live = new Map(); // row -> [cells, number]
const layer = {};
for (const name of ["cells", "frozen", "columns", "numbers", "pinned"]) {
  layer[name] = document.createElement("div");
  layer[name].className = "layer";
  $(name).append(layer[name]);
}

function redraw() {
  version++;
  draw();
}

function drawNow() {
  if (!info) return;
  const view = $("scroll");
  const x = view.scrollLeft;
  const y = view.scrollTop;
  const frozen = Math.min(sheet.frozen, 20);
  const c0 = firstColumn(x);
  let c1 = c0;
  while (c1 < sheet.columns && lefts[c1] < x + view.clientWidth) c1++;
  const r0 = Math.max(Math.floor(y / ROW) - 2, frozen);
  const r1 = Math.min(Math.ceil((y + view.clientHeight) / ROW) + 2, shownRows());
  // Rows are placed from a base near them: far down, pixels from the top would lose their fractions.
  const base = Math.floor(r0 / 1000) * 1000;
  const drawing = [version, c0, c1, base].join();
  if (drawing !== drawnFor) {
    drawnFor = drawing;
    live = new Map();
    layer.cells.replaceChildren();
    layer.numbers.replaceChildren();
    drawFixed(frozen, c0, c1);
    showSelected();
  }
  for (const [row, parts] of live) {
    if (row < r0 || row >= r1) {
      parts[0].remove();
      parts[1].remove();
      live.delete(row);
    }
  }
  for (let row = r0; row < r1; row++) {
    if (live.has(row)) continue;
    const parts = makeRow(row, (row - base) * ROW, c0, c1);
    live.set(row, parts);
    layer.cells.append(parts[0]);
    layer.numbers.append(parts[1]);
  }
  layer.cells.style.transform = `translate(${-x}px, ${base * ROW - y}px)`;
  layer.numbers.style.transform = `translateY(${base * ROW - y}px)`;
  layer.columns.style.transform = layer.frozen.style.transform = `translateX(${-x}px)`;
}

// The column letters, and the frozen rows under them.
function drawFixed(frozen, c0, c1) {
  const heads = [];
  for (let column = c0; column < c1; column++) {
    const head = box("h", lefts[column], 0, lefts[column + 1] - lefts[column], letters(column));
    if (column === selected.column) head.classList.add("on");
    heads.push(head);
  }
  layer.columns.replaceChildren(...heads);
  const rows = [];
  for (let row = 0; row < frozen; row++) rows.push(makeRow(row, row * ROW, c0, c1));
  layer.frozen.replaceChildren(...rows.map((parts) => parts[0]));
  layer.pinned.replaceChildren(...rows.map((parts) => parts[1]));
  $("frozen").hidden = $("pinned").hidden = frozen === 0;
  $("frozen").style.height = $("pinned").style.height = `${frozen * ROW + 1}px`;
}

function box(kind, left, top, wide, text) {
  const element = document.createElement("div");
  element.className = kind;
  element.style.cssText = `left:${left}px;top:${top}px;${wide === null ? "" : `width:${wide}px;`}`;
  element.textContent = text;
  return element;
}

function makeRow(row, top, c0, c1) {
  const number = box("n", 0, top, null, String(row + 1));
  if (row === selected.row) number.classList.add("on");
  const line = document.createElement("div");
  line.className = "line";
  line.style.top = `${top}px`;
  const held = rowAt(row);
  const changed = held ? new Set(held.changed) : null;
  for (let column = c0; column < c1; column++) {
    const cell = held && held.cells[column];
    const element = box("c", lefts[column], 0, lefts[column + 1] - lefts[column], cell ? firstLine(cell[0]) : "");
    const list = element.classList;
    const look = held && held.looks[held.styles[column]];
    if (cell) {
      list.add(`k-${cell[1]}`);
      if (cell[1] === "f" && /^-?[\d.,$€%]+$/.test(cell[0])) list.add("right");
      if (look) applyLook(element, look);
    } else if (look && look.background) applyLook(element, { background: look.background });
    if (changed && changed.has(column)) list.add("changed");
    if (found.set.has(`${row},${column}`)) list.add("found");
    if (row === selected.row && column === selected.column) list.add("sel");
    line.append(element);
  }
  return [line, number];
}

const firstLine = (text) => (text.length > 300 ? text.slice(0, 300) : text).replaceAll("\n", " ↵ ");

const mixed = (color, into, share) => `color-mix(in srgb, ${color} var(${share}), var(${into}))`;

function applyLook(element, look) {
  const style = element.style;
  if (look.bold) style.fontWeight = 650;
  if (look.italic) style.fontStyle = "italic";
  if (look.strikethrough) style.textDecoration = "line-through";
  if (look.align) style.textAlign = look.align;
  // In the dark a cell's own colours are mixed into the page's, so that a white header does not glare.
  if (look.background) style.background = mixed(look.background, "--paper", "--keep-back");
  if (look.color) style.color = mixed(look.color, "--ink", "--keep-ink");
}

// Selecting ----------------------------------------------------------------------------------------------------------

function select(row, column) {
  selected = { row: Math.max(0, Math.min(row, shownRows() - 1)), column: Math.max(0, Math.min(column, sheet.columns - 1)) };
  const view = $("scroll");
  const top = selected.row * ROW;
  const pinned = Math.min(sheet.frozen, 20) * ROW;
  if (selected.row >= sheet.frozen) {
    if (top < view.scrollTop + pinned) view.scrollTop = top - pinned;
    else if (top + ROW > view.scrollTop + view.clientHeight) view.scrollTop = top + ROW - view.clientHeight;
  }
  const left = lefts[selected.column];
  const right = lefts[selected.column + 1];
  if (left < view.scrollLeft) view.scrollLeft = left;
  else if (right > view.scrollLeft + view.clientWidth) view.scrollLeft = right - view.clientWidth;
  redraw();
}

// The last filled column of a row that is loaded, else of the first rows.
function lastColumn(row) {
  const held = rowAt(row);
  const known = Math.max(0, ...Object.keys(info.widths).map(Number));
  return held && held.cells.length ? held.cells.length - 1 : known;
}

function showSelected() {
  $("where").textContent = letters(selected.column) + (selected.row + 1);
  const held = rowAt(selected.row);
  const cell = held && held.cells[selected.column];
  $("exact").textContent = cell ? (cell[2] ?? cell[0]) : "";
  $("kind").textContent = !held ? "" : cell ? KINDS[cell[1]] + (cell[1] === "s" ? `, ${cell[0].length.toLocaleString("en")} characters` : "") : "empty";
}

function cellUnder(event) {
  const view = $("scroll");
  const frame = view.getBoundingClientRect();
  const yIn = event.clientY - frame.top;
  const xIn = event.clientX - frame.left;
  if (xIn < 0 || yIn < 0 || xIn > view.clientWidth || yIn > view.clientHeight) return null;
  const pinned = Math.min(sheet.frozen, 20) * ROW;
  const row = Math.floor((yIn < pinned ? yIn : yIn + view.scrollTop) / ROW);
  const column = firstColumn(xIn + view.scrollLeft);
  return row < shownRows() && column < sheet.columns ? { row, column } : null;
}

$("scroll").addEventListener("scroll", draw, { passive: true });
$("scroll").addEventListener("mousedown", (event) => {
  const cell = cellUnder(event);
  if (cell) { select(cell.row, cell.column); $("grid").focus({ preventScroll: true }); event.preventDefault(); }
});
$("scroll").addEventListener("mousemove", (event) => {
  const place = cellUnder(event);
  const held = place && rowAt(place.row);
  const cell = held && held.cells[place.column];
  $("scroll").title = cell ? `${letters(place.column)}${place.row + 1}: ${KINDS[cell[1]]}\n${(cell[2] ?? cell[0]).slice(0, 400)}` : "";
});

$("grid").addEventListener("keydown", (event) => {
  const far = Math.max(Math.floor($("scroll").clientHeight / ROW) - 2, 1);
  const jump = event.ctrlKey || event.metaKey;
  const { row, column } = selected;
  const last = Math.max(info.filled - 1, 0);
  const moves = {
    ArrowUp: () => [jump ? 0 : row - 1, column], ArrowDown: () => [jump ? last : row + 1, column],
    ArrowLeft: () => [row, jump ? 0 : column - 1], ArrowRight: () => [row, column + (jump ? 10 : 1)],
    PageUp: () => [row - far, column], PageDown: () => [row + far, column],
    Home: () => [jump ? 0 : row, 0], End: () => [jump ? last : row, lastColumn(jump ? last : row)],
    Enter: () => [row + (event.shiftKey ? -1 : 1), column], Tab: () => [row, column + (event.shiftKey ? -1 : 1)],
  };
  if (!(event.key in moves) || (event.key === "Tab" && column === 0 && event.shiftKey)) return;
  event.preventDefault();
  select(...moves[event.key]());
});

$("tabs").addEventListener("click", (event) => {
  const gid = event.target.dataset.gid;
  if (gid !== undefined) location.hash = `gid=${gid}`;
});
addEventListener("hashchange", () => { const next = wantedGid(); if (next !== sheet) open(next); });
addEventListener("resize", draw);
new ResizeObserver(draw).observe($("grid"));

// What changed -------------------------------------------------------------------------------------------------------

try { $("highlight").checked = localStorage.getItem("highlight") !== "off"; } catch { /* a private window has no storage */ }
function showHighlight() { $("grid").classList.toggle("no-highlight", !$("highlight").checked); }
$("highlight").addEventListener("change", () => {
  try { localStorage.setItem("highlight", $("highlight").checked ? "on" : "off"); } catch { /* as above */ }
  showHighlight();
});
$("change-go").addEventListener("click", () => { if (info.first_changed) select(...info.first_changed); });

async function poll() {
  try {
    if (!document.hidden && drawn) {
      const answer = await getJson(`${base}?since=${outline.revision}`);
      if (answer.revision !== outline.revision) {
        outline = answer;
        await open(outline.sheets.find((each) => each.gid === sheet.gid) || wantedGid(), true);
      }
    }
  } catch { /* the server is restarting, or the workbook is gone: look again */ }
  setTimeout(poll, POLL_MS);
}

// Searching ----------------------------------------------------------------------------------------------------------

function clearSearch() {
  found = { text: "", cells: [], set: new Set(), at: -1, more: false };
  $("search-text").value = "";
  $("search-count").textContent = "";
}

async function search(step) {
  const text = $("search-text").value;
  if (text !== found.text) {
    const answer = text ? await getJson(`${base}/${sheet.gid}/search?q=${encodeURIComponent(text)}`) : { cells: [], more: false };
    if (text !== $("search-text").value) return;
    found = { text, cells: answer.cells, set: new Set(answer.cells.map((each) => each.join())), at: -1, more: answer.more };
    step = 1;
  }
  if (found.cells.length) {
    found.at = (found.at + step + found.cells.length) % found.cells.length;
    select(...found.cells[found.at]);
  } else redraw();
  $("search-count").textContent = !text ? "" : found.cells.length ? `${found.at + 1} of ${found.cells.length}${found.more ? "+" : ""}` : "none";
}
let typing = 0;
$("search-text").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => search(0), 200); });
$("search").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); search(1); });
$("search-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); search(-1); }
  if (event.key === "Escape") { clearSearch(); redraw(); $("grid").focus(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement.tagName !== "INPUT") { event.preventDefault(); $("search-text").focus(); }
});

showHighlight();
open(wantedGid()).then(() => { $("grid").focus({ preventScroll: true }); poll(); });

// Bytes: every byte of a frame, explained; hex and fields, linked both ways.
//
// Theory
// ------
// The dissector (amqplab.wire.dissect) gives a tree of spans [start, end, name, value, meaning, kids]. Flattened
// in reading order, a span is a row of the field list and a range of the hex dump; the number of a span is all
// that hovering has to remember. Above the bytes a ruler shows which segment carried them; below, a bracket
// joins the bytes that a length counts. A value that is not on the wire, but follows from what is, is in brackets.
//
// Hex and fields scroll each in its own box, so that looking at a byte never carries it away.

import { cut, plural } from "./text.js";
import { cls, h } from "./elements.js";
import { TYPES, TYPE_NAMES } from "./scene.js";
import { hue, lit } from "./marks.js";
import { endsOf } from "./ladder.js";
import { outcomeWords, waysOf } from "./legs.js";

const ROWS_SHOWN = 24;
const FIELDS_SHOWN = 260;
const FEW_OCTETS = 520;
const LINKED = 8;
const MOST_SHOWN = 4096;

/** The spans of a frame as a flat list in reading order; `counts` are the bytes that a length counts. */
export function flatten(spans, size, depth = 0, out = []) {
  for (const [start, end, name, value, meaning, kids] of spans) {
    const span = { i: out.length, start, end, name, value, meaning, depth, kids: kids.length };
    const length = /(^|[ -])(length|size)$/.test(name) && Number.isInteger(value) && value > 0;
    if (length && kids.length === 0 && end + value <= size) span.counts = [end, end + value];
    out.push(span);
    flatten(kids, size, depth + 1, out);
  }
  return out;
}

/** The deepest span that has this byte. */
export const spanAt = (flat, octet) =>
  flat.reduce((best, s) => (covers(s, octet) && (!best || s.depth >= best.depth) ? s : best), null);

const covers = (span, octet) => span.start <= octet && octet < span.end;

/** Bring an element into sight in the box that scrolls it, and move nothing else. */
export function keepInSight(box, element) {
  if (!box || !element) return;
  const [outer, inner] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
}

/** After a byte was pointed at, its field comes into sight; after a field, its bytes do. */
export function showLinked(inspector, isByte) {
  if (isByte) keepInSight(inspector.querySelector(".tree"), inspector.querySelector(".field.hot"));
  else keepInSight(inspector.querySelector(".hex"), inspector.querySelector(".b.hot"));
}

function byteText(hex) {
  const b = parseInt(hex, 16);
  return b > 32 && b < 127 ? String.fromCharCode(b) : "·";
}

/** A frame in the inspector: its summary, where it went, its bytes, its fields. */
export function drawFrame(view, f, width) {
  const { scene } = view;
  const flat = flattened(scene, f);
  return [
    h(
      "p",
      { key: "head", class: "headline" },
      h("span", { class: cls("badge", hue(scene.rootOf(f.messages[0]))) }, TYPES[f.type] ?? "?"),
      h("b", {}, f.summary),
    ),
    drawUnder(view, f),
    drawSiblings(view, f),
    drawHex(view, f, flat, width < FEW_OCTETS ? 8 : 16),
    drawTree(view, f, flat),
  ].filter(Boolean);
}

function flattened(scene, f) {
  scene.flatSpans ??= new Map();
  let flat = scene.flatSpans.get(f.spans);
  if (!flat) scene.flatSpans.set(f.spans, (flat = flatten(scene.spans[f.spans], f.size)));
  return flat;
}

/** From whom to whom, what kind, and links to what it belongs to. */
function drawUnder(view, f) {
  const { scene } = view;
  const { client, server } = endsOf(scene, f.conn);
  const [from, to] = f.up ? [client, server] : [server, client];
  const sort = TYPE_NAMES[f.type] ?? "unknown frame";
  const kind = (f.dialect ?? "amqp") === "amqp" ? `${sort}, channel ${f.channel}` : sort;
  const link = (of, id, words) => h("button", { class: "link", "data-sel": `${of}:${id}` }, words);
  const [way] = waysOf(scene, f).filter(({ from: first }) => first <= view.seq).slice(-1);
  const fate = way && way.outcome !== "arrived" && (way.over <= view.seq || way.outcome === "cut off") && outcomeWords(way);
  const carriers = [...new Set(carriersBy(view, f).map(([n]) => n))];
  return h(
    "p",
    { key: "under", class: "under" },
    h("span", {}, `${from} → ${to} · ${kind} · ${plural(f.size, "byte")}`),
    fate && h("span", { class: "fate" }, fate),
    f.messages.slice(0, LINKED).map((message) => link("message", message, `message ${scene.labelOf(message)}`)),
    carriers.slice(0, LINKED).map((n) => link("segment", n, `segment ${n}`)),
    carriers.length > LINKED && h("span", {}, `and ${carriers.length - LINKED} more segments`),
  );
}

/** The frames of a command that has several, as tabs. */
function drawSiblings({ scene }, f) {
  const command = scene.commands[f.command];
  if (!command || command.frames.length < 2) return null;
  const tab = (id) =>
    h(
      "button",
      { class: cls("sibling", id === f.id && "here"), "data-sel": `frame:${id}`, "aria-current": id === f.id ? "true" : null },
      TYPE_NAMES[scene.frames[id].type] ?? "frame",
    );
  const more = command.frames.length - LINKED;
  return h(
    "p",
    { key: "siblings", class: "siblings" },
    h("span", { class: "muted" }, `${command.name}:`),
    command.frames.slice(0, LINKED).map(tab),
    more > 0 && h("span", { class: "muted" }, `and ${more} more`),
  );
}

/** Rows of bytes: the segments' ruler above, the brackets of lengths below. */
function drawHex(view, f, flat, per) {
  const bytes = f.hex.match(/../g) ?? [];
  const tops = flat.filter((s) => s.depth === 0 || (flat.length < 40 && s.depth === 1));
  const looked = flat[view.hot]?.start < MOST_SHOWN ? Math.ceil(Math.min(flat[view.hot].end, MOST_SHOWN) / per) : 0;
  const shown = Math.min(bytes.length, view.allBytes ? bytes.length : per * Math.max(ROWS_SHOWN, looked));
  const counting = flat.filter((s) => s.counts);
  const rows = [];
  for (let start = 0; start < shown; start += per) {
    const row = { start, end: Math.min(start + per, bytes.length), per, bytes, hot: flat[view.hot] };
    const offset = h("span", { class: "offset" }, start.toString(16).padStart(4, "0"));
    const cells = [offset, rulers(view, f, row), octets(row, tops), brackets(row, counting), ascii(row)];
    rows.push(h("div", { key: start, class: "hexrow" }, cells));
  }
  const more = shown < bytes.length;
  return h(
    "div",
    { key: `hex ${f.id}`, class: "hex", "aria-hidden": "true", style: `--per:${per}` },
    rows,
    more && h("button", { class: "link", "data-do": "all-bytes" }, `show all ${bytes.length} bytes`),
  );
}

/** The columns of a row that the bytes from `first` to before `end` take. */
const columns = (row, first, end) =>
  `grid-column:${Math.max(first, row.start) - row.start + 2}/${Math.min(end, row.end) - row.start + 2}`;

const meets = (row, first, end) => first < row.end && end > row.start;

const ends = (row, first, end) => [first >= row.start && "first", end <= row.end && "last"];

/** The segments with bytes of a frame that have been sent by now. */
const carriersBy = ({ scene, seq }, f) => f.carriers.filter(([n]) => (scene.segmentByNumber.get(n)?.sent ?? -1) <= seq);

/** Which segment carried these bytes; of those that were sent several times, the latest. */
function rulers(view, f, row) {
  const carriers = carriersBy(view, f);
  const here = carriers.filter(([, first, end]) => meets(row, first, end));
  return here.map(([n, first, end], i) => {
    const isCovered = here.some(([, other, last], k) => k > i && other < end && last > first);
    if (isCovered) return null;
    const s = view.scene.segmentByNumber.get(n);
    const isLost = (s?.lost_seq ?? Infinity) <= view.seq;
    const times = carriers.filter(([, other, last]) => other < end && last > first).length;
    const props = {
      class: cls("ruler", `r${n % 2}`, ...ends(row, first, end), lit(view, "segment", n)),
      style: columns(row, first, end),
      "data-sel": `segment:${n}`,
      title: `segment ${n}${s?.again ? ", sent again" : ""}${isLost ? `, lost: ${s.lost}` : ""}${times > 1 ? `; ${times} segments carried these bytes` : ""}`,
    };
    return h("span", props, first >= row.start ? `segment ${n}` : "");
  });
}

function octets({ start, end, bytes, hot }, tops) {
  return bytes.slice(start, end).map((byte, column) => {
    const i = start + column;
    const top = tops.findLastIndex((s) => covers(s, i));
    const counted = hot?.counts && hot.counts[0] <= i && i < hot.counts[1];
    const edge = tops[top]?.start === i;
    const kind = cls(
      "b",
      `z${top % 2}`,
      hot && covers(hot, i) && "hot",
      counted && "counted",
      edge && "edge",
    );
    return h("span", { class: kind, style: `grid-column:${column + 2}`, "data-byte": i }, byte);
  });
}

/** Brackets do not lie over each other: only the innermost are drawn, and the one that is looked at. */
function brackets(row, counting) {
  const innermost = (s) => !counting.some((other) => other !== s && covers(contents(s), other.start));
  const here = counting.filter((s) => meets(row, ...s.counts) && (s === row.hot || innermost(s)));
  return here.map((s) =>
    h("span", {
      class: cls("bracket", s === row.hot && "hot", ...ends(row, ...s.counts)),
      style: columns(row, ...s.counts),
      title: `${plural(s.value, "byte")}, says the ${s.name} at ${s.start}`,
    }),
  );
}

const contents = ({ counts: [start, end] }) => ({ start, end });

function ascii({ start, end, per, bytes, hot }) {
  const letters = bytes.slice(start, end).map((byte, column) => {
    const isHot = hot && covers(hot, start + column);
    return h("span", { class: cls(isHot && "hot"), "data-byte": start + column }, byteText(byte));
  });
  return h("span", { class: "ascii", style: `grid-column:${per + 2}` }, letters);
}

/** The fields; of very many those around the one that is looked at. */
function drawTree(view, f, flat) {
  const first = view.allBytes || (view.hot ?? 0) < FIELDS_SHOWN ? 0 : view.hot - (FIELDS_SHOWN >> 1);
  const shown = view.allBytes ? flat : flat.slice(first, first + FIELDS_SHOWN);
  const rest = flat.length - shown.length;
  return h(
    "ul",
    { key: `tree ${f.id}`, class: "tree", role: "tree", "aria-label": "fields" },
    shown.map((s) => drawField(view, s)),
    rest > 0 && h("li", { key: "rest", class: "muted small" }, `${rest} more fields: show all bytes to see them`),
  );
}

/** A field's value as text: a bit is set or not; what is not on the wire is in brackets. */
export function valueWords({ start, end, name, value, meaning }) {
  if (value === null || value === undefined) return "";
  const isBit = typeof value === "boolean" && name !== "value" && meaning !== "bool"; // a field table's are a byte each
  const text = isBit ? (value ? "1 set" : "0 not set") : cut(String(value), 80);
  return end <= start && text ? `[${text}]` : text;
}

/** The specification says octet; a reader says byte. */
const meaningWords = (text) => (text ?? "").replace(/\boctet/g, "byte");

function drawField(view, s) {
  const hot = s.i === view.hot;
  const value = valueWords(s);
  const last = s.end - 1;
  const where = s.end <= s.start ? "" : s.start === last ? s.start : `${s.start}–${last}`;
  const meaning = meaningWords(s.meaning);
  const props = {
    key: s.i,
    role: "treeitem",
    "aria-level": s.depth + 1,
    "aria-selected": hot ? "true" : "false",
    tabindex: s.i === (view.hot ?? 0) ? 0 : -1,
    class: cls("field", s.kids && "group", s.value === false && valueWords(s) !== "false" && "unset", hot && "hot"),
    style: `--depth:${s.depth}`,
    "data-span": s.i,
  };
  return h(
    "li",
    props,
    h("span", { class: "where" }, where),
    h("span", { class: "field-name" }, s.name),
    h("span", { class: "field-value" }, value),
    h("span", { class: "field-meaning" }, meaning),
  );
}

// Octets: every octet of a frame, explained; hex and fields, linked both ways.
//
// Theory
// ------
// The dissector (amqplab.wire.dissect) gives a tree of spans [start, end, name, value, meaning, kids]. Flattened
// in reading order, a span is a row of the field list and a range of the hex dump; the number of a span is all
// that hovering has to remember. Above the octets a ruler shows which segment carried them; below, a bracket
// joins the octets that a length counts.

import { clientOf, cut, plural } from "./text.js";
import { cls, h } from "./elements.js";
import { TYPES, TYPE_NAMES } from "./scene.js";
import { hue, lit } from "./marks.js";

const ROWS_SHOWN = 24;
const FIELDS_SHOWN = 260;
const FEW_OCTETS = 520;

/** The spans of a frame as a flat list in reading order; `counts` are the octets that a length counts. */
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

/** The deepest span that has this octet. */
export const spanAt = (flat, octet) =>
  flat.reduce((best, s) => (covers(s, octet) && (!best || s.depth >= best.depth) ? s : best), null);

const covers = (span, octet) => span.start <= octet && octet < span.end;

function byteText(hex) {
  const b = parseInt(hex, 16);
  return b > 32 && b < 127 ? String.fromCharCode(b) : "·";
}

/** A frame in the inspector: its summary, where it went, its octets, its fields. */
export function drawFrame(view, f, width) {
  const { scene } = view;
  const flat = flatten(scene.spans[f.spans], f.size);
  const host = clientOf(f.conn);
  const [from, to] = f.up ? [host, scene.broker] : [scene.broker, host];
  const what = `${TYPE_NAMES[f.type] ?? "frame"} on channel ${f.channel} · ${plural(f.size, "octet")}`;
  const link = (kind, id) => h("button", { class: "link", "data-sel": `${kind}:${id}` }, `${kind} ${id}`);
  return [
    h(
      "p",
      { class: "headline" },
      h("span", { class: cls("badge", hue(f.messages[0])) }, TYPES[f.type] ?? "?"),
      h("b", {}, f.summary),
    ),
    h(
      "p",
      { class: "under" },
      `${from} → ${to} · ${what}`,
      f.messages.map((message) => link("message", message)),
      f.carriers.map(([n]) => link("segment", n)),
    ),
    drawHex(view, f, flat, width < FEW_OCTETS ? 8 : 16),
    drawTree(view, flat),
  ];
}

/** Rows of octets: the segments' ruler above, the brackets of lengths below. */
function drawHex(view, f, flat, per) {
  const bytes = f.hex.match(/../g) ?? [];
  const tops = flat.filter((s) => s.depth === 0 || (flat.length < 40 && s.depth === 1));
  const shown = Math.min(bytes.length, view.allBytes ? bytes.length : per * ROWS_SHOWN);
  const rows = [];
  for (let start = 0; start < shown; start += per) {
    const row = { start, end: Math.min(start + per, bytes.length), per, bytes, hot: flat[view.hot] };
    const offset = h("span", { class: "offset" }, start.toString(16).padStart(4, "0"));
    const cells = [offset, rulers(view, f, row), octets(row, tops), brackets(row, flat), ascii(row)];
    rows.push(h("div", { key: start, class: "hexrow" }, cells));
  }
  const more = shown < bytes.length;
  return h(
    "div",
    { class: "hex", "aria-hidden": "true", style: `--per:${per}` },
    rows,
    more && h("button", { class: "link", "data-do": "all-bytes" }, `show all ${bytes.length} octets`),
  );
}

/** The columns of a row that the octets from `first` to before `end` take. */
const columns = (row, first, end) =>
  `grid-column:${Math.max(first, row.start) - row.start + 2}/${Math.min(end, row.end) - row.start + 2}`;

const meets = (row, first, end) => first < row.end && end > row.start;

const ends = (row, first, end) => [first >= row.start && "first", end <= row.end && "last"];

function rulers(view, f, row) {
  const here = f.carriers.filter(([, first, end]) => meets(row, first, end));
  return here.map(([n, first, end]) => {
    const props = {
      class: cls("ruler", `r${n % 2}`, ...ends(row, first, end), lit(view, "segment", n)),
      style: columns(row, first, end),
      "data-sel": `segment:${n}`,
      title: `segment ${n}`,
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
function brackets(row, flat) {
  const counting = flat.filter((s) => s.counts);
  const innermost = (s) => !counting.some((other) => other !== s && covers(contents(s), other.start));
  const here = counting.filter((s) => meets(row, ...s.counts) && (s === row.hot || innermost(s)));
  return here.map((s) =>
    h("span", {
      class: cls("bracket", s === row.hot && "hot", ...ends(row, ...s.counts)),
      style: columns(row, ...s.counts),
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

function drawTree(view, flat) {
  const shown = flat.slice(0, view.allBytes ? flat.length : FIELDS_SHOWN);
  return h(
    "ul",
    { class: "tree", role: "tree", "aria-label": "fields" },
    shown.map((s) => drawField(view, s)),
  );
}

function drawField(view, s) {
  const hot = s.i === view.hot;
  const value = s.value === null ? "" : cut(String(s.value), 80);
  const last = s.end - 1;
  const where = s.end <= s.start ? "" : s.start === last ? s.start : `${s.start}–${last}`;
  const props = {
    key: s.i,
    role: "treeitem",
    "aria-level": s.depth + 1,
    "aria-selected": hot ? "true" : "false",
    tabindex: s.i === (view.hot ?? 0) ? 0 : -1,
    class: cls("field", s.kids && "group", hot && "hot"),
    style: `--depth:${s.depth}`,
    "data-span": s.i,
    "aria-label": `${s.name}${value && ` ${value}`}. ${s.meaning ?? ""} octets ${s.start} to ${last}`,
  };
  return h(
    "li",
    props,
    h("span", { class: "where" }, where),
    h("span", { class: "field-name" }, s.name),
    h("span", { class: "field-value" }, value),
    h("span", { class: "field-meaning" }, s.meaning ?? ""),
  );
}

// Rungs on the page: the ladder's scrolling window, which follows the story.
//
// Theory
// ------
// A long run has a ladder of a million pixels; only the window and a little around it are drawn, so a step costs as
// much as what is in sight. The row of the step is always in sight. While the pointer rests on the ladder it does
// not run away under it: then it moves only as far as it must.
//
// Asking the page for a size makes it lay itself out, and a step that writes, asks and writes again pays for that twice.
// So sizes and scrolling places are known here: they are read when they change, and set when the step is drawn
// (`settle`, in the frame that shows it).

import { cutTo, momentText, round, timeText, widthOf } from "./text.js";
import { cls, h, patch } from "./elements.js";
import { BOLD, LINE, ROW_SIZE, columnsOf, crossingAt, endsOf, hostOf, ladderPlan, lossAt, rowWords } from "./ladder.js";
import { bandOf, bandsBetween, drawBand, wordsOfBand } from "./bands.js";
import { cross, lit } from "./marks.js";
import { lostAt } from "./ride.js";
import { STORY } from "./scene.js";

const AROUND = 40;
const LOOK_AHEAD = 0.5;
const EDGE = 30;
const CLOCK_SIZE = 11;
const MUCH_MORE = 1.3;
const HEAD_SIZE = 14.5; // as wide as 13 px are in bold
const LEAST_HEAD = 30;
const BETWEEN_HEADS = 8;
const OVER_ITS_LINE = 14;
const HEAD_LINE = 16;
const LOWEST_HEAD = 21;
const UNDER_NOW = 7; // the head of an arrow that has just come is not under the veil
const MOST_HEAD_LINES = 5; // so each of five has a line to itself, however close they stand
const ARRIVES_BESIDE = 13;

// --- drawing ---

/** What stands between two heights: rows, bands, and the lifelines that they need. */
export function ladderPart(view, plan, width, top, bottom) {
  const { scene } = view;
  const { first, last, low, high } = plan.between(top, bottom);
  const bands = bandsBetween(scene, view.zoom, low, high);
  const busy = new Set([...bands.flatMap(({ a, b }) => [a, b]), scene.broker]);
  for (let k = first; k <= last; k++) busy.add(hostOf(scene, plan.seqs[k]));
  if (plan.visit) busy.add(hostOf(scene, plan.visit.seq));
  return { plan, top, bottom, first, last, bands, width, columns: columnsOf(scene.hosts, width, busy, plan.words) };
}

/** The part of the ladder between two heights, as elements: lifelines, breaks, bands, rows. */
export function drawLadder(view, plan, width, top, bottom) {
  return drawPart(view, ladderPart(view, plan, width, top, bottom), new Pieces());
}

/** What looks alike in many rows is one object, also from one drawing to the next: it is measured once, and not compared. */
class Pieces {
  constructor(before = new Map()) {
    this.before = before;
    this.now = new Map();
  }

  /** The piece of this name, which says all that it depends on. */
  get(name, draw) {
    const piece = this.now.get(name) ?? this.before.get(name) ?? draw();
    this.now.set(name, piece);
    return piece;
  }
}

function drawPart(view, part, pieces) {
  const { scene } = view;
  const { plan, top, bottom, first, last, bands, columns } = part;
  const heights = new Map();
  const y = (seq) => {
    if (!heights.has(seq)) heights.set(seq, plan.yOf(seq));
    return heights.get(seq);
  };
  const arrivals = arrivalsOf(bands, columns, y);
  const seen = { view, plan, columns, width: columns.width, arrivals, pieces };
  const rows = [];
  for (let k = first; k <= last; k++) rows.push(drawRung(seen, plan.seqs[k], plan.yOfRow(k), plan.kindOfRow(k), k));
  if (plan.visit) rows.push(drawRung(seen, plan.visit.seq, plan.visit.y, plan.words ? "chapter" : "note", plan.visit.k));
  return [
    ...scene.hosts.map((host) => lifeline(scene, host, round(columns.x(host)), top, bottom)),
    ...bands.map((band) => drawBand(view, band, columns.x(band.a), columns.x(band.b), y, { top, bottom })),
    veil(Math.max(top, y(view.seq) + UNDER_NOW), bottom, columns.width),
    ...bands.map((band) => wordsOfBand(view, band, columns.x(band.a), columns.x(band.b), y, { top, bottom })),
    ...plan.breaksBetween(first, last).map((gap) => drawBreak(gap, columns.margin, columns.width)),
    ...rows,
    view.seq < 0 && h("line", { key: "now", class: "nowline", x1: 0, x2: round(columns.width), y1: 4, y2: 4 }),
  ].filter(Boolean);
}

/** What is below the step that is shown has not happened yet: also the rest of an arrow that is under way. */
const veil = (top, bottom, width) =>
  top < bottom && h("rect", { key: "veil", class: "veil", x: 0, y: round(top), width: round(width), height: round(bottom - top) });

const lifeline = ({ servers, broker }, host, x, top, bottom) =>
  h("line", {
    key: `h${host}`,
    class: cls("lifeline", (servers?.some((server) => server.host === host) ?? host === broker) && "hub"),
    ...{ x1: x, y1: round(top), x2: x, y2: round(bottom) },
  });

/** Where arrows come to a lifeline from the right, so that words can stand at its left. */
function arrivalsOf(bands, columns, y) {
  const found = new Map();
  for (const { a, b, legs } of bands)
    for (const { to, outcome } of legs)
      if (outcome === "arrived" && columns.x(a) > columns.x(b)) found.set(b, [...(found.get(b) ?? []), y(to)]);
  return found;
}

/** Time goes by, and nothing happens: a tear in the paper. */
function drawBreak({ k, y0, y1, words }, left, width) {
  const tear = (y) => {
    let d = `M${round(left)} ${round(y)}`;
    for (let x = left; x < width; x += 12) d += "l6 -3l6 3";
    return d;
  };
  return h(
    "g",
    { key: `g${k}`, class: "gap", "data-kind": "silence" },
    h("rect", { x: round(left), y: round(y0), width: round(width - left), height: round(y1 - y0) }),
    h("path", { d: tear(y0) }),
    h("path", { d: tear(y1) }),
    h("text", { class: "mid", x: round((left + width) / 2), y: round((y0 + y1) / 2 + 4) }, words),
  );
}

/** One row, at its height: what is in it is drawn from there, so that rows look alike, and another row is hardly another
 * drawing. It has its time, and the label of the band that begins here, or what happened at one host. */
function drawRung(seen, seq, y, kind, k) {
  const { view, plan } = seen;
  const { scene } = view;
  const isVisit = seq === plan.visit?.seq;
  const words = rowWords(scene, view.zoom, seq);
  const at = scene.timeOf(seq);
  const time = momentText(at, scene.timesAround(at), clockText);
  const hasClock = isVisit || (kind !== "quiet" && plan.isFirstOfItsTime(k));
  const props = {
    key: `r${seq}`,
    class: cls("rung", kind, toneOf(view, seq), isVisit && "visit", isRowLit(view, seq) && "lit"),
    "data-kind": "row",
    "data-id": seq,
    role: "group",
    "aria-current": seq === view.seq ? "step" : null,
    transform: `translate(0 ${round(y)})`,
  };
  return h(
    "g",
    props,
    h("title", {}, `${time}: ${words}`),
    groundOf(seen, kind, seq),
    h("text", { class: "clock", x: seen.columns.margin - 8, y: 4 }, hasClock ? endFitting(time, seen.columns.margin - 8) : ""),
    rowMark(seen, seq, y, kind, words),
  );
}

/** Where a row can be pointed at. */
function groundOf({ plan, pieces, width }, kind, seq) {
  const half = kind === "quiet" ? 5 : kind === "chapter" ? 11 : 9;
  const height = 2 * half + (kind === "chapter" ? plan.moreLines(seq) : 0);
  return pieces.get(`${kind} ${width} ${height}`, () => h("rect", { class: "reach", x: 0, y: -half, width: round(width), height }));
}

/** A time that is short enough for the margin: minutes as 12:34.5, with `more` digits where it must differ. */
export function clockText(ns, more = 0) {
  if (ns < 120e9) return timeText(ns, more);
  const two = (n) => String(n).padStart(2, "0");
  const s = Math.floor(ns / 1e9);
  const part = String(ns % 1e9).padStart(9, "0").slice(0, 2 + more).replace(/0+$/, "");
  const rest = part && `.${part}`;
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}${rest}`;
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}${more ? rest : ""}`;
}

/** The words, or their end as far as it fits: of times that differ little the end is what differs. */
function endFitting(words, room) {
  let shown = words;
  for (let from = 1; from < words.length && widthOf(shown, CLOCK_SIZE) > room; from++) shown = `…${words.slice(from)}`;
  return shown;
}

/** "here", if it is what is shown; else whether it has happened. */
const toneOf = (view, seq) => (seq === view.seq ? "here" : seq > view.seq && "future");

/** Whether a row belongs to what somebody picked. */
function isRowLit(view, seq) {
  if (!view.pinned) return false;
  const { keys, ...numbered } = view.scene.subjectOf(seq);
  if (Object.entries(numbered).some(([kind, id]) => id !== undefined && lit(view, kind, id))) return true;
  return view.pinned.kind === "entity" && keys[0] === view.pinned.id;
}

function rowMark(seen, seq, y, kind, words) {
  const { view, columns, plan, pieces } = seen;
  const { scene, zoom } = view;
  const at = columns.x(hostOf(scene, seq));
  const dot = (name, r) => pieces.get(`${name} ${at}`, () => h("circle", { class: name, cx: round(at), cy: 0, r }));
  if (kind === "quiet") return dot("dot", 2.5);
  const bold = seq === view.seq ? BOLD : 1;
  const lost = lossAt(scene, seq);
  if (kind === "chapter") return chapter(seen, at, lost, words, seq);
  if (lost) return lossNote(seen, lost, words, bold);
  const found = seq !== plan.visit?.seq && kind === "band" && crossingAt(scene, zoom, seq);
  if (found) {
    const band = bandOf(scene, found.kind, found.item);
    return bandLabel(seen, columns.x(band.a), columns.x(band.b), words, bold);
  }
  return [dot("dot big", 4), note(seen, seq, at, y, words, bold)];
}

/** Words of a row, as far as they have room, at its line or over it. */
function label({ pieces }, name, place, words, room, bold) {
  const { x, y, "text-anchor": anchor } = place;
  const draw = () => h("text", { class: `${name} halo`, ...place }, cutTo(words, room, ROW_SIZE * bold));
  return pieces.get(`${name} ${x} ${y} ${anchor} ${room} ${bold} ${words}`, draw);
}

/** Beside the × of a segment that is lost in this row. */
function lossNote(seen, s, words, bold) {
  const x = round(crossOf(seen.view.scene, seen.columns, s) + 11);
  return label(seen, "note", { x, y: 4 }, words, seen.width - x - 4, bold);
}

/** Where the × of a lost segment stands. */
function crossOf(scene, columns, s) {
  const { client, server } = endsOf(scene, s.conn);
  const [from, to] = (s.up ? [client, server] : [server, client]).map(columns.x);
  return from + (to - from) * lostAt(s);
}

/** On its band, at the end where it begins; a longer one goes on beyond the band's other end. */
function bandLabel(seen, a, b, words, bold) {
  const right = b > a;
  const place = { x: round(a + (right ? 9 : -9)), y: -4, "text-anchor": right ? "start" : "end" };
  return label(seen, "band-label", place, words, right ? seen.width - a - 13 : a - 9 - seen.columns.left + 4, bold);
}

/** What happened at one host: at its right, or where an arrow comes from there, and at the last host, at its left; what
 * is too long for its side stands on the other one, if that has much more room. */
function note(seen, seq, at, y, words, bold) {
  const { view, columns, width, arrivals } = seen;
  const { hosts } = view.scene;
  const host = hostOf(view.scene, seq);
  const i = hosts.indexOf(host);
  const isCrossed = arrivals.get(host)?.some((other) => Math.abs(other - y) < ARRIVES_BESIDE);
  const [left, right] = [at - 9 - columns.left + 4, width - at - 13];
  const isLong = () => widthOf(words, ROW_SIZE * bold) > right;
  const toLeft = i > 0 && (i === hosts.length - 1 || isCrossed || (left > MUCH_MORE * right && isLong()));
  const place = { x: round(at + (toLeft ? -9 : 9)), y: 4, "text-anchor": toLeft ? "end" : "start" };
  return label(seen, "note", place, words, toLeft ? left : right, bold);
}

/** A chapter's sentence in its column; beside it, at the same height, a dot at the host where it happened, or a × where a
 * segment is lost. */
function chapter({ view, columns, plan, pieces }, at, lost, words, seq) {
  const x = round(columns.margin + 2);
  const draw = () => plan.linesOf(seq).map((line, i) => h("text", { class: "note", x, y: 4 + i * LINE }, line));
  return [
    lost
      ? h("path", { class: "cross", d: cross(crossOf(view.scene, columns, lost), 0, 4) })
      : h("circle", { class: "dot big", cx: round(at), cy: 0, r: 3.5 }),
    pieces.get(`chapter ${x} ${plan.words} ${words}`, draw),
  ];
}

/** The names over the lifelines that are in sight, as many as can be whole; each stands over its own line. Where one line is
 * too short for them, every other one stands a line higher, or they take turns in more; and where those are, only those
 * that have room, and `hubs`. */
export function drawHeads(hosts, columns, scrolled, sight, hubs = []) {
  const seen = hosts.filter((host) => columns.x(host) > scrolled && columns.x(host) < scrolled + sight);
  const roomy = seen.filter((host) => columns.room(host) >= LEAST_HEAD || hubs.includes(host));
  return headsOf([seen, roomy], columns, scrolled + 2, scrolled + sight - 2).map(({ host, left, width, line }) => {
    const style = `left:${Math.round(left - scrolled)}px;width:${Math.ceil(width)}px;bottom:${line * HEAD_LINE}px`;
    return h("span", { key: host, title: host, "data-line": line, style }, host);
  });
}

/** The first of some choices of names that is whole in as few lines as may be; or the last choice, as far as it has room. */
function headsOf(choices, columns, start, end) {
  let heads = [];
  for (const hosts of choices) {
    const named = hosts.map((host) => ({ host, x: columns.x(host), wants: widthOf(host, HEAD_SIZE) + 2 }));
    for (let lines = 1; lines <= MOST_HEAD_LINES; lines++) {
      heads = headsIn(lines, named, start, end);
      if (heads.every(({ isWhole }) => isWhole)) return heads;
    }
  }
  return heads;
}

/** Names in so many lines, from the last to the first: each in the middle over its lifeline, if that is free, else as far to
 * the left as it must, but not over the line of the one before. */
function headsIn(lines, named, start, end) {
  const free = Array(lines).fill(end);
  const heads = [];
  for (let i = named.length - 1; i >= 0; i--) {
    const { host, x, wants } = named[i];
    const line = i % lines;
    const from = i < lines ? start : named[i - lines].x + OVER_ITS_LINE;
    const right = Math.min(free[line], Math.max(x, from) + wants / 2);
    const left = Math.max(from, right - wants);
    heads.unshift({ host, left, width: Math.max(0, right - left), isWhole: right - left > wants - 1, line });
    free[line] = left - BETWEEN_HEADS;
  }
  return heads;
}

// --- on the page ---

/** The ladder of one stage; `parts` are the skeleton's. */
export class Rungs {
  constructor({ ladderScroll, ladderHead, ladderSvg }) {
    this.box = ladderScroll;
    this.head = ladderHead;
    this.svg = ladderSvg;
    this.seen = { width: 0, height: 0 };
    this.top = this.left = 0;
    this.plans = {};
    this.pieces = new Pieces();
    this.held = this.unsettled = false;
    this.headLines = 0;
  }

  /** The room may have changed; a width of 0 means that the panel is closed. */
  measure() {
    const { clientWidth, clientHeight, scrollTop, scrollLeft } = this.box;
    Object.assign(this, { seen: { width: clientWidth, height: clientHeight }, top: scrollTop, left: scrollLeft });
  }

  /** Somebody scrolled; or it was our own doing, then there is nothing to draw. */
  scrolled(view) {
    const { scrollTop, scrollLeft } = this.box;
    if (this.unsettled || (scrollTop === this.top && scrollLeft === this.left)) return;
    Object.assign(this, { top: scrollTop, left: scrollLeft });
    this.draw(view(), false);
  }

  /** Scroll to where what is drawn stands. */
  settle() {
    const { box } = this;
    if (!this.unsettled) return;
    this.unsettled = false;
    box.scrollTop = this.top;
    box.scrollLeft = this.left;
    Object.assign(this, { top: box.scrollTop, left: box.scrollLeft });
  }

  forget() {
    this.plans = {};
  }

  planOf({ scene, zoom, seq, visit }) {
    const width = zoom === STORY ? this.seen.width - 2 : 0; // only its sentences are broken to the width
    const known = this.plans[zoom];
    const { plan } = known?.width === width ? known : (this.plans[zoom] = { width, plan: ladderPlan(scene, zoom, width) });
    return visit && seq >= 0 ? plan.visiting(seq) : plan;
  }

  /** Draw what is in sight; with `follow`, the present comes into sight first. */
  draw(view, follow = true) {
    const { width, height } = this.seen;
    if (!width) return; // the panel is closed
    const plan = this.planOf(view);
    this.size("height", Math.ceil(plan.height));
    if (follow) this.follow(view, plan, height);
    const bottom = Math.min(plan.height, this.top + height + AROUND);
    const part = ladderPart(view, plan, width - 2, Math.max(0, this.top - AROUND), bottom);
    this.size("width", part.columns.width);
    if (follow) this.followAcross(view, part.columns, width);
    this.drawHeads(view.scene, part.columns);
    this.pieces = new Pieces(this.pieces.now);
    patch(this.svg, drawPart(view, part, this.pieces));
  }

  drawHeads({ hosts, broker }, columns) {
    const heads = drawHeads(hosts, columns, this.left, this.seen.width, [broker]);
    const lines = heads.reduce((most, { props }) => Math.max(most, +props["data-line"]), 0);
    if (this.headLines !== lines) this.head.style.height = `${HEAD_LINE * lines + LOWEST_HEAD}px`;
    this.headLines = lines;
    patch(this.head, heads);
  }

  size(name, value) {
    if (this[name] === value) return;
    this[name] = value;
    this.svg.setAttribute(name, value);
  }

  follow(view, plan, height) {
    const y = view.seq < 0 ? 0 : plan.yOf(view.seq) + (plan.words ? plan.moreLines(view.seq) / 2 : 0);
    const seen = y > this.top + EDGE && y < this.top + height - EDGE;
    if (this.held && seen) return;
    this.scrollTo("top", Math.round(Math.max(0, Math.min(plan.height - height, y - height * LOOK_AHEAD))));
  }

  followAcross({ scene, seq, zoom }, columns, width) {
    const isWhole = columns.width <= width || seq < 0 || zoom === STORY;
    const middle = isWhole ? 0 : columns.x(hostOf(scene, seq)) - width / 2;
    this.scrollTo("left", Math.round(Math.max(0, Math.min(columns.width - width, middle))));
  }

  scrollTo(side, want) {
    if (this[side] === want) return;
    this[side] = want;
    this.unsettled = true;
  }
}

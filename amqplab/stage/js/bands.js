// Bands: what crosses between two lifelines of the ladder.
//
// Theory
// ------
// Time runs down, so whatever takes time is slanted. A band has two slanted edges, its first byte and its last:
// how thick it is shows how long it took to be put on the wire. Lines inside it are the seams between the frames of
// a segment, or between the segments of a frame. Each leg of the way (legs.js) is drawn as far as it came: to a
// head, to a × half way, or to an open end; what was sent again says so. What is yet to come lies under the ladder's veil
// (rungs.js), and words lie on it.

import { round } from "./text.js";
import { cls, h } from "./elements.js";
import { cross, hue, lit } from "./marks.js";
import { endsOf, isStep } from "./ladder.js";
import { STORY } from "./scene.js";
import { bringersOf, stateBy, waysOf, wordsBy } from "./legs.js";
import { segmentLabel } from "./wire.js";

const MOST_BANDS = 500;
const MOST_SEAMS = 60;
const THICKEST = 0.75;
const LEAST_SEAM = 2.5;
const OPEN_DROP = 34;
const STUB = 18;
const FATE_LETTER = 6.2;
/** What the coarser zooms show of commands, as the picture does: messages, also those that never got a number, and answers. */
const SEEN_ABOVE = /^basic\.(publish|deliver|get-ok|return|ack|nack|reject)$/;
const KINDS = ["segment", "frame", "command", "command", "command"];

/** @typedef {{kind: string, id: number, item: any, a: string, b: string, hue: number, legs: Leg[]}} Band `a` and `b` are hosts. */

/** What crosses between two records at a zoom: all of it, up to a limit. @returns {Band[]} */
export function bandsBetween(scene, zoom, low, high) {
  const kind = KINDS[zoom];
  const found = { segment: "segmentsAt", frame: "framesAt", command: "commandsAt" }[kind];
  const items = scene[found](low, high);
  const shown = zoom < 3 ? items : items.filter(isSeenAbove);
  return [...shown.slice(-MOST_BANDS).map((item) => bandOf(scene, kind, item)), ...toldBetween(scene, zoom, low, high)];
}

const isSeenAbove = ({ name }) => SEEN_ABOVE.test(name);

/** Segments of which a row tells that they are lost, thrown away or sent again, and that no other band shows: a SYN, or what
 * had come before. So one sees from whom they came, and how far. */
function toldBetween(scene, zoom, low, high) {
  if (zoom === 0) return [];
  const isItsWay = (s) => (item) => waysOf(scene, item).some(({ left }) => left === s.sent);
  const isSeen = (s) => {
    const frames = s.frames.map(([id]) => scene.frames[id]);
    if (zoom === 1) return frames.some(isItsWay(s));
    const commands = frames.flatMap(({ command }) => (command === null ? [] : [scene.commands[command]]));
    return commands.some((c) => (zoom < 3 || isSeenAbove(c)) && isItsWay(s)(c));
  };
  const isTold = (s) => [s.lost_seq, s.discarded_seq].some((seq) => seq !== null && isRow(scene, zoom, seq)) || (s.again && isSentInRow(scene, zoom, s));
  return scene.segmentsAt(low, high).filter((s) => isTold(s) && !isSeen(s)).slice(-MOST_BANDS).map((s) => bandOf(scene, "segment", s));
}

/** Whether a row tells that this segment, or with others of its moment, is sent. */
function isSentInRow(scene, zoom, { sent, conn, up }) {
  const steps = scene.steps[zoom];
  const k = scene.stepOf(zoom, sent);
  const row = steps[k] === sent ? sent : steps[k + 1];
  if (row === undefined || scene.kindOf(row) !== "SegmentSent" || scene.timeOf(row) !== scene.timeOf(sent)) return false;
  const other = scene.segmentByNumber.get(scene.subjectOf(row).segment);
  return other?.again === true && other.conn === conn && other.up === up;
}

const isRow = (scene, zoom, seq) => scene.steps[zoom][scene.stepOf(zoom, seq)] === seq;

/** One thing that crosses, with its ways. @returns {Band} */
export function bandOf(scene, kind, item) {
  const { client, server } = endsOf(scene, item.conn);
  const [a, b] = item.up ? [client, server] : [server, client];
  const message = kind === "segment" ? scene.frames[item.frames[0]?.[0]]?.messages[0] : item.messages[0];
  const id = kind === "segment" ? item.n : item.id;
  return { kind, id, item, a, b, hue: scene.rootOf(message), legs: waysOf(scene, item) };
}

/** What a band is, in words. */
function bandWords(scene, { kind, item, a, b }) {
  if (kind === "segment") return `segment ${item.n}: ${segmentLabel(item)}, ${a} → ${b}`;
  return `${scene.frames[kind === "command" ? item.frames[0] : item.id].summary}, ${a} → ${b}`;
}

/** The legs of a band that are in sight; `a` and `b` are the x of its lifelines, `y` the height of a record. */
export function drawBand(view, band, a, b, y, { top, bottom }) {
  const drawn = band.legs.map((leg, i) => drawLeg(view, band, leg, i, a, b, y, top, bottom)).filter(Boolean);
  if (!drawn.length) return null;
  const { kind, id } = band;
  const sent = band.legs.filter(({ from }) => from <= view.seq);
  const props = {
    key: `b${kind}${id}`,
    class: cls("band", kind, hue(band.hue), lit(view, kind, id)),
    "data-sel": `${kind}:${id}`,
    "data-kind": kind,
    "data-id": id,
    "data-state": stateBy(sent.at(-1) ?? band.legs[0], view.seq),
  };
  const fate = sent.map((leg) => wordsBy(leg, view.seq)).join("; ") || "not sent yet";
  const said = `${bandWords(view.scene, band)}: ${fate}`;
  return h("g", props, h("title", {}, said), drawn);
}

/** Where a leg is: from `y0` to `y1`, and on to where it is read; null if that is out of sight. */
function legPlace(leg, a, b, y, top, bottom) {
  const y0 = y(leg.from);
  const open = leg.outcome === "cut off";
  const y1 = leg.outcome === "waiting" ? y0 : open ? Math.min(y(leg.to), y0 + OPEN_DROP) : Math.max(y0, y(leg.to));
  const read = leg.read === null ? y1 : y(leg.read);
  const x1 = leg.outcome === "waiting" ? a + Math.sign(b - a) * STUB : a + (b - a) * leg.p;
  return read < top || y0 > bottom ? null : { x1, y0, y1, read };
}

/** One leg: how it ends is not seen in its line before it has. */
function drawLeg({ scene, seq }, band, leg, i, a, b, y, top, bottom) {
  const place = legPlace(leg, a, b, y, top, bottom);
  if (!place) return null;
  const outcome = leg.over > seq ? "under way" : leg.outcome;
  const { x1, y0, y1, read } = place;
  return h(
    "g",
    { key: i, class: cls("leg", `is-${outcome.replace(" ", "-")}`, leg.again && "again") },
    h("path", { class: "reach", d: slant(a, y0, x1, y1) }),
    slab(scene, band, leg, a, x1, y0, y1, y),
    ending(leg, a, b, x1, y1),
    read > y1 && h("path", { class: "unread", d: slant(b, y1, b, read) }),
  );
}

/** What is written beside the legs of a band: that something was sent again, and why a way ended. In the story the sentences
 * tell it, and lifelines stand too close for more words. */
export function wordsOfBand(view, band, a, b, y, { top, bottom }) {
  if (view.zoom === STORY) return null;
  const words = band.legs.flatMap((leg, i) => {
    const place = leg.again || TOLD.has(leg.outcome) ? legPlace(leg, a, b, y, top, bottom) : null;
    if (!place) return [];
    const isRowItself = leg.outcome === "lost" && isStep(view.scene, view.zoom, leg.to);
    return [
      leg.again && h("text", { key: `a${i}`, class: cls("again", leg.from > view.seq && "future"), ...againAt(a, b, place.y0) }, "again"),
      !isRowItself && wordsOfEnd(leg, i, a, b, place, leg.over > view.seq),
    ].filter(Boolean);
  });
  return words.length ? h("g", { key: `w${band.kind}${band.id}`, class: "band-words" }, words) : null;
}

/** A straight line: of a path the browser reads one attribute, of a line four. */
const slant = (x0, y0, x1, y1) => `M${round(x0)} ${round(y0)}L${round(x1)} ${round(y1)}`;

/** The body of a leg: a parallelogram where transmission took time, else a line. */
function slab(scene, band, leg, a, b, y0, y1, y) {
  const spread = spreadOf(scene, band, leg, y, y0, y1);
  if (!spread) return h("path", { class: "way", d: slant(a, y0, b, y1) });
  const corners = [
    [a, y0],
    [b, spread.right],
    [b, y1],
    [a, spread.left],
  ];
  return [
    h("polygon", { points: corners.map((corner) => corner.map(round).join(" ")).join(" ") }),
    spread.seams.map(([l, r], k) =>
      h("path", { key: `s${k}`, class: "seam", d: slant(a, l, b, r) }),
    ),
  ];
}

/** Where the last byte leaves (left) and the first one arrives (right), and the seams between the parts; or null. */
function spreadOf(scene, { kind, item }, leg, y, y0, y1) {
  if (kind === "frame" && item.carriers.length > 1 && leg.outcome === "arrived") return spreadOfFrame(scene, item, y, y0, y1);
  const thick = (y1 - y0) * Math.min(THICKEST, leg.share);
  if (thick < LEAST_SEAM) return null;
  const parts = kind === "segment" ? item.frames.map(([, first, end]) => end - first) : [];
  const total = parts.reduce((sum, part) => sum + part, 0);
  const ends = parts.slice(0, MOST_SEAMS).map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part, 0) / total);
  const seams = ends.slice(0, -1).map((share) => [y0 + thick * share, y1 - thick + thick * share]);
  return { left: y0 + thick, right: y1 - thick, seams: thick > 2 * LEAST_SEAM ? seams : [] };
}

/** A frame in several segments: its parts are theirs. */
function spreadOfFrame(scene, f, y, y0, y1) {
  const parts = bringersOf(scene, f);
  if (parts.length < 2) return null;
  const ends = parts.slice(0, MOST_SEAMS).map((s) => [Math.max(y0, y(s.sent)), Math.min(y1, y(s.arrived))]);
  return { left: Math.max(y0, y(parts.at(-1).sent)), right: ends[0][1], seams: ends.slice(1) };
}

/** A head where it arrived; a × where it was lost; a bar where nobody wanted it; nothing at an open end. */
function ending({ outcome }, a, b, x, y) {
  const back = b > a ? -1 : 1;
  const head = `M${round(x)} ${round(y)}l${8 * back} -5.5v7.5z`;
  if (outcome === "arrived" || outcome === "sent" || outcome === "unread") return h("path", { class: "tip", d: head });
  if (outcome === "lost") return h("path", { class: "cross", d: cross(x, y, 5.5) });
  if (outcome === "discarded" || outcome === "refused")
    return h("path", { class: "bar", d: `M${round(x + 3 * back)} ${round(y - 6)}v12` });
  return h("circle", { class: "open", cx: round(x), cy: round(y), r: 3 });
}

const againAt = (a, b, y) => ({ x: round(a + (b > a ? -6 : 6)), y: round(y - 3), "text-anchor": b > a ? "end" : "start" });

/** How a way ends of which it is said why. */
const TOLD = new Set(["lost", "cut off", "waiting", "refused", "discarded"]);

/** Why it ended, beside the end, where there is room; it is in the title anyway. */
function wordsOfEnd({ outcome, reason, p }, i, a, b, { x1: x, y1: y }, isFuture) {
  const words = { lost: reason, "cut off": "under way", waiting: "waits", refused: reason, discarded: reason }[outcome];
  if (!words) return null;
  const onward = b > a ? 1 : -1;
  const inside = p === 1;
  const at = { x: round(x + (inside ? -9 : 9) * onward), y: round(y + (inside ? 12 : 4)) };
  const room = Math.floor((inside ? Math.abs(b - a) : Math.abs(b - x) - 12) / FATE_LETTER);
  const anchor = onward > 0 === inside ? "end" : "start";
  const props = { key: `e${i}`, class: cls("fate", "halo", `is-${outcome.replace(" ", "-")}`, isFuture && "future"), ...at, "text-anchor": anchor };
  return words.length <= room && h("text", props, words);
}

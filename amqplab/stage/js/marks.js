// Marks: the small signs that mean the same wherever they stand.
//
// Theory
// ------
// A message is an envelope with its number, in its own colour, which its later lives as a dead letter keep. Hatched:
// handed over and not acknowledged; a ghost: the same, in the queue that still owns it. A turned arrow: it was
// delivered before; a foot: it is written to disk; its height, in a queue with priorities, is its priority. A frame
// is a letter: M, H, B for a method, its content header and its body. What is selected is "lit", and that is a
// class, so that one click can light a thing in every panel at once.

import { cutTo, round, widthOf } from "./text.js";
import { cls, h } from "./elements.js";
import { handles } from "./mark.js";
import { isOver } from "./ride.js";

const PALETTE = 7;
const MARK_LETTER = 6.6;
const SQUEEZED_LETTER = 4.5;
const BEYOND_PAPER = 14;
const BOTH_NAMES = 160;
const SAME_ROW = 60;
const SIGN = 14;
const TEXT_LETTER = 6;
/** How much of a lane its name takes. */
export const LANE_NAME = 30;
const REASON_SIZE = 11;
const LARGE_REASON = 16;

/** The class with a message's colours, by its root number; the colour never stands alone, the number is beside it. @param {number} root */
export const hue = (root) => (root ? `m${(root - 1) % PALETTE}` : "m");

/** @param {{lit?: Record<string, Set<any>>}} view @param {string} kind @param {number | string} id */
export const lit = (view, kind, id) => view.lit?.[kind]?.has(id) && "lit";

/** @param {Point} to */
export const moveTo = ({ x, y }) => `translate(${round(x)} ${round(y)})`;

/** @param {number} x @param {number} y @param {number} r */
export const cross = (x, y, r) =>
  `M${round(x - r)} ${round(y - r)}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;

/** @param {number[]} c a curve, as eight numbers */
export const path = (c) => `M${c[0]} ${c[1]}C${c.slice(2).join(" ")}`;

/** Words where the layout has a place for them. @param {Sent.WordsPlace} place @param {string} kind @param {Kid[]} inside */
export const words = (place, kind, ...inside) =>
  h("text", { class: cls(kind, ANCHORS[place.anchor]), x: place.x, y: place.y }, ...inside);

const ANCHORS = { start: "start", middle: "mid", end: "end" };

/** Whether a message is in a hand, and the broker waits for its acknowledgement. @param {{place: string, state: string}} mark */
export const isHatched = ({ place, state }) => place.startsWith("consumer") && state === "unacked";

/** A message: an envelope with its number; as a badge, only the number. @param {View} view @param {DrawnMark} mark */
export function drawMessage(view, mark) {
  if (mark.badge) return drawBadge(mark);
  const kind = cls(
    ...["message", hue(mark.hue), `is-${mark.state.replaceAll(" ", "-") || "there"}`, mark.ghost && "ghosted"],
    ...[mark.place.startsWith("link") && "moving", mark.covered && "covered", isGone(mark) && "dead"],
  );
  const w = Math.max(view.scene.geometry.message_w, mark.label.length * SQUEEZED_LETTER + 3);
  const height = paperHeight(view.scene.geometry, mark.share);
  const paper = { x: round(-w / 2), y: round(-height / 2), width: round(w), height: round(height), rx: 2.5 };
  return h(
    "g",
    handles(mark, kind, { transform: moveTo(mark) }),
    h("rect", { class: "paper", ...paper }),
    isHatched(mark) && h("rect", { class: "hatch", ...paper }),
    h("path", { class: "flap", d: flap(w, height) }),
    mark.persistent && h("path", { class: "foot", d: `M${round(-w / 2 + 3)} ${round(height / 2 - 1.5)}H${round(w / 2 - 3)}` }),
    h("text", { class: "number", ...(mark.label.length > 2 && squeezedTo(w - 3)) }, mark.label),
    mark.redelivered && h("path", { class: "again", d: turned(-w / 2 + 4, -height / 2) }),
    (isOver(mark.state) || mark.state === "gone" || isGone(mark)) && h("path", { class: "cross small", d: cross(w / 2, -height / 2, 3.5) }),
    wordsOf(view, mark, w),
  );
}

/** @param {number} room */
const squeezedTo = (room) => ({ textLength: room, lengthAdjust: "spacingAndGlyphs" });

/** @param {Mark} mark */
const isGone = ({ place }) => place === "lost" || place === "returned";

/** @param {Geometry} g @param {number | null | undefined} share */
const paperHeight = (g, share) => (share === null || share === undefined ? g.message_h : 12 + 14 * share);

/** @param {number} w @param {number} height */
const flap = (w, height) =>
  `M${round(-w / 2 + 0.5)} ${round(-height / 2 + 1.5)}L0 ${round(Math.min(0.5, height / 2 - 4))}L${round(w / 2 - 0.5)} ${round(-height / 2 + 1.5)}`;

/** An arrow that comes back: it was delivered before. @param {number} x @param {number} y */
const turned = (x, y) => `M${round(x + 3.5)} ${round(y - 3)}A4 4 0 1 0 ${round(x + 4)} ${round(y + 1)}m-1.5 -4.5l1.2 .8l1 -2`;

/** As much of what is said as has room, the last of it only where letters are no larger than the layout thinks.
 * @param {string} said @param {number} room */
function asMuchAsFits(said, room) {
  const shown = cutTo(said, room, REASON_SIZE);
  const kept = cutTo(shown, room, LARGE_REASON).replace(/…$/, "");
  return [kept, h("tspan", { class: "spare" }, shown.slice(kept.length))];
}

/** Why it ended; or its text, where it stands alone. @param {View} view @param {DrawnMark} mark @param {number} w */
function wordsOf(view, mark, w) {
  if (isGone(mark)) return h("text", { class: "quiet", x: round(w / 2 + 7), y: 4 }, ...asMuchAsFits(mark.reason ?? "", mark.room - w / 2 - 7));
  if (!mark.alone || !mark.text || mark.text.length > BEYOND_PAPER) return null;
  if (mark.place.startsWith("exchange")) return h("text", { class: "quiet mid halo", y: -34 }, mark.text);
  if (view.layout.orientation !== "wide" || !mark.place.startsWith("link")) return null;
  const pipe = Object.values(view.layout.pipes).find(({ x0, x1 }) => Math.min(x0, x1) <= mark.x && mark.x <= Math.max(x0, x1));
  if (!pipe) return null;
  const after = mark.x < (pipe.x0 + pipe.x1) / 2;
  const nameIsRight = (pipe.side === "left") === mark.up;
  const whole = after ? Math.max(pipe.x0, pipe.x1) - mark.x : mark.x - Math.min(pipe.x0, pipe.x1);
  const toName = nameIsRight ? Math.max(pipe.x0, pipe.x1) - mark.x : mark.x - Math.min(pipe.x0, pipe.x1);
  const isTurned = toName < LANE_NAME + w / 2; // then the name is at the other end
  const room = (after === nameIsRight) !== isTurned ? whole - LANE_NAME : whole;
  if (mark.text.length * TEXT_LETTER > room - w) return null;
  const at = after ? { x: round(w / 2 + 4), "text-anchor": "start" } : { x: round(-w / 2 - 4), "text-anchor": "end" };
  return h("text", { class: "body halo", y: 4, ...at }, mark.text);
}

/** @param {DrawnMark} mark */
const drawBadge = (mark) =>
  h(
    "g",
    handles(mark, cls("message badge", hue(mark.hue), isOver(mark.state) && "dead", mark.covered && "covered"), { transform: moveTo(mark) }),
    h("rect", { class: "paper", x: round(-badgeWidth(mark) / 2), y: -7, width: round(badgeWidth(mark)), height: 14, rx: 7 }),
    h("text", { class: "number" }, mark.label),
  );

/** @param {Mark} mark */
const badgeWidth = ({ label }) => Math.max(14, label.length * MARK_LETTER + 6);

/** What has no place: "+n"; in a line it stands in one cell, squeezed if it has to be. @param {View} view @param {Mark} mark */
export function drawMore(view, mark) {
  const room = view.scene.geometry.cell_w - 2;
  const isWide = (mark.state === "ready" || mark.state === "unacked") && mark.label.length * MARK_LETTER > room;
  const squeezed = isWide ? squeezedTo(room) : {};
  const text = h("text", { x: round(mark.x), y: round(mark.y + 4), ...squeezed }, mark.label);
  return h("g", handles(mark, cls("more", mark.state)), text);
}

/** How broad the capsule of a signal is. @param {string} label */
export const signalWidth = (label) => Math.max(18, Math.floor((label.length * 66) / 10) + 10);

/** An acknowledgement, a refusal or a confirm on its way. @param {View} view @param {DrawnMark} mark */
export function drawSignal(view, mark) {
  const w = signalWidth(mark.label);
  const bad = /nack|reject|refus/.test(mark.signal);
  return h(
    "g",
    handles(mark, cls("signal", bad ? "bad" : "good", mark.signal, isOver(mark.state) && "lost"), {
      transform: moveTo(mark),
    }),
    h("rect", { x: round(-w / 2), y: -8, width: round(w), height: 16, rx: 8 }),
    h("text", {}, mark.label),
    isOver(mark.state) && h("path", { class: "cross small", d: cross(w / 2, -8, 3.5) }),
  );
}

/** A reader of a stream: a pointer under the message that it was handed last. Its name stands below the queue's numbers,
 * two in a line if that is long enough, and stays there while the pointer moves. @param {View} view @param {DrawnMark} mark */
export function drawCursor(view, mark) {
  const { node, row, covered } = mark;
  const { left, line, room } = placeOfName(view, mark);
  const x = round(left - mark.x);
  const y = node.more.y + 16 + 14 * line - mark.y;
  const name = asMuchAsFits(mark.label, room);
  return h(
    "g",
    handles(mark, cls("cursor", covered && "hidden", row % 2 && "second"), { transform: moveTo(mark) }),
    !covered && h("path", { d: "M-5 8l5 -8l5 8z" }),
    h("path", { d: `M${x} ${y}l5 -8l5 8z` }),
    h("text", { class: "quiet halo", x: x + SIGN, y }, ...name),
  );
}

/** Where the name of a reader stands below its stream: each in half of the queue's width, or, where it needs more and nothing
 * is beside the queue, as wide as it is. @param {View} view @param {DrawnMark} mark */
function placeOfName({ layout }, { node, row, label, names = [label] }) {
  const columns = node.w < BOTH_NAMES ? 1 : 2;
  const line = Math.floor(row / columns);
  const mates = names.slice(line * columns, (line + 1) * columns);
  const half = node.w / columns;
  const most = node.w + 2 * freeBeside(layout, node);
  const size = [LARGE_REASON, REASON_SIZE].find((one) => sum(widthsOf(mates, one)) <= most);
  const isClose = size && widthsOf(mates, size).some((one) => one > half);
  const wants = widthsOf(mates, size ?? REASON_SIZE);
  const start = node.x - (isClose ? Math.max(sum(wants), node.w) : node.w) / 2;
  const i = row % columns;
  const left = start + (isClose && i ? wants[0] : i * half);
  return { line, left, room: (isClose ? wants[i] : half) - SIGN - 2 };
}

/** How wide names are with their signs. @param {string[]} names @param {number} size */
const widthsOf = (names, size) => names.map((name) => SIGN + widthOf(name, size) + SIGN / 2);
/** @param {number[]} list */
const sum = (list) => list.reduce((all, one) => all + one, 0);

/** How far the words of a node may go on beyond it, up to its neighbours' and the broker's wall.
 * @param {any} layout @param {any} node */
function freeBeside(layout, node) {
  if (!layout) return 0;
  const { x, w } = layout.broker;
  const walls = [node.x - node.w / 2 - x, x + w - node.x - node.w / 2];
  const inRow = Object.values(layout.nodes).filter((other) => other !== node && Math.abs(other.y - node.y) < SAME_ROW);
  const gaps = inRow.map((other) => (Math.abs(other.x - node.x) - (other.w + node.w) / 2) / 2);
  return Math.max(0, Math.min(...walls, ...gaps) - 4);
}

/** What a transaction holds back. @param {View} view @param {DrawnMark} mark */
export const drawTray = (view, mark) => {
  const g = view.scene.geometry;
  const shown = Math.min(mark.count, g.dock_shown);
  const height = (shown + (mark.answer ? 1 : 0)) * g.dock + 16;
  const broad = signalWidth(mark.answer ?? "");
  const frame = { x: round(mark.x - 16), y: round(mark.y + 12 - height), width: 32, height: round(height), rx: 5 };
  return h(
    "g",
    handles(mark, "tray"),
    h("rect", frame),
    h("text", { class: "quiet mid", x: round(mark.x), y: round(frame.y + 12) }, mark.count > shown ? `tx ${mark.count}` : "tx"),
    mark.answer && [
      h("rect", { class: "answer", x: round(mark.x - broad / 2), y: round(mark.y - shown * g.dock - 8), width: round(broad), height: 16, rx: 8 }),
      h("text", { class: "answer mid", x: round(mark.x), y: round(mark.y - shown * g.dock + 4) }, mark.answer),
    ],
  );
};

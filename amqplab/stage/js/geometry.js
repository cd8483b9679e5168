// Geometry: where things are, from a place in the layout and a number.
//
// Theory
// ------
// Python chose the places (layout.py) and the sizes (geometry.py, `scene.geometry`, here always `g`); here are the
// rules that turn a place and a number into a point: the lane of a channel, the cell of a queued message, the
// slot in a consumer's hand, a point on an edge's curve. "Wide" runs from left to right, "tall" is the same with
// the axes swapped.
//
// Every function is pure, and none knows what time it is.

import { round, widthOf } from "./text.js";

/** Sizes for scenes that bring none. */
export const SIZES = {
  ...{ message_w: 21, message_h: 16, chip: 18, chip_w: 15, chip_h: 13, frames_shown: 7 },
  ...{ lane: 16, tube_gap: 8, max_lanes: 6, mouth: 12, link_shown: 4 },
  ...{ cell: 24, cell_w: 22, cell_h: 28, cell_margin: 12 },
  ...{ slot: 22, most_slots: 5, hand_row: 22, strip_row: 34, strip_chip: 20, strip_shown: 4, rows_shown: 6 },
  ...{ dock: 24, dock_shown: 3, capsule_h: 18, capsule_pad: 7, capsule_most: 118 },
  ...{ gutter: 56, lost_left: 140, lost_pitch: 172 },
};

const AROUND_REASON = 14;
const BEFORE_REST = 34;

export const xy = ({ x, y }) => ({ x, y });

export const between = (low, x, high) => Math.max(low, Math.min(high, x));

// --- pipes ---

/** A pipe along its own direction: {start, length, axis, breadth of one tube, ahead: +1 or -1 towards the server}. */
export function pipeSpan(g, pipe, wide) {
  const [from, to, axis] = wide ? [pipe.x0, pipe.x1, pipe.y0] : [pipe.y0, pipe.y1, pipe.x0];
  return {
    start: Math.min(from, to),
    length: Math.abs(to - from),
    axis,
    breadth: pipe.lanes.length * g.lane,
    ahead: Math.sign(to - from),
  };
}

/** The across-coordinate of a tube's middle; `up` is towards the server. */
export const tubeMiddle = (g, span, up) => span.axis + (up ? -1 : 1) * (g.tube_gap / 2 + span.breadth / 2);

/** The across-coordinate of a tube's outer edge. */
export const tubeEdge = (g, span, up) => span.axis + (up ? -1 : 1) * (g.tube_gap / 2 + span.breadth);

/** A rectangle given along and across the journey. */
export const box = (wide, along, across, length, breadth) =>
  wide
    ? { x: along, y: across, width: length, height: breadth }
    : { x: across, y: along, width: breadth, height: length };

/** A point given along and across the journey. */
export const point = (wide, along, across) => (wide ? { x: along, y: across } : { x: across, y: along });

/** Where channel `channel`'s lane is, at progress `p` (0..1 in the direction of travel) along a pipe. */
export function lanePoint(g, pipe, wide, up, channel, p, margin = 0) {
  const { length, ahead, axis } = pipeSpan(g, pipe, wide);
  const from = wide ? pipe.x0 : pipe.y0;
  const along = from + ahead * (margin + (length - 2 * margin) * (up ? p : 1 - p));
  const lanes = pipe.lanes.length;
  const found = pipe.lanes.indexOf(channel);
  const index = found < 0 ? lanes - 1 : found;
  const half = g.tube_gap / 2;
  const across = axis + (up ? -(half + (lanes - index - 0.5) * g.lane) : half + (index + 0.5) * g.lane);
  return point(wide, along, across);
}

/** The same place, as near to its lane as something of such a width is whole in its tube; an upright tube is narrow. */
export function insideTube(g, pipe, wide, up, at, width) {
  if (wide) return at;
  const span = pipeSpan(g, pipe, wide);
  const [middle, reach] = [tubeMiddle(g, span, up), Math.max(0, (span.breadth - width) / 2 - 1)];
  return { ...at, x: between(middle - reach, at.x, middle + reach) };
}

// --- queues ---

/** How many places a queue's row has. */
export const roomOf = (g, node) => node.cells || Math.max(1, Math.floor((node.w - g.cell_margin) / g.cell));

/** The i-th place of a queue, counted from its head, which is at the right. */
export const cellPoint = (g, node, i) => ({
  x: node.x + ((roomOf(g, node) - 1) * g.cell) / 2 - i * g.cell,
  y: node.y,
});

/**
 * What stands in the places of a queue, from its head: Unacked first, for the queue still owns them, then Ready.
 * What has no place is counted where it would be, in a place of its own; of a long ready line the tail is shown.
 * @returns {{line: "unacked" | "ready", message: number | null, more: number}[]}
 */
export function cellsOf(queue, room) {
  const { unacked_count: u, ready_count: r } = queue;
  const forUnacked = r ? between(Math.min(u, Math.floor((room * 3) / 7)), room - r, u) : Math.min(u, room);
  const ghosts = lineCells("unacked", queue.unacked, u, Math.min(forUnacked, room), null);
  return [...ghosts, ...lineCells("ready", queue.ready, r, room - ghosts.length, queue.ready_last ?? null)];
}

function lineCells(line, shown, count, room, last) {
  const one = (message) => ({ line, message, more: 0 });
  if (count <= room && count <= shown.length) return shown.slice(0, count).map(one);
  if (!room) return [];
  const tail = last !== null && room > 2 ? [one(last)] : [];
  const head = shown.slice(0, Math.max(0, room - 1 - tail.length)).map(one);
  return [...head, { line, message: null, more: count - head.length - tail.length }, ...tail];
}

/** The cell of what is only counted, or is not there: a search that finds nothing says the same. */
export const HIDDEN = -1;

/** Half a cell before the message that has so many before it in its queue, if one can see where that is.
 * @param {{message: number | null, more: number}[]} cells @param {number} many */
export function beforeCell(cells, many) {
  let passed = 0;
  for (let i = 0; i < cells.length; i++) {
    if (passed === many) return i - 0.5;
    passed += cells[i].message === null ? cells[i].more : 1;
  }
  return passed <= many ? cells.length - 0.5 : HIDDEN;
}

// --- clients ---

/** A hand: how many slots are drawn, and how many more it has. `limit` 0 is none. */
export function handOf(g, limit, held) {
  const wanted = Math.max(limit, held, 1);
  const slots = wanted <= g.most_slots ? wanted : g.most_slots - 1;
  return { slots, more: wanted - slots };
}

/** Slot `i` of a hand, or for i = hand.slots where "+n" stands. In a row that is centred a long hand makes room for
 * what is written behind it. */
export function slotPoint(g, row, i, { slots, more }) {
  const count = slots + (more ? 1 : 0);
  const aside = row.anchor === "middle" && count > 2 && count < g.most_slots ? g.slot / 2 : 0;
  return { x: rowStart(row, count, g.slot) - aside + i * g.slot, y: row.y };
}

/** Where it is written how many messages a consumer has done with: behind its hand; at the left of one that runs to
 * the left. */
export function hadPoint(g, row, hand) {
  const count = hand.slots + (hand.more ? 1 : 0);
  if (row.anchor === "end") return { x: slotPoint(g, row, 0, hand).x - 14, y: row.y + 4 };
  return { x: slotPoint(g, row, count - 1, hand).x + 14, y: row.y + 4 };
}

/** A number of a strip of confirms; its words stand above. */
export const stripPoint = (g, row, i, shown) => ({
  x: rowStart(row, shown, g.strip_chip) + i * g.strip_chip,
  y: row.y + 15,
});

/** The middle of the first of `count` things in a row. */
function rowStart({ x, anchor }, count, pitch) {
  if (anchor === "middle") return x - ((count - 1) * pitch) / 2;
  return anchor === "start" ? x + pitch / 2 : x - pitch / 2 - (count - 1) * pitch;
}

/** Where a message stands that is with its program. */
export const trayPoint = (g, app, i) => stacked(g, app.tray ?? app, i);

/** Inside the server's wall, where what has just come in stands: one above the other. */
export const dockPoint = (g, pipe, i) => stacked(g, pipe.dock ?? { x: pipe.x1, y: pipe.y1 }, i);

/** Where a message stands that leaves its queue and is nowhere else yet: above the queue's head, where no edge goes. */
export const leavingPoint = (g, node, i) => ({
  x: node.x + node.w / 2 - g.cell / 2 - g.cell * Math.min(i, g.dock_shown - 1),
  y: node.y - node.h / 2 - g.message_h / 2 - 4,
});

const stacked = (g, { x, y }, i) => ({ x, y: y - g.dock * Math.min(i, g.dock_shown - 1) });

/** On an exchange, for one of several messages: one below the other. */
export function nodePoint(g, node, i, of) {
  const shown = Math.min(of, g.dock_shown);
  return { x: node.x, y: node.y + (2 * Math.min(i, shown - 1) - (shown - 1)) * 9 };
}

// --- lost and returned ---

export const gutterRoom = (g, { gutter }) =>
  Math.max(1, Math.floor((gutter.w - g.lost_left) / g.lost_pitch));

/** The places of so many in the gutter, {x, y, room}: as far apart as always; where a reason needs more than that and there is
 * room for all, each as wide as it is, at the size of large letters if that may be. */
export function lostPlaces(g, { gutter }, reasons, hidden) {
  const whole = gutter.w - g.lost_left - (hidden ? BEFORE_REST : 0);
  const needs = (size) => reasons.map((reason) => g.message_w + 2 * AROUND_REASON + widthOf(reason, size));
  const ways = [16, 11].flatMap((size) => [needs(size).map((one) => Math.max(one, g.lost_pitch)), needs(size)]);
  const even = reasons.map(() => g.lost_pitch);
  const isRoomy = needs(16).every((one) => one <= g.lost_pitch);
  const pitches = (!isRoomy && ways.find((way) => way.reduce((sum, one) => sum + one, 0) <= whole)) || even;
  let x = 0;
  return pitches.map((pitch, i) => {
    const place = { x: round(gutter.x + g.lost_left + x), y: gutter.y + gutter.h / 2, room: round(pitch - g.message_w) };
    if (i + 1 === pitches.length) place.room = round(whole - x - g.message_w);
    x += pitch;
    return place;
  });
}

// --- curves ---

/** A point of a cubic Bezier given as eight numbers. */
export function onCurve([x0, y0, x1, y1, x2, y2, x3, y3], t) {
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * x0 + b * x1 + c * x2 + d * x3, y: a * y0 + b * y1 + c * y2 + d * y3 };
}

/** From 0 to 1, starting and ending gently. */
export const smooth = (t) => t * t * (3 - 2 * t);

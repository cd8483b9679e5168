// Geometry: where things are and where a moving thing is between them.
//
// Theory
// ------
// Python chose the places (layout.py); here are the rules that turn a place and a number into a point: the lane
// of a channel, the cell of a queued message, the slot in a consumer's hand, a point on an edge's curve. The
// constants are layout.py's. "Wide" runs from left to right, "tall" is the same with the axes swapped.
//
// Every function is pure, and none knows what time it is.

export const LANE = 16;
export const GAP = 8;
export const CHIP = 18;
const CELL = 24;
const SLOT = 22;
const MOST_SLOTS = 5;
const LOST_LEFT = 140;
const LOST_PITCH = 172;

export const xy = ({ x, y }) => ({ x, y });

/** A pipe along its own direction: {start, length, axis, breadth of one tube, ahead: +1 or -1 towards the broker}. */
export function pipeSpan(pipe, wide) {
  const [from, to, axis] = wide ? [pipe.x0, pipe.x1, pipe.y0] : [pipe.y0, pipe.y1, pipe.x0];
  return {
    start: Math.min(from, to),
    length: Math.abs(to - from),
    axis,
    breadth: pipe.lanes.length * LANE,
    ahead: Math.sign(to - from),
  };
}

/** The across-coordinate of a tube's middle; `up` is towards the broker. */
export const tubeMiddle = (span, up) => span.axis + (up ? -1 : 1) * (GAP / 2 + span.breadth / 2);

/** A rectangle given along and across the journey. */
export const box = (wide, along, across, length, breadth) =>
  wide
    ? { x: along, y: across, width: length, height: breadth }
    : { x: across, y: along, width: breadth, height: length };

/** Where channel `channel`'s lane is, at progress `p` (0..1 in the direction of travel) along a pipe. */
export function lanePoint(pipe, wide, up, channel, p, margin = 0) {
  const { length, ahead, axis } = pipeSpan(pipe, wide);
  const from = wide ? pipe.x0 : pipe.y0;
  const along = from + ahead * (margin + (length - 2 * margin) * (up ? p : 1 - p));
  const lanes = pipe.lanes.length;
  const found = pipe.lanes.indexOf(channel);
  const index = found < 0 ? lanes - 1 : found;
  const across = axis + (up ? -(GAP / 2 + (lanes - index - 0.5) * LANE) : GAP / 2 + (index + 0.5) * LANE);
  return wide ? { x: along, y: across } : { x: across, y: along };
}

/** The place of the i-th message of a queue, counted from its head; `room` is how many places there are. */
export function cellPoint(node, i) {
  const room = Math.max(1, Math.floor((node.w - 12) / CELL));
  return { x: node.x + ((room - 1) * CELL) / 2 - Math.min(i, room - 1) * CELL, y: node.y, room };
}

/** A consumer's hand: how many slots are shown, and how many more there would be. */
export function handOf(consumer) {
  const wanted = consumer.prefetch || Math.max(1, consumer.holding_count);
  const slots = wanted <= MOST_SLOTS ? wanted : MOST_SLOTS - 1;
  return { slots, more: wanted - slots };
}

/** Slot `i` of an application's `row`-th hand, under its name. */
export function slotPoint(app, row, i, { slots, more }) {
  const left = app.x - ((slots - 1) * SLOT) / 2 - (more ? SLOT / 2 : 0);
  return { x: left + Math.min(i, slots - 1) * SLOT, y: app.y + 56 + row * SLOT };
}

/** The i-th place in the gutter; `room` is how many there are. */
export function lostPoint({ gutter }, i) {
  const room = Math.max(1, Math.floor((gutter.w - LOST_LEFT) / LOST_PITCH));
  return {
    x: gutter.x + LOST_LEFT + Math.min(i, room - 1) * LOST_PITCH,
    y: gutter.y + gutter.h / 2,
    room,
  };
}

/** A point of a cubic Bezier given as eight numbers. */
export function onCurve([x0, y0, x1, y1, x2, y2, x3, y3], t) {
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * x0 + b * x1 + c * x2 + d * x3, y: a * y0 + b * y1 + c * y2 + d * y3 };
}

const smooth = (t) => t * t * (3 - 2 * t);

/** The place at `time` of something that passes `stops` [{time, x, y, curve?, linear?}], sorted by time; `leg`
 * is the number of the stop passed last. `curve` are the Beziers on which a stop is reached. */
export function alongStops(stops, time) {
  let k = 0;
  while (k + 1 < stops.length && stops[k + 1].time <= time) k++;
  const [a, b] = [stops[k], stops[k + 1]];
  if (!b || time <= a.time) return { x: a.x, y: a.y, leg: k };
  const t = (time - a.time) / (b.time - a.time);
  if (b.curve) {
    const s = smooth(t) * b.curve.length;
    const i = Math.min(b.curve.length - 1, Math.floor(s));
    return { ...onCurve(b.curve[i], s - i), leg: k };
  }
  const s = b.linear ? t : smooth(t);
  return { x: a.x + (b.x - a.x) * s, y: a.y + (b.y - a.y) * s, leg: k };
}

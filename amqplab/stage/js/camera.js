// The camera: how the picture fits into the room that is left for it.
//
// Theory
// ------
// A layout has one size, a page has many. Three things give, in this order: the gaps between the things (pipes and
// edges may be short, a queue may not), the scale, and last the view: what does not fit in a readable size is shown
// as small as it can be read, and followed to where something happens. That is where the marks are of which the step
// speaks, the strip of lost messages included; of several places, as many as fit, the messages' first. All of it is a
// pure function of layout, room, wish and marks.
//
//     squeezed(layout, length)         the same layout with shorter gaps along the journey
//     setting(layouts, room)           which layout, squeezed how far, at which scale
//     lens(setting, room, look, …)     the part of the layout that is seen: the svg's viewBox

import { lastAtMost } from "./lifetimes.js";

export const READABLE = 0.78;
/** So small may a picture be, if only all of it is seen. */
export const SMALLEST_WHOLE = 0.66;
/** At a smaller scale the least letters are larger than the layout has room for. */
export const ROOMY = 0.9;
/** Then what is written beside the last hands needs more room than they have there. */
const BESIDE_HANDS = 16;
const LARGEST_SCALE = 1.45;
const CLOSEST = 4;
const LOOK_BACK_FOR_PLACE = 200;
const MOST_POINTS = 12;
const IN_SIGHT = { x: 60, y: 34 };
const SHORTEST_GAP = 26;
const LABEL_HEIGHT = 17;
const SHORTEST_PIPE = { x: 92, y: 58 };
const SHORTEST_QUEUE = 150;
const TITLE = 32;
const REACH = {
  app: { x: [48, 48], y: [44, 44] },
  exchange: { x: [66, 44], y: [40, 40] },
  queue: { x: [10, 14], y: [32, 40] },
};

const clamp = (low, value, high) => Math.max(low, Math.min(high, value));

/** The extents along `axis` of what must keep its size, joined where they meet: [{from, to, least}, …]. */
function rigidParts(layout, axis) {
  const parts = Object.values(layout.apps).map((app) => extent("app", app[axis], axis));
  for (const { kind, w, [axis]: at } of Object.values(layout.nodes))
    parts.push(extent(kind, at, axis, kind === "queue" && axis === "x" ? w : 0));
  if (axis === "y") for (const { y } of Object.values(layout.servers)) parts.push({ from: y, to: y + TITLE, least: TITLE });
  parts.sort((a, b) => a.from - b.from);
  const joined = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (!last || part.from > last.to) joined.push(part);
    else Object.assign(last, { to: Math.max(last.to, part.to), least: Math.max(last.least, part.least) });
  }
  return joined;
}

function extent(kind, at, axis, size = 0) {
  const [before, after] = REACH[kind][axis];
  const [from, to] = [at - size / 2 - before, at + size / 2 + after];
  return { from, to, least: Math.min(to - from, to - from - size + SHORTEST_QUEUE) };
}

/** The least length of the gap [from, to]: room for a pipe, or for the widest label of the edges in it; and labels that stand
 * beside or above each other still do so. */
function leastGap(layout, axis, from, to) {
  let least = SHORTEST_GAP;
  for (const pipe of Object.values(layout.pipes)) {
    const middle = (pipe[`${axis}0`] + pipe[`${axis}1`]) / 2;
    if (from <= middle && middle <= to) least = Math.max(least, SHORTEST_PIPE[axis] + 20);
  }
  const lines = [...Object.values(layout.edges), ...Object.values(layout.policies ?? {})];
  const labels = lines.filter(({ at }) => at && at[axis === "x" ? 0 : 1] >= from && at[axis === "x" ? 0 : 1] <= to);
  for (const { w } of labels) least = Math.max(least, axis === "x" ? w + 30 : 44);
  for (const [i, a] of labels.entries())
    for (const b of labels.slice(i + 1)) least = Math.max(least, (to - from) * shareKept(axis, a, b));
  return Math.min(least, to - from);
}

/** How much of the distance of two labels must be kept, or one would lie on the other: 0..1. */
function shareKept(axis, a, b) {
  const [dx, dy] = [Math.abs(a.at[0] - b.at[0]), Math.abs(a.at[1] - b.at[1])];
  const wide = (a.w + b.w) / 2;
  if (axis === "x") return dy < LABEL_HEIGHT && dx >= wide ? wide / dx : 0;
  return dx < wide && dy >= LABEL_HEIGHT ? LABEL_HEIGHT / dy : 0;
}

/** A map of the old coordinates to the new ones: [[old, new], …]. It takes out of the gaps what they give, up to
 * `wished`; and out of the queues what is missing to `needed`. */
function shortening(layout, axis, size, wished, needed) {
  const pieces = [];
  let end = null;
  for (const { from, to, least } of rigidParts(layout, axis)) {
    if (end !== null) pieces.push({ from: end, to: from, gives: from - end - leastGap(layout, axis, end, from), gap: true });
    pieces.push({ from, to, gives: to - from - least, gap: false });
    end = to;
  }
  const sum = (isGap) => pieces.reduce((all, { gives, gap }) => all + (gap === isGap ? gives : 0), 0);
  const share = (wanted, given) => (given > 0 ? Math.max(0, Math.min(1, wanted / given)) : 0);
  const ofGaps = share(wished, sum(true));
  const ofQueues = share(needed - sum(true), sum(false));
  const points = [[0, 0]];
  let taken = 0;
  for (const { from, to, gives, gap } of pieces) {
    points.push([from, from - taken]);
    taken += gives * (gap ? ofGaps : ofQueues);
    points.push([to, to - taken]);
  }
  points.push([size, size - taken]);
  return points;
}

/** The new place of an old coordinate: linear between the points. */
function moved(points, at) {
  const k = clamp(0, lastAtMost(points.map(([old]) => old), at), points.length - 2);
  const [[a, x], [b, y]] = [points[k], points[k + 1]];
  return b > a ? Math.round(x + ((y - x) * (at - a)) / (b - a)) : x;
}

/** The same layout with its gaps along the journey shortened until it is `wished` long, or nothing gives; and its
 * queues, if it must be, until it is `needed` long. */
export function squeezed(layout, wished, needed = wished) {
  const [axis, side, along] = layout.orientation === "wide" ? ["x", "w", "width"] : ["y", "h", "height"];
  const size = layout[along];
  if (size <= wished) return layout;
  const points = shortening(layout, axis, size, size - wished, size - needed);
  const carry = carrier(axis, side, (at) => moved(points, at));
  return { ...carry(layout), [along]: moved(points, size) };
}

const CURVES = new Set(["curve", "lead", "at"]);
const CELL_WIDTH = 24;
const CELL_MARGIN = 12;

/** A function that gives a part of a layout its new places. Boxes and queues are carried by both their ends, an
 * application or an exchange as a whole, everything else point by point. */
function carrier(axis, side, move) {
  const odd = axis === "x" ? 0 : 1;
  const rest = (thing, to) => {
    const next = {};
    for (const [name, value] of Object.entries(thing)) next[name] = carry(value, name, to);
    for (const place of [axis, `${axis}0`, `${axis}1`])
      if (typeof thing[place] === "number") next[place] = to(thing[place]);
    return next;
  };
  const carry = (thing, name, to = move) => {
    if (Array.isArray(thing)) {
      if (CURVES.has(name)) return thing.map((value, i) => (i % 2 === odd ? to(value) : value));
      return thing;
    }
    if (thing === null || typeof thing !== "object") return thing;
    const isWhole = thing.kind === "exchange" || (thing.side !== undefined && typeof thing.x === "number");
    if (isWhole) {
      const by = move(thing[axis]) - thing[axis];
      return rest(thing, (at) => at + by);
    }
    const next = rest(thing, to);
    if (thing.dock) next.dock[axis] = next[`${axis}1`] + thing.dock[axis] - thing[`${axis}1`]; // inside the wall, as wide as it is
    if (thing.kind === "queue") return axis === "x" ? narrowed(thing, next, move) : next;
    const isBox = typeof thing[side] === "number" && typeof thing[axis] === "number";
    if (isBox) next[side] = move(thing[axis] + thing[side]) - next[axis];
    return next;
  };
  return carry;
}

/** A queue between its two ends' new places, with as many cells as have room. */
function narrowed(queue, next, move) {
  const w = move(queue.x + queue.w / 2) - move(queue.x - queue.w / 2);
  return { ...next, w, cells: Math.max(1, Math.floor((w - CELL_MARGIN) / CELL_WIDTH)) };
}

const scaleIn = ({ width, height }, room) => Math.min(LARGEST_SCALE, room.width / width, room.height / height);

/** The layout that shows most in `room`, squeezed as far as that helps, and its scale. */
export function setting(layouts, room) {
  const options = ["wide", "tall"].map((name) => {
    const whole = layouts[name];
    const [along, across] = name === "wide" ? ["width", "height"] : ["height", "width"];
    const scale = clamp(READABLE, room[across] / whole[across], 1);
    const fitted = squeezed(whole, Math.floor(room[along] / scale), Math.floor(room[along] / READABLE));
    const layout = name === "wide" && scaleIn(fitted, room) < ROOMY ? { ...fitted, width: Math.min(whole.width, fitted.width + BESIDE_HANDS) } : fitted;
    return { orientation: name, layout, whole: scaleIn(layout, room) };
  });
  const [wide, tall] = options;
  const isOnlyWhole = wide.whole >= SMALLEST_WHOLE && tall.whole < SMALLEST_WHOLE;
  const best = isOnlyWhole || wide.whole >= Math.min(READABLE, tall.whole * 1.1) ? wide : tall;
  return { ...best, scale: best.whole >= SMALLEST_WHOLE ? best.whole : READABLE };
}

/** How high a picture would like to be at this width of room. */
export function wishedHeight(layouts, width) {
  const { layout } = setting(layouts, { width, height: Infinity });
  return Math.round(layout.height * clamp(READABLE, width / layout.width, LARGEST_SCALE));
}

/** Where along one axis the view may begin: at a few places only, so that it seldom moves. */
function stopsOf(size, seen) {
  const excess = size - seen;
  if (excess <= 0) return [excess / 2];
  const many = Math.ceil(excess / (seen * 0.45)) + 1;
  return Array.from({ length: many }, (_, i) => (excess * i) / (many - 1));
}

/** The place to begin from which most of the points are well in sight, the first ones above all; of several such
 * places the one in whose middle the first point is. */
function bestStop({ width, height }, seen, points) {
  let best = null;
  for (const x of stopsOf(width, seen.width))
    for (const y of stopsOf(height, seen.height)) {
      const isIn = (point) =>
        isWithin(point.x, x, seen.width, width, IN_SIGHT.x) && isWithin(point.y, y, seen.height, height, IN_SIGHT.y);
      const off = Math.hypot(points[0].x - x - seen.width / 2, points[0].y - y - seen.height / 2);
      const worth = points.reduce((sum, point, i) => sum + (isIn(point) ? 1 / 2 ** i : 0), 0);
      const found = { x, y, worth, off };
      if (!best || found.worth > best.worth || (found.worth === best.worth && found.off < best.off)) best = found;
    }
  return best;
}

/** Whether a place is in sight with what stands around it; at the layout's own edge there is nothing around. */
const isWithin = (at, from, seen, size, around) =>
  at - Math.min(around, at) >= from - 1 && at + Math.min(around, Math.max(0, size - at)) <= from + seen + 1;

/** The part of the layout that is seen: {x, y, width, height, scale}. `look` is null (follow `points`), "all", or a
 * place and a scale that somebody chose. */
export function lens({ layout, scale, whole }, room, look, points = []) {
  const chosen = look === "all" ? whole : (look?.scale ?? scale);
  const [width, height] = [room.width / chosen, room.height / chosen];
  if (look?.x === undefined) {
    const middle = { x: layout.width / 2, y: layout.height / 2 };
    const { x, y } = bestStop(layout, { width, height }, points.length ? points : [middle]);
    return { x, y, width, height, scale: chosen };
  }
  const place = (size, seen, at) => (size <= seen ? (size - seen) / 2 : clamp(0, at - seen / 2, size - seen));
  return { x: place(layout.width, width, look.x), y: place(layout.height, height, look.y), width, height, scale: chosen };
}

/** A closer or wider look: `factor` times the scale, with `point` staying where it is. */
export function closer(seen, { layout, whole }, factor, point) {
  const scale = clamp(Math.min(whole, READABLE), seen.scale * factor, CLOSEST);
  const kept = seen.scale / scale;
  const at = point ?? { x: seen.x + seen.width / 2, y: seen.y + seen.height / 2 };
  const x = at.x + (seen.x + seen.width / 2 - at.x) * kept;
  const y = at.y + (seen.y + seen.height / 2 - at.y) * kept;
  return { scale, x: clamp(0, x, layout.width), y: clamp(0, y, layout.height) };
}

/** A look moved by a share of what is seen. */
export const shifted = (seen, { layout }, dx, dy) => ({
  scale: seen.scale,
  x: clamp(0, seen.x + seen.width / 2 + dx * seen.width, layout.width),
  y: clamp(0, seen.y + seen.height / 2 + dy * seen.height, layout.height),
});

/** The place of a thing of the picture, by its key in the state; null if it has none. */
export function placeOf(layout, key) {
  const node = layout.nodes[key];
  if (node) return { x: node.x, y: node.y };
  const [kind, ...names] = key.split("/").map((part) => part.replaceAll("%2F", "/").replaceAll("%25", "%"));
  if (kind === "host" && layout.apps[names[0]]) return layout.apps[names[0]];
  const edge = layout.edges[key];
  if (edge) return { x: edge.curve[6], y: edge.curve[7] };
  const pipe = layout.pipes[names[0]];
  if (!pipe) return null;
  if (kind === "consumer" || kind === "confirm") return layout.apps[pipe.app] ?? null;
  return { x: (pipe.x0 + pipe.x1) / 2, y: (pipe.y0 + pipe.y1) / 2 };
}

/** Where something happens at this step, what matters most first: messages of which it speaks, those that ended above
 * all, then other things; if none of these has a place, where something happened last. */
export function pointsOf(view, marks) {
  const spoken = marks.filter((mark) => mark.subject && mark.kind !== "binding");
  spoken.sort((a, b) => rankOf(a) - rankOf(b));
  const points = spoken.slice(0, MOST_POINTS).map(({ x, y }) => ({ x, y }));
  return points.length ? points : [pointOf(view)];
}

const rankOf = ({ kind, place }) => {
  if (kind === "server") return 4; // almost everything happens at the broker, and it is large
  if (kind !== "message") return 3;
  if (place === "lost" || place === "returned") return 0;
  return place.endsWith(":ghost") ? 2 : 1;
};

function pointOf({ scene, seq, layout, subject }) {
  for (let at = seq; at >= 0 && at > seq - LOOK_BACK_FOR_PLACE; at--) {
    const keys = [...(at === seq ? (subject?.keys ?? []) : []), ...scene.patches[at].map(([key]) => key)];
    for (const key of keys) {
      const place = placeOf(layout, key);
      if (place) return place;
    }
  }
  return { x: 0, y: 0 };
}

// Legs: every way that something took across a link, and how that way ended.
//
// Theory
// ------
// A segment goes once. A frame goes as often as a segment carries its last byte: the first may be lost and the
// third arrive. Each of these is a *leg* with an outcome, and a leg is drawn as far as it came:
//
//     arrived      at the other end, and taken there
//     unread       at the other end's TCP, but its program never took it
//     discarded    at the other end's TCP, which had no use for it: it came twice
//     refused      at the other end's TCP, where nobody takes it any more
//     lost         half way, with the reason
//     cut off      still under way when the recording ends: an open end
//     waiting      never left
//     sent         left over a real socket, whose other end is not ours to see
//
// Only the first has the head of an arrow. Nothing arrives that did not arrive.

import { lastAtMost } from "./lifetimes.js";
import { lostAt, progressOf } from "./ride.js";

/** @typedef {{from: number, left: number, to: number, outcome: string, reason: string, again: boolean, share: number, p: number, read: number | null, came: number, over: number}} Leg
 * `from` and `to` are records, `left` is the one with which it left for the wire, after waiting for that; `share` is how much
 * of the time is transmission, `p` how far it comes, 0..1; `read` is the record at which it is read, if it has waited for that;
 * `came` the one with which all of it is there, and `over` the one that tells how it ended: what is thrown away has arrived before.
 */

const MOST_WAY = 0.9;

/** @param {number} from @param {number} to @param {string} outcome @param {Partial<Leg>} [more] @returns {Leg} */
const leg = (from, to, outcome, more = {}) => ({
  ...{ from, left: from, to, outcome, reason: "", again: false, share: 0, p: 1, read: null, came: to, over: to },
  ...more,
});

/** The legs of a segment, a frame or a command; made when somebody asks, and kept.
 * @param {Scene} scene @param {Segment | Frame | Command} item @returns {Leg[]} */
export function waysOf(scene, item) {
  scene.legs ??= new WeakMap();
  let found = scene.legs.get(item);
  if (!found) {
    found = "departs" in item ? [legOfSegment(scene, item)] : legsOfUnit(scene, item);
    scene.legs.set(item, found);
  }
  return found;
}

/** @param {Scene} scene @param {Segment} s */
function legOfSegment(scene, s) {
  const more = { again: s.again, share: transmissionOf(scene, s) };
  if (s.lost_seq !== null) return leg(s.sent, s.lost_seq, "lost", { ...more, reason: s.lost || "lost", p: lostAt(s) });
  if (s.arrived === null) return cutOff(scene, s, s.sent, more);
  const outcome = !s.discarded ? "arrived" : s.refused !== null ? "refused" : "discarded";
  return leg(s.sent, s.arrived, outcome, { ...more, reason: s.discarded, over: s.discarded_seq ?? s.arrived });
}

/** @param {Scene} scene @param {Segment} s @param {number} from @param {Partial<Leg>} more */
const cutOff = (scene, s, from, more) => {
  const p = Math.min(MOST_WAY, progressOf(s, scene.timeOf(scene.n - 1)));
  return leg(from, scene.n - 1, "cut off", { ...more, p, reason: "still under way when the recording ends" });
};

/** A frame goes with its last byte, a command with its last frame. @param {Scene} scene @param {Frame | Command} item */
function legsOfUnit(scene, item) {
  const frame = "frames" in item ? scene.frames[item.frames[item.frames.length - 1]] : item;
  const { sent: begin, received } = item;
  const carriers = scene.lastCarriers(frame).filter((s) => received === null || s.sent < received);
  if (!carriers.length) return [withoutCarrier(scene, item, begin, received)];
  const brought = carriers.find(hasArrived);
  /** @type {Leg[]} */
  const legs = [];
  for (const s of carriers) {
    const from = legs.length || begin === null ? s.sent : Math.min(begin, s.sent);
    const own = legOfSegment(scene, s);
    if (s === brought) {
      const more = { again: legs.length > 0, left: s.sent, share: own.share, reason: received === null ? "arrived, never read" : "" };
      const whole = received === null ? brought.arrived : wholeAt(scene, item, received);
      const hasWaited = received !== null && (scene.timeOf(received) > scene.timeOf(whole) || isReadAfterOthers(scene, item, whole));
      const to = received === null || hasWaited ? whole : received;
      legs.push(leg(from, to, received === null ? "unread" : "arrived", { ...more, came: whole, read: hasWaited ? received : null }));
    } else if (own.outcome === "lost" || !brought) legs.push({ ...own, from, again: legs.length > 0, to: own.to });
  }
  if (received !== null && !brought) legs.push(leg(legs[legs.length - 1].from, received, "arrived"));
  return legs;
}

/** Whether others are read between its coming and its reading: they came with it, and stood before it.
 * @param {Scene} scene @param {Frame | Command} item @param {number} whole */
function isReadAfterOthers(scene, item, whole) {
  const first = "frames" in item ? scene.frames[item.frames[0]] : item;
  const others = readings(scene).get(laneOf(item)) ?? [];
  const before = lastAtMost(others, (first.received ?? 0) - 1);
  return before >= 0 && others[before] > whole;
}

/** When frames are read, in order, by lane. @param {Scene} scene @returns {Map<string, number[]>} */
function readings(scene) {
  if (scene.readingsByLane) return scene.readingsByLane;
  const found = new Map();
  for (const f of scene.frames) {
    if (f.received === null) continue;
    const lane = laneOf(f);
    if (!found.has(lane)) found.set(lane, []);
    found.get(lane).push(f.received);
  }
  for (const seqs of found.values()) seqs.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
  scene.readingsByLane = found;
  return found;
}

/** The record at which the last of its bytes arrives, before it is read. @param {Scene} scene @param {Frame | Command} item @param {number} received */
function wholeAt(scene, item, received) {
  const frames = "frames" in item ? item.frames.map((id) => scene.frames[id]) : [item];
  const arrivals = frames.map((f) => Math.max(-1, ...bringersOf(scene, f).map(({ arrived }) => arrived ?? -1)));
  return arrivals.every((at) => at >= 0 && at <= received) ? Math.max(...arrivals) : received;
}

/** The segments that brought a frame, in the order of its bytes. What came again when it was there already brought nothing.
 * @param {Scene} scene @param {Frame} f @returns {Segment[]} */
export function bringersOf(scene, f) {
  const came = f.carriers
    .map(([n, first, end]) => ({ s: scene.segmentByNumber.get(n), first, end }))
    .filter(({ s }) => s && hasArrived(s))
    .sort((one, other) => /** @type {any} */ (one.s).arrived - /** @type {any} */ (other.s).arrived);
  /** @type {typeof came} */
  const parts = [];
  for (const part of came) if (!parts.some(({ first, end }) => first <= part.first && part.end <= end)) parts.push(part);
  return parts.sort((one, other) => one.first - other.first).map(({ s }) => /** @type {Segment} */ (s));
}

/** @param {Segment} s @returns {s is Segment & {arrived: number}} */
const hasArrived = (s) => s.lost_seq === null && s.arrived !== null && !s.discarded;

/** No segment of it is known: it waits, or there are no segments here.
 * @param {Scene} scene @param {Frame | Command} item @param {number | null} begin @param {number | null} received */
function withoutCarrier(scene, item, begin, received) {
  if (received !== null) return leg(begin ?? received, received, "arrived");
  const from = /** @type {number} what nobody has read was sent */ (begin);
  const real = !scene.linked.has(item.conn);
  return real
    ? leg(from, from, "sent", { reason: "handed to a real socket: its other end is not recorded" })
    : leg(from, from, "waiting", { reason: "waits to be sent", p: 0 });
}

/** How much of a segment's way was transmission, 0..1: what exceeds the quickest segment of its direction. @param {Scene} scene @param {Segment} s */
function transmissionOf(scene, s) {
  const took = (s.arrives ?? 0) - s.departs;
  if (took <= 0) return 0;
  return Math.max(0, (took - (quickest(scene).get(laneOf(s)) ?? took)) / took);
}

/** @param {{conn: string, up: boolean}} item */
const laneOf = ({ conn, up }) => `${conn} ${up}`;

/** @param {Scene} scene @returns {Map<string, number>} */
function quickest(scene) {
  if (scene.quickestByLane) return scene.quickestByLane;
  const least = new Map();
  for (const s of scene.segments) {
    if (s.arrives === null) continue;
    const lane = laneOf(s);
    least.set(lane, Math.min(least.get(lane) ?? Infinity, s.arrives - s.departs));
  }
  scene.quickestByLane = least;
  return least;
}

/** How a leg is at a record: what will become of it is not told before. @param {Leg} leg @param {number} seq */
export function stateBy({ from, left, to, read, came, over, outcome }, seq) {
  if (seq < from) return "not sent yet";
  if (seq < left) return "waiting";
  if (seq < to) return seq < came ? "under way" : "waits to be read";
  if (seq < over) return "arrived";
  return read !== null && seq < read ? "waits to be read" : outcome;
}

/** The same in words. @param {Leg} way @param {number} seq */
export const wordsBy = (way, seq) => {
  const state = stateBy(way, seq);
  return state === way.outcome ? outcomeWords(way) : `${way.again ? "sent again, " : ""}${state}`;
};

/** A leg's outcome in words, for those who point at it. @param {Leg} leg */
export const outcomeWords = ({ outcome, reason, again }) =>
  `${again ? "sent again, " : ""}${outcome}${reason && reason !== outcome ? `: ${reason}` : ""}`;

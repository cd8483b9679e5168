// Ride: how far something is on its way through TCP, at a record and a time.
//
// Theory
// ------
// A command is as far as its last byte, and that byte is where the segment is which carries it. Segments get
// lost and are sent again, so the same byte may ride several times:
//
//     before the first segment     it waits at its mouth                    (0, "waiting")
//     in a segment                 as far as the segment                    (0..1, "under way")
//     in one that is being lost    as far as that one: half way at the end  (0..½, "under way")
//     after a loss                 at the ×, until it is sent again         (½, "lost")
//     after an arrival             at the door, until it is read            (1, "arrived")
//     in one that was discarded    at the door, until it is sent again      (1, "discarded")
//
// A segment moves evenly from its departure to its arrival. It is under way from the record that tells of its
// sending to the record that tells of its end, both included: at that very record it stands at its end. The same
// rule stands in Python (trace/rides.py), and a test compares the two. Nothing arrives that did not arrive.

/** Where on its way a lost segment ends, for nobody knows where; one that finds a machine without power came there. */
export const LOST_AT = 0.5;
const AT_ITS_END = /machine is off/;

/** @param {Segment} s */
export const lostAt = (s) => (AT_ITS_END.test(s.lost) ? 1 : LOST_AT);

/**
 * @typedef {{p: number, state: "waiting" | "under way" | "lost" | "discarded" | "arrived", segment: Segment | null}} Ride
 * `p` is 0 at the sender and 1 at the receiver.
 */

/** The seq of the record that tells how a segment ended; Infinity if none does. @param {Segment} s */
export const endOfSegment = (s) => s.lost_seq ?? s.discarded_seq ?? s.arrived ?? Infinity;

/** Whether it has reached the other end by a record, whatever that makes of it. @param {Segment} s @param {number} seq */
const hasReached = (s, seq) => s.arrived !== null && s.arrived <= seq;

/** Whether the TCP at the other end has thrown it away by a record. @param {Segment} s @param {number} seq */
const isThrownAway = (s, seq) => s.discarded_seq !== null && s.discarded_seq <= seq;

/** Whether this way has ended in vain. @param {string} state */
export const isOver = (state) => state === "lost" || state === "discarded";

/** How something on a link is: as the books have it, or how far it has come.
 * @param {{state?: string | null}} token @param {{state: string}} ride */
export const stateOnLink = (token, ride) =>
  isOver(ride.state) || !token.state || token.state === "under way" ? ride.state : token.state;

/** Whether it ended half way, and stays there until it is sent again. @param {Ride} ride */
export const isStuck = ({ state, p }) => isOver(state) && p < 1;

/** Its turn among those that were sent: segments are numbered so. What has come was before all of them, and what none
 * carries yet comes after. @param {Ride} ride */
export const sentIn = ({ state, p, segment }) => (p === 1 && state !== "under way" ? -1 : (segment?.n ?? Infinity));

/** How far a segment is at the time `now`. @param {Segment} s @param {number} now */
export function progressOf(s, now) {
  const lost = s.lost_seq !== null;
  const end = lost ? s.lost_at : s.arrives;
  const whole = end === null || end <= s.departs;
  const part = whole ? +(now > s.departs) : Math.max(0, Math.min(1, (now - s.departs) / (end - s.departs)));
  return lost ? part * lostAt(s) : s.arrives === null ? part * LOST_AT : part;
}

/** The ride of a segment that is on the wire at `seq`. @param {Segment} s @param {number} seq @param {number} now @returns {Ride} */
export function rideOfSegment(s, seq, now) {
  const isLost = s.lost_seq !== null && s.lost_seq <= seq;
  const state = isLost ? "lost" : isThrownAway(s, seq) ? "discarded" : hasReached(s, seq) ? "arrived" : "under way";
  return { p: state === "lost" ? lostAt(s) : progressOf(s, now), state, segment: s };
}

/**
 * The ride of a frame, which is that of its last byte.
 * @param {Scene} scene @param {Frame} f @param {number} seq @param {number} now @returns {Ride}
 */
export function rideOfFrame(scene, f, seq, now) {
  if (f.received !== null && f.received <= seq) return { p: 1, state: "arrived", segment: null };
  let latest = null;
  for (const s of scene.lastCarriers(f)) {
    if (s.sent > seq) continue;
    if (s.lost_seq === null && hasReached(s, seq) && !isThrownAway(s, seq))
      return { p: 1, state: "arrived", segment: s };
    if (latest === null || s.sent > latest.sent) latest = s;
  }
  if (latest === null) return { p: 0, state: "waiting", segment: null };
  if (latest.lost_seq !== null && latest.lost_seq <= seq)
    return { p: lostAt(latest), state: "lost", segment: latest };
  if (isThrownAway(latest, seq)) return { p: 1, state: "discarded", segment: latest };
  return { p: progressOf(latest, now), state: "under way", segment: latest };
}

/** The ride of a command. @param {Scene} scene @param {Command} c @param {number} seq @param {number} now @returns {Ride} */
export const rideOfCommand = (scene, c, seq, now) =>
  rideOfFrame(scene, scene.frames[c.frames[c.frames.length - 1]], seq, now);

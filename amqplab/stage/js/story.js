// Story time: virtual nanoseconds stretched into something that can be watched.
//
// Theory
// ------
// A hop takes a millisecond, a sleep an hour, and ten records share one instant: virtual time makes poor
// theatre. So every record is held long enough to be seen, and the gaps between records are compressed by a
// logarithm. The result is a strictly rising list of milliseconds, one per record, computed once. Positions
// (step k and a fraction) and story times are two names of the same place; both ways are exact inverses.

const HOLD = {
  SegmentSent: 70,
  SegmentArrived: 70,
  SegmentDiscarded: 70,
  TcpStateChanged: 90,
  FrameSent: 110,
  FrameReceived: 110,
  CommandSent: 60,
  CommandReceived: 60,
  CallMade: 420,
  SegmentLost: 600,
};

const HOLD_MILESTONE = 460;

/** Milliseconds of story for a gap of virtual nanoseconds: 1 ms -> 0.5 s, 1 s -> 2.6 s, never more than 2.8 s. */
export function gapTime(ns) {
  return ns <= 0 ? 0 : Math.min(2800, 220 * Math.log2(1 + ns / 250e3));
}

/** Story time of each record; index 0 is before the first. Strictly rising. */
export function storyTimes(at, kinds) {
  const times = new Float64Array(at.length + 2);
  times[1] = 400;
  for (let seq = 1; seq <= at.length; seq++) {
    const hold = HOLD[kinds[seq - 1]] ?? HOLD_MILESTONE;
    times[seq + 1] = times[seq] + hold + (seq < at.length ? gapTime(at[seq] - at[seq - 1]) : 0);
  }
  return times;
}

export const timeOf = (scene, seq) => scene.times[Math.min(seq, scene.n) + 1];

/** How many elements of a sorted list are <= x, less one. */
export function lastAtMost(list, x) {
  let low = 0,
    high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (list[mid] <= x) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}

/** Story time of a virtual time, which may lie between two records. */
export function timeOfMoment(scene, ns) {
  const { at } = scene.records;
  const seq = lastAtMost(at, ns);
  const here = timeOf(scene, seq);
  if (seq < 0 || seq + 1 >= scene.n) return here;
  return here + ((timeOf(scene, seq + 1) - here) * (ns - at[seq])) / (at[seq + 1] - at[seq]);
}

/** Story time at position `u` (step index, with fraction) of a zoom. */
export function timeAt(scene, zoom, u) {
  const steps = scene.steps[zoom],
    k = Math.max(0, Math.min(Math.floor(u), steps.length - 1));
  const here = timeOf(scene, steps[k]);
  return k + 1 < steps.length ? here + (timeOf(scene, steps[k + 1]) - here) * (u - k) : here;
}

/** Position of a story time at a zoom: the inverse of timeAt. */
export function positionAt(scene, zoom, time) {
  const steps = scene.steps[zoom];
  let low = 0,
    high = steps.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (timeOf(scene, steps[mid]) <= time) low = mid + 1;
    else high = mid;
  }
  const k = Math.max(0, low - 1);
  if (k + 1 >= steps.length) return k;
  const here = timeOf(scene, steps[k]);
  return k + (time - here) / (timeOf(scene, steps[k + 1]) - here);
}

/** seq of the last record at or before a story time; -1 before the first. */
export const seqAt = (scene, time) => Math.min(scene.n - 1, lastAtMost(scene.times, time + 1e-6) - 1);

/** How long the way from step k to the next is shown, in ms at speed 1. */
export function stepDuration(scene, zoom, k) {
  const steps = scene.steps[zoom];
  if (k + 1 >= steps.length) return 400;
  return Math.max(300, Math.min(1700, timeOf(scene, steps[k + 1]) - timeOf(scene, steps[k])));
}

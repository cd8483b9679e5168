// The axis: three ways of laying a run out along a line.
//
// Theory
// ------
// Computers wait most of the time. On a *linear* axis a handshake of 4 ms before a silence of 3 minutes is one
// dot; on an axis *per event* the silence is gone; *compressed* keeps both, for it draws a gap as long as its
// logarithm. None is the truth alone, so the reader may switch. A long gap is said wherever it is drawn: how
// long it is, and whether it is silence.

import { lastAtMost } from "./lifetimes.js";
import { gapBetween, longGap } from "./silence.js";
import { gapTime } from "./story.js";

export const AXES = ["event", "compressed", "linear"];
const MOST_GAPS = 120;
const NICE = [1, 2, 5, 10];
const NICE_SECONDS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400].map((s) => s * 1e9);
const TICKS = 6;

/** For each step its place on the axis, 0..1, never falling. @param {Scene} scene @param {ArrayLike<number>} steps @param {string} mode */
export function placesOn(scene, steps, mode) {
  const { at } = scene.records;
  const places = new Float64Array(steps.length);
  const time = (/** @type {number} */ k) => (steps[k] < 0 ? (at[0] ?? 0) : at[steps[k]]);
  for (let k = 1; k < steps.length; k++) {
    const gap = time(k) - time(k - 1);
    places[k] = places[k - 1] + (mode === "event" ? 1 : mode === "linear" ? gap : 1 + gapTime(gap) / 90);
  }
  const whole = places.at(-1);
  if (!whole) return places.map((_, k) => (steps.length > 1 ? k / (steps.length - 1) : 0));
  return places.map((place) => place / whole);
}

/** The step nearest to a place, 0..1; of several at one place the last. @param {Float64Array} places @param {number} share */
export function stepNear(places, share) {
  const k = Math.max(0, lastAtMost(places, share));
  if (k + 1 < places.length && places[k + 1] - share < share - places[k]) return lastAtMost(places, places[k + 1]);
  return k;
}

/** The long gaps between steps: [{step, ns, silent, words}], `step` is the one before. The longest come first.
 * @param {Scene} scene @param {ArrayLike<number>} steps */
export function longGaps(scene, steps) {
  const { at } = scene.records;
  const least = longGap(scene, steps);
  const gaps = [];
  for (let k = 0; k + 1 < steps.length; k++) {
    const [from, to] = [steps[k], steps[k + 1]];
    if (from >= 0 && at[to] - at[from] > least) gaps.push({ step: k, ...gapBetween(scene, from, to) });
  }
  return gaps.sort((a, b) => b.ns - a.ns || a.step - b.step).slice(0, MOST_GAPS);
}

/** Round times for the ticks of a linear axis, in nanoseconds, without the ends. @param {number} from @param {number} to */
export function ticksBetween(from, to) {
  const span = to - from;
  if (span <= 0) return [];
  const unit = niceUnit(span / TICKS);
  const ticks = [];
  for (let tick = Math.ceil((from + unit * 0.2) / unit) * unit; tick < to - unit * 0.2; tick += unit) ticks.push(tick);
  return ticks;
}

/** The next round length of time: 1, 2, 5 of a decimal unit, and from 10 seconds on what clocks have. @param {number} least */
function niceUnit(least) {
  if (least > 5e9) return NICE_SECONDS.find((unit) => unit >= least) ?? NICE_SECONDS[NICE_SECONDS.length - 1];
  const power = 10 ** Math.floor(Math.log10(least));
  return power * (NICE.find((n) => n * power >= least) ?? 10);
}

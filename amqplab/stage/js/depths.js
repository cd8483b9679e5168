// Depths: how many messages are Ready and Unacked in each queue, over time.
//
// Theory
// ------
// A queue's depth changes only at records, so it is a staircase, and its steps are found in one pass over the patches.
// The curve is sampled for drawing (a screen has no more columns), keeping the highest value of each sample, so that no
// peak is lost; the numbers at the cursor are exact, and are those of the state. Rates are counted, not guessed: how
// many messages came and went in the time before the cursor.

import { nameOf, round, timeText } from "./text.js";
import { cls, h } from "./elements.js";
import { lastAtMost } from "./lifetimes.js";
import { placesOn } from "./axis.js";

const QUEUES_SHOWN = 12;
const POINTS = 400;
const CURVE_HEIGHT = 54;
const AROUND_CURVE = 44; // the panel's edges and those of the queue's card
const WINDOW_SHARE = 10;
const ROUND = [1, 2, 5, 10];

/** @typedef {{key: string, seqs: number[], ready: number[], unacked: number[], came: number[], went: number[], most: number}} Depth
 * The staircase of one queue: after record `seqs[i]`, so many; `came` and `went` are counted from the start. */

/** The staircases of all queues; found once. @returns {Map<string, Depth>} */
export function depthsOf(scene) {
  if (scene.depthByQueue) return scene.depthByQueue;
  const found = new Map();
  scene.patches.forEach((patch, seq) => {
    for (const [key, what] of patch) if (key.startsWith("queue/")) climb(found, key, seq, what);
  });
  scene.depthByQueue = found;
  return found;
}

function climb(found, key, seq, what) {
  let depth = found.get(key);
  if (!depth) found.set(key, (depth = { key, seqs: [], ready: [], unacked: [], came: [], went: [], most: 0 }));
  const at = depth.seqs.length - 1;
  const before = at < 0 ? { ready: 0, unacked: 0, came: 0, went: 0 } : stairAt(depth, at);
  const { ready, unacked } = countsAfter(before, what);
  if (at >= 0 && ready === before.ready && unacked === before.unacked) return;
  const by = ready + unacked - before.ready - before.unacked;
  depth.seqs.push(seq);
  depth.ready.push(ready);
  depth.unacked.push(unacked);
  depth.came.push(before.came + Math.max(0, by));
  depth.went.push(before.went + Math.max(0, -by));
  depth.most = Math.max(depth.most, ready + unacked);
}

function countsAfter(before, what) {
  if (what["-"]) return { ready: 0, unacked: 0 };
  const entity = what["+"];
  if (entity) return { ready: entity.ready_count, unacked: entity.unacked_count };
  const changed = what["="];
  return { ready: changed.ready_count?.[1] ?? before.ready, unacked: changed.unacked_count?.[1] ?? before.unacked };
}

const stairAt = ({ ready, unacked, came, went }, i) => ({ ready: ready[i], unacked: unacked[i], came: came[i], went: went[i] });

const NOTHING = Object.freeze({ ready: 0, unacked: 0, came: 0, went: 0 });

/** A queue's numbers after a record. */
export function depthAt(depth, seq) {
  const i = depth ? lastAtMost(depth.seqs, seq) : -1;
  return i < 0 ? NOTHING : stairAt(depth, i);
}

/** Messages per second that came and went in the `ns` before a record. */
export function ratesAt(scene, depth, seq, ns) {
  const { at } = scene.records;
  const now = depthAt(depth, seq);
  const then = depthAt(depth, lastAtMost(at, scene.timeOf(seq) - ns));
  const per = (n) => (n * 1e9) / ns;
  return { came: per(now.came - then.came), went: per(now.went - then.went) };
}

/** The time over which rates are counted: a round part of the run. */
export function windowOf(scene) {
  const whole = scene.timeOf(scene.n - 1) - scene.timeOf(0);
  if (whole <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(whole / WINDOW_SHARE));
  return power * ROUND.find((n) => n * power >= whole / WINDOW_SHARE);
}

// --- drawing ---

/** The panel: a curve for each queue, the highest first left out last. */
export function drawDepths(view, width) {
  const { scene } = view;
  const all = [...depthsOf(scene).values()];
  if (!all.length) return [h("p", { class: "empty" }, "No queue is declared in this recording.")];
  const shown = all.length <= QUEUES_SHOWN ? all : keepHighest(all);
  const most = Math.max(1, ...shown.map((depth) => depth.most));
  const inner = Math.max(160, width - AROUND_CURVE);
  const plan = planOf(view, inner, most);
  const cursor = round(plan.places[view.step] * inner + onward(view, plan) * inner);
  const rest = all.length - shown.length;
  return [
    drawKey(plan.ns),
    ...shown.map((depth) => drawDepth(view, depth, plan, inner, cursor)),
    rest > 0 && h("p", { key: "rest", class: "muted small" }, `${rest} more queues, none of them deeper, are not shown`),
  ].filter(Boolean);
}

function keepHighest(all) {
  const least = all.map(({ most }) => most).sort((a, b) => b - a)[QUEUES_SHOWN - 1];
  const higher = all.filter(({ most }) => most > least);
  const same = all.filter(({ most }) => most === least).slice(0, QUEUES_SHOWN - higher.length);
  return all.filter((depth) => higher.includes(depth) || same.includes(depth));
}

/** Where the steps stand, and the curves; made once for a zoom, an axis and a width. */
function planOf({ scene, zoom, steps, axis = "event" }, width, most) {
  const key = `${zoom} ${axis} ${width}`;
  if (scene.depthPlan?.key === key) return scene.depthPlan;
  scene.depthPlan = { key, most, places: placesOn(scene, steps, axis), ns: windowOf(scene), curves: new Map() };
  return scene.depthPlan;
}

/** How far a visited record is from its step to the next, on the axis. */
function onward({ seq, step, steps, visit }, { places }) {
  const next = step + 1;
  if (!visit || next >= steps.length) return 0;
  const [from, to] = [Math.max(0, steps[step]), steps[next]];
  return ((seq - from) / Math.max(1, to - from)) * (places[next] - places[step]);
}

function drawKey(ns) {
  const line = (kind, words) => h("span", { class: `depth-key ${kind}` }, words);
  return h(
    "p",
    { key: "key", class: "depth-keys" },
    line("ready", "Ready"),
    line("unacked", "Unacked, on top of it"),
    ns > 0 && h("span", { class: "muted small" }, `rates over the last ${timeText(ns)}`),
  );
}

function drawDepth(view, depth, plan, width, cursor) {
  const { scene, seq } = view;
  const { ready, unacked } = depthAt(depth, seq);
  const exists = view.state.get(depth.key) !== undefined;
  const rates = plan.ns ? ratesAt(scene, depth, seq, plan.ns) : null;
  let curve = plan.curves.get(depth.key);
  if (!curve) plan.curves.set(depth.key, (curve = drawCurve(view, depth, plan, width)));
  return h(
    "div",
    { key: depth.key, class: cls("depth", !exists && "away", view.subject?.keys.includes(depth.key) && "here"), "data-kind": "depth", "data-id": depth.key },
    h(
      "p",
      { class: "depth-head" },
      h("button", { class: "link", "data-sel": `entity:${depth.key}` }, nameOf(depth.key)),
      h("span", {}, `Ready ${ready} · Unacked ${unacked}`),
      rates && h("span", { class: "muted small" }, `in ${perSecond(rates.came)}, out ${perSecond(rates.went)}`),
    ),
    h(
      "svg",
      { class: "depth-curve", width, height: CURVE_HEIGHT, role: "img", "aria-label": `${nameOf(depth.key)}: Ready ${ready}, Unacked ${unacked}; at most ${depth.most}` },
      curve,
      h("line", { class: "cursor", x1: cursor, y1: 0, x2: cursor, y2: CURVE_HEIGHT }),
    ),
  );
}

const perSecond = (rate) => `${rate >= 100 ? Math.round(rate) : +rate.toPrecision(2)}/s`;

/** Two staircases, one on the other, and the height of the highest. */
function drawCurve({ scene, steps }, depth, { places, most }, width) {
  const samples = samplesOf(depth, steps, places, width);
  const y = (n) => round(CURVE_HEIGHT - 1 - (n / most) * (CURVE_HEIGHT - 14));
  const stairs = (value) => samples.map((sample, i) => `${i ? `H${sample.x}` : `M${sample.x} ${y(value(sample))}`}V${y(value(sample))}`).join("");
  const area = (value) => `${stairs(value)}H${round(width)}V${CURVE_HEIGHT - 1}H${samples[0].x}Z`;
  const total = ({ ready, unacked }) => ready + unacked;
  return h(
    "g",
    { "data-scene": scene.n },
    h("path", { class: "depth-unacked", d: area(total) }),
    h("path", { class: "depth-ready", d: area(({ ready }) => ready) }),
    h("line", { class: "depth-floor", x1: 0, x2: round(width), y1: CURVE_HEIGHT - 0.5, y2: CURVE_HEIGHT - 0.5 }),
    depth.most > 0 && h("text", { class: "depth-most", x: 2, y: Math.max(10, y(depth.most) - 2) }, `${depth.most}`),
  );
}

/** At most so many points, each the deepest moment of its stretch; the steps themselves if they are few. */
export function samplesOf(depth, steps, places, width) {
  const count = Math.min(POINTS, steps.length);
  const found = [];
  for (let i = 0; i < count; i++) {
    const step = Math.floor((i * steps.length) / count);
    const last = Math.floor(((i + 1) * steps.length) / count) - 1;
    const [low, high] = [steps[step], steps[Math.max(step, last)]];
    found.push({ x: round(places[step] * width), ...deepest(depth, low, high) });
  }
  return found;
}

function deepest(depth, low, high) {
  let best = depthAt(depth, low);
  for (let i = lastAtMost(depth.seqs, low) + 1; i < depth.seqs.length && depth.seqs[i] <= high; i++)
    if (depth.ready[i] + depth.unacked[i] > best.ready + best.unacked) best = stairAt(depth, i);
  return { ready: best.ready, unacked: best.unacked };
}

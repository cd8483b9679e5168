// The timeline: the whole run at a glance, and the handle to move through it.
//
// Theory
// ------
// The skyline is the depth of all queues together, Ready in the stronger tone and Unacked on top; the marks below
// are what usually is looked for, and each kind of record says its own (trace.events). In a long gap the
// rail is interrupted, and says how long that was. The same element is a slider for the
// keyboard and for screen readers. Which place a step has is the axis's business (axis.js).
//
// All but the needle is the same at every step, so it is drawn once for a zoom, an axis and a width.

import { round, timeText, widthOf } from "./text.js";
import { cls, h } from "./elements.js";
import { lastAtMost } from "./lifetimes.js";
import { sentenceOfStep } from "./steps.js";
import { longGaps, placesOn, stepNear, ticksBetween } from "./axis.js";

const HEIGHT = 52;
const LEFT = 9;
const TOP = 14;
const BASE = HEIGHT - 15;
const MOST = 400;
const LETTERS = 11;
const HALO = 5;
const MOST_BREAKS = 6;
const LEAST_GAP = 7;

export const SHAPES = {
  pub: "M0 -3.5A3.5 3.5 0 1 1 -.01 -3.5z",
  enq: "M-3 -3h6v6h-6z",
  del: "M-3.5 -3L3.5 0L-3.5 3z",
  ack: "M-4 0L-1 3L4 -3",
  bad: "M-3 -3L3 3M3 -3L-3 3",
  act: "M0 -4V2M0 3.2V4",
  end: "M0 -4V4",
};
export const MARK_WORDS = {
  pub: "published",
  enq: "put into a queue",
  del: "delivered",
  ack: "acknowledged",
  bad: "lost, dropped or refused",
  act: "somebody intervened",
  end: "a channel or connection closed",
};

/** The mark of a record's kind, "" if it has none. */
export function markAt({ kinds, names, records }, seq) {
  return kinds[names[records.kind[seq]]]?.mark ?? "";
}

/** What of the timeline stays: places of the steps, skyline, rail, long gaps, ticks, marks. */
export function timelinePlan(view, width, mode) {
  const { scene, steps } = view;
  const room = Math.max(40, width - 2 * LEFT);
  const places = placesOn(scene, steps, mode);
  const x = (k) => round(LEFT + room * places[k]);
  const placed = longGaps(scene, steps).map((gap) => ({ ...gap, from: x(gap.step), to: x(gap.step + 1) }));
  const gaps = mode === "event" ? placed.slice(0, MOST_BREAKS) : placed.filter(({ from, to }) => to - from >= LEAST_GAP);
  return { steps, mode, width, room, places, x, gaps: labelled(gaps.sort((a, b) => a.step - b.step), width) };
}

/** Each long gap says how long it was, unless its words would lie on those before; and inside the track. */
function labelled(gaps, width) {
  let free = 0;
  return gaps.map((gap) => {
    const { words } = gap;
    const half = widthOf(words, LETTERS) / 2 + HALO;
    const middle = Math.max(half, Math.min((gap.from + gap.to) / 2, width - half));
    const isClear = middle - half >= free;
    if (isClear) free = middle + half;
    return { ...gap, wordsAt: round(middle), isClear, fits: gap.to - gap.from > 2 * half };
  });
}

/** The step at a place on the track. */
export const stepOn = (plan, px) => stepNear(plan.places, (px - LEFT) / plan.room);

/** The track: depth of all queues as a skyline, milestones as marks, the slider over both. What stays has a key: the needle
 * and the rail behind it are written to at every step, and must not become something else when gaps come and go. */
export function drawTimeline(view, plan) {
  const { scene } = view;
  const { room } = plan;
  const { ready, unacked, most } = view.depth;
  return [
    h("path", { key: "total", class: "area total", d: skyline(plan, (i) => (ready[i] + unacked[i]) / most) }),
    h("path", { key: "ready", class: "area ready", d: skyline(plan, (i) => ready[i] / most) }),
    h("line", { key: "rail", class: "rail", x1: LEFT, x2: LEFT + room, y1: BASE, y2: BASE }),
    h("line", { key: "done", class: "rail done", x1: LEFT, x2: LEFT, y1: BASE, y2: BASE }),
    plan.mode === "linear" && ticks(scene, plan),
    plan.gaps.map((gap) => drawGap(gap, plan)),
    h("g", { key: "marks", class: "marks" }, timeMarks(scene, plan)),
    h("g", { key: "flags", class: "flags" }),
    h("g", { key: "needle", class: "needle" }, [
      h("line", { x1: 0, x2: 0, y1: TOP - 1, y2: BASE }), // below the times that are written over the track
      h("circle", { class: "knob", cx: 0, cy: BASE, r: 6.5 }),
    ]),
  ]
    .flat()
    .filter(Boolean);
}

export const trackProps = (width) => ({ width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });

/** What the slider says of itself. */
export function sliderProps(view) {
  const { step, steps } = view;
  return {
    role: "slider",
    "aria-label": "position",
    "aria-valuemin": 0,
    "aria-valuemax": steps.length - 1,
    "aria-valuenow": step,
    "aria-valuetext": `step ${step}: ${sentenceOfStep(view, step)}`,
  };
}

/** Of very many steps every so-many-th is drawn. */
const stride = (steps) => Math.max(1, Math.floor(steps.length / MOST));

/** `share` of the record's number + 1 is 0..1. */
function skyline({ steps, x, room }, share) {
  let d = `M${LEFT} ${BASE}`;
  for (let k = 0; k < steps.length; k += stride(steps))
    d += `H${x(k)}V${round(BASE - (BASE - TOP) * share(steps[k] + 1))}`;
  return `${d}H${round(LEFT + room)}V${BASE}z`;
}

/** A break in the rail, and how long it lasted if there is room to say so: over the skyline, or, where a linear axis has
 * its times there, on it. */
function drawGap({ from, to, step, silent, words, wordsAt, isClear, fits }, { mode }) {
  const middle = round((from + to) / 2);
  const isBreak = mode === "event";
  const hasWords = isClear && (fits || isBreak);
  const half = isBreak ? 3 : Math.max(2, (to - from) / 2 - 3);
  const slashes = `M${middle - 4} ${BASE + 5}l4 -10M${middle} ${BASE + 5}l4 -10`;
  return h(
    "g",
    { key: `s${step}`, class: "silence" },
    h("line", { class: "hush", x1: round(middle - half), x2: round(middle + half), y1: BASE, y2: BASE }),
    isBreak && h("path", { class: "break", d: slashes }),
    hasWords && h("text", { class: "halo", x: wordsAt, y: mode === "linear" ? BASE - 6 : 10, "text-anchor": "middle" }, words),
    h("title", {}, silent ? `nothing happened for ${words}` : `${words} go by; finer zooms show what happened meanwhile`),
  );
}

function ticks({ records }, { steps, room }) {
  const [from, to] = [records.at[0] ?? 0, records.at[steps.at(-1)] ?? 0];
  return ticksBetween(from, to).map((ns) => {
    const at = round(LEFT + (room * (ns - from)) / (to - from));
    return h(
      "g",
      { key: `t${ns}`, class: "tick" },
      h("line", { x1: at, x2: at, y1: BASE - 4, y2: BASE + 4 }),
      h("text", { x: at, y: 10, "text-anchor": "middle" }, timeText(ns).replace(/ 0 (s|min)$/, "")),
    );
  });
}

function timeMarks(scene, { steps, x }) {
  const found = [];
  for (let k = 1; k < steps.length; k += stride(steps)) {
    const kind = markAt(scene, steps[k]);
    if (SHAPES[kind])
      found.push(drawMark(kind, { key: k, transform: `translate(${x(k)} ${HEIGHT - 6})` }));
  }
  return found;
}

export const drawMark = (kind, props) => h("path", { class: cls("mark", kind), d: SHAPES[kind], ...props });

/** The bookmarks as flags, and the needle's place: what changes with the step. */
export function drawFlags({ bookmarks, step }, { steps, x }) {
  const flag = ({ seq, name }) => {
    const k = lastAtMost(steps, seq);
    const here = x(Math.max(0, k));
    return h(
      "g",
      { key: `b${seq}`, class: "flag", "data-jump": seq, transform: `translate(${here} ${TOP - 12})` },
      h("path", { class: cls("cloth", k === step && "here"), d: "M0 0h9l-2.5 4l2.5 4h-9z" }),
      h("line", { x1: 0, x2: 0, y1: 0, y2: BASE - TOP + 12 }),
      h("title", {}, name),
    );
  };
  return bookmarks.map(flag);
}

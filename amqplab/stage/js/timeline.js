// The timeline: the whole run at a glance, and the handle to move through it.
//
// Theory
// ------
// One step of the zoom is one unit of length. The skyline is the depth of all queues together, Ready in the
// stronger tone and Unacked on top; the marks below are what usually is looked for. The same element is a slider
// for the keyboard and for screen readers.

import { round } from "./text.js";
import { cls, h } from "./elements.js";

const HEIGHT = 46;
const LEFT = 8;
const TOP = 8;
const BASE = HEIGHT - 14;
const MOST = 400;

const SHAPES = {
  pub: "M0 -3.5A3.5 3.5 0 1 1 -.01 -3.5z",
  enq: "M-3 -3h6v6h-6z",
  del: "M-3.5 -3L3.5 0L-3.5 3z",
  ack: "M-4 0L-1 3L4 -3",
  bad: "M-3 -3L3 3M3 -3L-3 3",
  act: "M0 -4V2M0 3.2V4",
  end: "M0 -4V4",
};
const KINDS = {
  Published: "pub",
  Enqueued: "enq",
  Delivered: "del",
  Acknowledged: "ack",
  Unroutable: "bad",
  SegmentLost: "bad",
  Discarded: "bad",
  Intervened: "act",
  ConnectionClosed: "end",
  ChannelClosed: "end",
};
const LEGEND = [
  ["pub", "published"],
  ["enq", "enqueued"],
  ["del", "delivered"],
  ["ack", "acknowledged"],
  ["bad", "lost"],
];

/** The track: depth of all queues as a skyline, milestones as marks, the slider over both. */
export function drawTimeline(view, width) {
  const { scene } = view;
  const steps = scene.steps[view.zoom];
  const scale = { steps, last: Math.max(1, steps.length - 1), room: Math.max(40, width - 2 * LEFT) };
  scale.x = (k) => round(LEFT + (scale.room * k) / scale.last);
  const { ready, unacked, most } = view.depth;
  const here = scale.x(view.u);
  const rail = (kind, to) => h("line", { class: kind, x1: LEFT, x2: to, y1: BASE, y2: BASE });
  return h(
    "svg",
    { class: "track", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, ...sliderProps(view, scale) },
    h("path", { class: "area total", d: skyline(scale, (i) => (ready[i] + unacked[i]) / most) }),
    h("path", { class: "area ready", d: skyline(scale, (i) => ready[i] / most) }),
    rail("rail", LEFT + scale.room),
    rail("rail done", here),
    h("g", { class: "marks" }, marks(scene, scale)),
    h("line", { class: "needle", x1: here, x2: here, y1: 4, y2: BASE }),
    h("circle", { class: "knob", cx: here, cy: BASE, r: 6 }),
  );
}

/** The step at a place on the track, as a position with fraction. */
export const positionOn = (x, width, last) => ((x - LEFT) / (width - 2 * LEFT)) * last;

function sliderProps({ scene, step }, { steps, last }) {
  const said = steps[step] < 0 ? "start" : scene.sentences[steps[step]];
  return {
    role: "slider",
    tabindex: 0,
    "aria-label": "position",
    "aria-valuemin": 0,
    "aria-valuemax": last,
    "aria-valuenow": step,
    "aria-valuetext": `step ${step}: ${said}`,
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

function marks(scene, { steps, x }) {
  const found = [];
  for (let k = 1; k < steps.length; k += stride(steps)) {
    const kind = KINDS[scene.kinds[steps[k]]];
    if (kind) found.push(mark(kind, { key: k, transform: `translate(${x(k)} ${HEIGHT - 6})` }));
  }
  return found;
}

const mark = (kind, props) => h("path", { class: cls("mark", kind), d: SHAPES[kind], ...props });

/** What the marks and the skyline mean. */
export function drawLegend() {
  const sign = (...inside) =>
    h("svg", { viewBox: "-6 -6 12 12", width: 12, height: 12, "aria-hidden": "true" }, inside);
  const tone = (kind) => sign(h("rect", { class: cls("area", kind), x: -5, y: -5, width: 10, height: 10 }));
  const entry = (picture, words) => h("span", { class: "legend-entry" }, picture, words);
  return h(
    "p",
    { class: "legend" },
    LEGEND.map(([kind, words]) => entry(sign(mark(kind, {})), words)),
    entry(tone("ready"), "Ready"),
    entry(tone("total"), "Unacked"),
  );
}

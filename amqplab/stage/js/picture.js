// The picture: marks, drawn from the ground up.
//
// Theory
// ------
// Layers, lowest first: the servers' ground and the gutter of lost messages, bindings and policies, the pipes, what
// is written on the edges, exchanges and queues, applications; over all of them what may move. A mark is drawn by
// the function of its kind, so nothing is drawn that is no mark (describe.js).
//
// What did not change since the last step is handed over as it was (`remember`), and costs nothing.

import { plural, round } from "./text.js";
import { cls, h, remember } from "./elements.js";
import { drawCursor, drawMessage, drawMore, drawSignal, drawTray, path, words } from "./marks.js";
import { handles } from "./mark.js";
import { drawChannel, drawConnection, drawStops, turnedNames } from "./pipes.js";
import { drawExchange, drawQueue } from "./nodes.js";
import { drawClient, drawHand, drawStrip } from "./apps.js";
import { drawCommand, drawFrameChip, drawSegment } from "./moving.js";

/** The layers of what stands, from its marks. `kept` remembers what was drawn last time; `riders` are on the wire, and no name
 * stands under them. */
export function picture(view, marks, kept, riders = []) {
  const layers = Object.fromEntries(LAYERS.map((name) => [name, []]));
  layers.ground.push(drawGutter(view));
  for (const one of marks) {
    const mark = one.kind === "channel" ? { ...one, turned: turnedNames(view, one, riders) } : one;
    const [layer, draw] = STANDING[mark.kind];
    if (mark.kind === "connection") layers.stops.push(drawKept(view, mark, kept, drawStops, "stops "));
    if (mark.kind === "binding") layers.edges.push(drawKept(view, mark, kept, drawLine, "line "));
    const drawn = drawKept(view, mark, kept, draw, "");
    if (drawn) layers[layer].push(drawn);
  }
  return [defsOf(view.uid), ...LAYERS.map((name) => h("g", { class: name }, layers[name]))];
}

/** The layer of what may move, from its marks. */
export const movingLayer = (view, marks, kept) =>
  h("g", { class: "tokens" }, marks.map((mark) => drawKept(view, mark, kept, MOVABLE[mark.kind], "")));

/** The same mark in the same layout is drawn once: its fields are all that a drawing depends on. */
function drawKept(view, mark, kept, draw, prefix) {
  const deps = [view.layout];
  for (const name in mark) deps.push(mark[name]);
  return remember(kept, `${prefix}${mark.key}`, deps, () => draw(view, mark));
}

const arrow = (id, kind, size) =>
  h(
    "marker",
    { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: size, markerHeight: size, orient: "auto" },
    h("path", { class: kind, d: "M0 .8L7.4 4L0 7.2z" }),
  );

const hatch = (id) =>
  h(
    "pattern",
    { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    h("rect", { class: "stripe", width: 2, height: 5 }),
  );

const kits = new Map();

/** What a drawing refers to by name. Names are the page's, and what a stage out of sight has under a name is not drawn:
 * so each stage has names of its own. */
function defsOf(uid) {
  const known = kits.get(uid);
  if (known) return known;
  const kit = h("defs", {}, hatch(`${uid}-hatch`), arrow(`${uid}-arrow`, "arrow", 7), arrow(`${uid}-arrow-lit`, "arrow-lit", 5));
  kits.set(uid, kit);
  return kit;
}

// --- the ground ---

/** A server's ground; one that speaks another protocol is a plain box. */
function drawServer(view, mark) {
  const { x, y, w, h: height, kind, title, note } = mark.box;
  const plain = kind !== "broker" && kind !== "amqp" && kind !== undefined;
  const kinds = cls("broker", plain && "plain", mark.alarms && "alarmed", DOWN.has(mark.state) && "down");
  const said = DOWN.has(mark.state) ? mark.state : plain ? kind : "virtual host /";
  return h(
    "g",
    handles(mark, kinds),
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 14 }),
    words(title ?? { x: x + 16, y: y + 24, anchor: "start" }, "title", mark.label),
    words(note ?? { x: x + w - 16, y: y + 24, anchor: "end" }, "quiet", said),
  );
}

const DOWN = new Set(["killed", "not running", "powered off", "frozen", "failed"]);

function drawAlarm(view, mark) {
  const long = mark.label.length * 7.4; // as long in a small picture, whose letters stay readable
  const w = long + 36;
  return h(
    "g",
    handles(mark, "alarm", { transform: `translate(${round(mark.x)} ${round(mark.y)})` }),
    h("rect", { x: round(-w / 2), y: -10, width: round(w), height: 20, rx: 4 }),
    h("path", { d: `M${round(-w / 2 + 13)} -5l6 10h-12z` }),
    h("text", { x: round(-w / 2 + 25), y: 4, textLength: round(long), lengthAdjust: "spacingAndGlyphs" }, mark.label),
  );
}

function drawGutter(view) {
  const { x, y, w, h: height } = view.layout.gutter;
  if (height <= 0) return null;
  return h(
    "g",
    { class: "gutter", role: "group", "aria-label": `lost and returned: ${plural(view.lost.length, "message")}` },
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 10 }),
    h("text", { class: "quiet", y: y + height / 2 - 3 }, h("tspan", { x: x + 16 }, "lost & "), h("tspan", { x: x + 16, dy: "1.15em" }, "returned")),
  );
}

// --- edges ---

/** A binding's line; the binding itself is its key in the layer above, if that has a place. */
function drawLine(view, mark) {
  const { edge, state } = mark;
  const kind = cls("edge", edge.ghost && "ghost", state && "used", mark.lit && "lit", mark.touched && "now");
  return h(
    "g",
    { key: mark.key, class: kind, "data-sel": mark.pick },
    h("path", { class: "reach", d: path(edge.curve) }),
    h("path", {
      class: "line",
      d: path(edge.curve),
      "marker-end": `url(#${view.uid}-arrow${state ? "-lit" : ""})`,
    }),
  );
}

/** A binding's key in its capsule; of one that has no place for it, a point on its line. */
function drawBinding(view, mark) {
  const { edge, state } = mark;
  if (!edge.at) return h("g", handles(mark, "key bare"), h("circle", { cx: mark.x, cy: mark.y, r: 2 }));
  return capsule(mark, cls("key", state && "used"), mark.words, edge.w);
}

const drawFold = (view, mark) => capsule(mark, cls("key fold", mark.state && "used"), mark.label, mark.fold.w);

const capsule = (mark, kind, text, width = text.length * 6.6 + 14) =>
  h(
    "g",
    handles(mark, kind, { transform: `translate(${round(mark.x)} ${round(mark.y)})` }),
    h("rect", { x: round(-width / 2), y: -9, width: round(width), height: 18, rx: 9 }),
    h("text", { class: "mono" }, text),
  );

/** Where dead letters go, or what was not routed. */
const drawPolicy = (view, mark) =>
  h(
    "g",
    handles(mark, cls("policy", mark.state)),
    h("path", { class: "line", d: path(mark.policy.curve), "marker-end": `url(#${view.uid}-arrow${mark.state.endsWith("taken") ? "-lit" : ""})` }),
    mark.policy.at && h("text", { class: "quiet mid halo", x: mark.x, y: mark.y + 4 }, mark.label),
  );

/** From a queue to the pipe of whoever consumes from it. */
const drawSubscription = (view, mark) =>
  h(
    "g",
    handles(mark, cls("subscription", mark.used && "used", mark.state)),
    h("path", { class: "line", d: path(mark.way.curve) }),
  );

// --- who draws what ---

/** Kind of mark -> the layer it is drawn in, and by what. */
const STANDING = {
  server: ["ground", drawServer],
  alarm: ["alarms", drawAlarm],
  policy: ["edges", drawPolicy],
  subscription: ["edges", drawSubscription],
  connection: ["pipes", drawConnection],
  channel: ["pipes", drawChannel],
  binding: ["labels", drawBinding],
  fold: ["labels", drawFold],
  exchange: ["nodes", drawExchange],
  queue: ["nodes", drawQueue],
  client: ["apps", drawClient],
  consumer: ["apps", drawHand],
  hand: ["apps", drawHand],
  confirms: ["apps", drawStrip],
};
const LAYERS = ["ground", "edges", "pipes", "stops", "labels", "nodes", "apps", "alarms"];

const MOVABLE = {
  segment: drawSegment,
  frame: drawFrameChip,
  part: drawFrameChip,
  command: drawCommand,
  message: drawMessage,
  signal: drawSignal,
  load: (view, mark) => (mark.signal ? drawSignal(view, mark) : drawMessage(view, mark)),
  more: drawMore,
  cursor: drawCursor,
  tray: drawTray,
};

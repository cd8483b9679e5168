// The picture: all that stands still at a step, from the ground up.
//
// Theory
// ------
// Layers, lowest first: the broker's ground and the gutter of lost messages, the bindings, the subscriptions,
// the pipes, the labels of the bindings, exchanges and queues, applications. What is not in the state is not
// drawn, but its place stays free (participants.py). What moves is drawn over all of it (moving.js).

import { cut, nameOf, plural, round } from "./text.js";
import { cls, h } from "./elements.js";
import { lostPoint } from "./geometry.js";
import { cross, keyLabel, lit, messageChip, path, thing } from "./marks.js";
import { drawPipe } from "./pipes.js";
import { drawExchange, drawQueue } from "./nodes.js";
import { drawApp } from "./apps.js";

const REASON = 22;

/** All layers but the topmost. */
export function picture(view) {
  const { edges, subscriptions, pipes, nodes, apps } = view.layout;
  const layer = (name, things, draw) =>
    h(
      "g",
      { class: name },
      Object.entries(things).map(([key, value]) => draw(view, key, value)),
    );
  const node = (_, key, at) => (at.kind === "queue" ? drawQueue : drawExchange)(view, key, at);
  return [
    defs(),
    h("g", { class: "ground" }, drawBroker(view), drawGutter(view)),
    layer("edges", edges, drawEdge),
    layer("subscriptions", subscriptions ?? {}, drawSubscription),
    layer("pipes", pipes, drawPipe),
    layer("labels", edges, edgeLabel),
    layer("nodes", nodes, node),
    layer("apps", apps, (_, __, app) => drawApp(view, app)),
  ];
}

const arrow = (id, kind, size) =>
  h(
    "marker",
    { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: size, markerHeight: size, orient: "auto" },
    h("path", { class: kind, d: "M0 .8L7.4 4L0 7.2z" }),
  );

const HATCH = {
  id: "amqplab-hatch",
  width: 5,
  height: 5,
  patternUnits: "userSpaceOnUse",
  patternTransform: "rotate(45)",
};

const defs = () =>
  h(
    "defs",
    {},
    h("pattern", HATCH, h("rect", { class: "stripe", width: 2, height: 5 })),
    arrow("amqplab-arrow", "arrow", 7),
    arrow("amqplab-arrow-lit", "arrow-lit", 5),
  );

function drawBroker(view) {
  const { x, y, w, h: height } = view.layout.broker;
  return h(
    "g",
    thing(view, "broker", `${view.scene.broker}: the broker`, "broker"),
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 14 }),
    h("text", { class: "title", x: x + 16, y: y + 24 }, view.scene.broker),
    h("text", { class: "quiet end", x: x + w - 16, y: y + 24 }, "virtual host /"),
  );
}

function drawGutter(view) {
  const { x, y, w, h: height } = view.layout.gutter;
  const label = `lost and returned: ${plural(view.lost.length, "message")}`;
  const { room } = lostPoint(view.layout, 0);
  const hidden = view.lost.length - room;
  return h(
    "g",
    { class: "gutter", role: "group", "aria-label": label },
    h("rect", { x: x + 1, y: y + 1, width: w - 2, height: height - 2, rx: 10 }),
    h("text", { class: "quiet", x: x + 16, y: y + height / 2 + 4 }, "lost & returned"),
    view.lost
      .slice(0, room)
      .map(([key, entity], i) => drawLost(view, key, entity, lostPoint(view.layout, i))),
    hidden > 0 && h("text", { class: "quiet end", x: x + w - 8, y: y + height / 2 + 4 }, `+${hidden}`),
  );
}

const drawLost = (view, key, entity, at) =>
  h(
    "g",
    { key },
    messageChip(view, entity.message, at.x, at.y, { kind: "dead" }),
    h("path", { class: "cross small", d: cross(at.x + 10, at.y - 8, 3.5) }),
    h("text", { class: "quiet", x: at.x + 18, y: at.y + 4 }, cut(entity.reason, REASON)),
  );

function drawEdge(view, key, edge) {
  const used = view.flow.edges.has(key);
  const exists = edge.ghost ? used : view.state.has(key);
  if (!exists) return null;
  const now = view.now?.has(key) && "now";
  return h(
    "g",
    {
      key,
      class: cls("edge", edge.ghost && "ghost", used && "used", lit(view, "entity", key), now),
      "data-sel": `entity:${key}`,
    },
    h("path", { class: "reach", d: path(edge.curve) }),
    h("path", {
      class: "line",
      d: path(edge.curve),
      "marker-end": used ? "url(#amqplab-arrow-lit)" : "url(#amqplab-arrow)",
    }),
  );
}

/** From a queue to the pipe of whoever consumes from it. */
function drawSubscription(view, key, way) {
  if (!view.state.has(key) || !view.state.has(way.queue)) return null;
  const kind = cls("subscription", view.flow.edges.has(key) && "used", lit(view, "entity", key));
  return h(
    "g",
    { key, class: kind, "data-sel": `entity:${key}` },
    h("path", { class: "line", d: path(way.curve) }),
  );
}

function edgeLabel(view, key, edge) {
  if (edge.ghost || !view.state.has(key)) return null;
  const { label, width } = keyLabel(edge);
  const ends = `binding ${nameOf(edge.source) || "default"} to ${nameOf(edge.target)}`;
  const said = `${ends}, key ${edge.label || "empty"}`;
  return h(
    "g",
    {
      ...thing(view, key, said, cls("key", view.flow.edges.has(key) && "used")),
      key: `k${key}`,
      transform: `translate(${edge.at[0]} ${edge.at[1]})`,
    },
    h("rect", { x: round(-width / 2), y: -9, width: round(width), height: 18, rx: 9 }),
    h("text", { class: "mono" }, label),
  );
}

// Nodes: exchanges and queues, drawn as RabbitMQ's own tutorials draw them.
//
// Theory
// ------
// An exchange keeps nothing: it is a sign with a type. A queue is a row of cells with its head at the right,
// where consumers take from; messages that are delivered but not acknowledged stand first, as ghosts, for the
// queue still owns them. RabbitMQ's own three words under it: Ready, Unacked, Total.

import { abridged, cut, nameOf } from "./text.js";
import { cls, h } from "./elements.js";
import { cellPoint } from "./geometry.js";
import { messageChip, thing } from "./marks.js";

/** An exchange; the default exchange is always there, as a ghost. */
export function drawExchange(view, key, node) {
  const name = nameOf(key);
  const ghost = name === "";
  const exchange = view.state.get(key);
  if (!exchange && !ghost) return null;
  const type = exchange?.type ?? "direct";
  const busy = view.flow.nodes.has(key);
  const label = ghost ? "the default exchange" : `exchange ${name}, type ${type}`;
  return h(
    "g",
    thing(view, key, label, cls("exchange", ghost && "ghost", busy && "busy")),
    h(
      "g",
      { transform: `translate(${node.x} ${node.y})` },
      h("rect", { class: "shape", x: -20, y: -20, width: 40, height: 40, rx: 7, transform: "rotate(45)" }),
      h("text", { class: "letter" }, "X"),
      exchangeName(view, ghost ? "(default)" : name, ghost ? "key = queue name" : type),
    ),
  );
}

/** Under the sign; on a narrow page, where the edges leave downwards, beside it. */
function exchangeName(view, name, type) {
  if (view.layout.orientation === "wide")
    return [
      h("text", { class: "name", y: 43 }, cut(name, 16)),
      h("text", { class: "quiet mid", y: 57 }, type),
    ];
  return [
    h("text", { class: "name start", x: 35, y: -1 }, cut(name, 11)),
    h("text", { class: "quiet", x: 35, y: 13 }, cut(type, 16)),
  ];
}

/** The letters that RabbitMQ's management pages use. */
export const featuresOf = (queue) =>
  [
    queue.durable && "D",
    queue.exclusive && "Excl",
    queue.auto_delete && "AD",
    queue.arguments && "Args",
  ].filter(Boolean);

/** A queue: its head at the right; Unacked as ghosts at the head, then Ready. */
export function drawQueue(view, key, node) {
  const queue = view.state.get(key);
  if (!queue) return null;
  const name = nameOf(key);
  const counts = [`Ready ${queue.ready_count}`, `Unacked ${queue.unacked_count}`, `Total ${queue.total}`];
  const words = counts.join(view.layout.orientation === "wide" ? "  ·  " : " · ");
  const features = featuresOf(queue).join(" ");
  const frame = { x: node.x - node.w / 2, y: node.y - node.h / 2, width: node.w, height: node.h };
  return h(
    "g",
    thing(view, key, `queue ${name}: ${counts.join(", ")}`, "queue"),
    queueName(view, node, name, features),
    h("rect", { class: "shape", ...frame, rx: 9 }),
    drawCells(view, key, node, queue),
    h("text", { class: "counts", x: node.x, y: node.y + node.h / 2 + 17 }, words),
  );
}

/** Above the queue; on a narrow page at its left corner, for the edges come from above. */
function queueName(view, node, name, features) {
  const wide = view.layout.orientation === "wide";
  const x = wide ? node.x : node.x - node.w / 2 + 3;
  const most = (wide ? 22 : 15) - (features ? 4 : 0);
  return h(
    "text",
    { class: cls("name", !wide && "start"), x, y: node.y - node.h / 2 - 9 },
    abridged(name, most),
    features && h("tspan", { class: "feature", dx: 6 }, features),
  );
}

function drawCells(view, key, node, queue) {
  const { room } = cellPoint(node, 0);
  const tail = cellPoint(node, room - 1);
  const shown = [...queue.unacked, ...queue.ready].slice(0, queue.total > room ? room - 1 : room);
  const hidden = queue.total - shown.length;
  return [
    Array.from({ length: room }, (_, i) => {
      const at = cellPoint(node, i);
      return h("rect", { class: "cell", x: at.x - 11, y: at.y - 14, width: 22, height: 28, rx: 3 });
    }),
    shown.map((message, i) => {
      const at = cellPoint(node, i);
      return messageChip(view, message, at.x, at.y, { kind: i < queue.unacked.length ? "ghosted" : "ready" });
    }),
    hidden > 0 && h("text", { class: "more", x: tail.x, y: tail.y + 4 }, `+${hidden}`),
  ];
}

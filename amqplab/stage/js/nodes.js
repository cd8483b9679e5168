// Nodes: exchanges and queues, drawn as RabbitMQ's own tutorials draw them.
//
// Theory
// ------
// An exchange keeps nothing: it is a sign with a type. A queue is a row of cells with its head at the right,
// where consumers take from; what stands in the cells are marks of their own (messages.js). RabbitMQ's own three
// words under it: Ready, Unacked, Total. A queue with more messages than cells shows its head and its tail, and a
// bar how much of it is Ready and how much is Unacked.

import { round } from "./text.js";
import { cls, h } from "./elements.js";
import { cellPoint, roomOf } from "./geometry.js";
import { moveTo, words } from "./marks.js";
import { handles } from "./mark.js";

/** An exchange; the default exchange is always there, as a ghost. */
export function drawExchange(view, mark) {
  const { node, ghost, busy } = mark;
  return h(
    "g",
    handles(mark, cls("exchange", ghost && "ghost", busy && "busy")),
    h(
      "g",
      { transform: moveTo(node) },
      h("rect", { class: "shape", x: -20, y: -20, width: 40, height: 40, rx: 7, transform: "rotate(45)" }),
      !busy && h("text", { class: "letter" }, "X"),
    ),
    words(node.words, "name", mark.name),
    words(node.more, "quiet", mark.type),
  );
}

/** A queue: its head at the right. */
export function drawQueue(view, mark) {
  const { node, queue, features } = mark;
  const frame = { x: node.x - node.w / 2, y: node.y - node.h / 2, width: node.w, height: node.h };
  return h(
    "g",
    handles(mark, "queue"),
    words(node.words, "name", mark.name, features && h("tspan", { class: "feature", dx: 6 }, features)),
    h("rect", { class: "shape", ...frame, rx: 9 }),
    drawCells(view, node),
    drawShares(view, node, queue),
    words(node.more, "counts", ...countsOf(mark.state)),
  );
}

/** The three words; the sum of the others goes where letters that stay readable have no room for it. */
function countsOf(state) {
  const at = state.lastIndexOf(" · ");
  return [state.slice(0, at), h("tspan", { class: "spare" }, state.slice(at))];
}

function drawCells(view, node) {
  const g = view.scene.geometry;
  return Array.from({ length: roomOf(g, node) }, (_, i) => {
    const at = cellPoint(g, node, i);
    const cell = { x: at.x - g.cell_w / 2, y: at.y - g.cell_h / 2, width: g.cell_w, height: g.cell_h, rx: 3 };
    return h("rect", { class: "cell", ...cell });
  });
}

/** How much of a long queue is Unacked (at the head) and how much is Ready. */
function drawShares(view, node, { ready_count: ready, unacked_count: unacked }) {
  if (ready + unacked <= roomOf(view.scene.geometry, node)) return null;
  const whole = node.w - 12;
  const part = round((whole * unacked) / (ready + unacked));
  const y = node.y + node.h / 2 - 4;
  const right = node.x + whole / 2;
  return [
    h("rect", { class: "bar-ready", x: round(right - whole), y, width: round(whole - part), height: 3 }),
    unacked > 0 && h("rect", { class: "bar-unacked", x: round(right - part), y, width: part, height: 3 }),
  ];
}

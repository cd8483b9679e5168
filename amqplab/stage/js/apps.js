// Applications: producers and consumers, with what they hold and what they wait for.
//
// Theory
// ------
// A consumer's prefetch is a promise about its hand: so many slots, so many messages at once. Messages in a slot
// are hatched, because they are not acknowledged yet. A publisher in confirm mode remembers which of its numbers
// the broker still owes an answer for; these stand under its name until they are confirmed.

import { cut, encode, nameOf, plural } from "./text.js";
import { cls, h } from "./elements.js";
import { handOf, slotPoint } from "./geometry.js";
import { consumersOf } from "./journeys.js";
import { cross, messageChip, thing } from "./marks.js";

const ROLES = { P: "producer", C: "consumer", PC: "producer and consumer" };
const CONFIRMS_SHOWN = 4;

/** An application: P, C or both; pale until it has a connection. */
export function drawApp(view, app) {
  const host = view.state.get(`host/${encode(app.name)}`);
  const rows = consumersOf(view, app.name);
  const roles = view.scene.roles?.[app.name] ?? "";
  const held = rows.reduce((n, [, consumer]) => n + consumer.holding_count, 0);
  const holds = held ? `, holds ${plural(held, "unacknowledged message")}` : "";
  const away = !connectionsOf(view, app).some((name) => view.state.has(`connection/${encode(name)}`));
  const kind = cls(
    "app",
    roles === "C" ? "consumer" : "producer",
    host?.crashed && "dead",
    host?.frozen && "frozen",
    away && !host?.crashed && "away",
  );
  return h(
    "g",
    thing(view, `host/${encode(app.name)}`, `${ROLES[roles] ?? "application"} ${app.name}${holds}`, kind),
    h("circle", { class: "shape", cx: app.x, cy: app.y, r: 25 }),
    h("text", { class: "letter", x: app.x, y: app.y }, roles === "PC" ? "P C" : roles || "A"),
    host?.crashed && h("path", { class: "cross", d: cross(app.x, app.y, 15) }),
    h(
      "text",
      { class: "name", x: app.x, y: app.y + 40 },
      cut(app.name, 15),
      host?.frozen && h("tspan", { class: "feature", dx: 5 }, "frozen"),
    ),
    rows.map(([key, consumer], row) => drawHand(view, app, key, consumer, row)),
    drawConfirms(view, app, app.y + 56 + rows.length * 22),
  );
}

const connectionsOf = (view, app) =>
  Object.entries(view.layout.pipes)
    .filter(([, pipe]) => pipe.app === app.name)
    .map(([name]) => name);

function drawHand(view, app, key, consumer, row) {
  const hand = handOf(consumer);
  const limit = consumer.prefetch ? `prefetch ${consumer.prefetch}` : "no prefetch limit";
  const label = `consumer ${nameOf(key)}: ${limit}, holds ${consumer.holding_count}`;
  const last = slotPoint(app, row, hand.slots - 1, hand);
  return h(
    "g",
    thing(view, key, label, cls("hand", !consumer.prefetch && "unlimited")),
    Array.from({ length: hand.slots }, (_, i) =>
      drawSlot(view, key, consumer.holding[i], slotPoint(app, row, i, hand), i),
    ),
    hand.more > 0 && h("text", { class: "quiet", x: last.x + 15, y: last.y + 4 }, `+${hand.more}`),
  );
}

/** A slot is kept free, dashed, for a message that is on its way. */
function drawSlot(view, key, message, at, i) {
  const coming = message !== undefined && view.flow.coming.has(`${key}#${message}`);
  const frame = { x: at.x - 10.5, y: at.y - 8, width: 21, height: 16, rx: 2.5 };
  return h(
    "g",
    { key: i },
    h("rect", { class: cls("slot", coming && "coming"), ...frame }),
    message !== undefined &&
      !coming &&
      messageChip(view, message, at.x, at.y, { kind: "held", hatched: true }),
  );
}

function drawConfirms(view, app, y) {
  const prefixes = connectionsOf(view, app).map((name) => `confirm/${encode(name)}/`);
  const mine = view.confirms.filter(([key]) => prefixes.some((prefix) => key.startsWith(prefix)));
  const numbers = mine.flatMap(([, entity]) => entity.outstanding);
  if (!numbers.length) return null;
  const shown = numbers.slice(0, CONFIRMS_SHOWN);
  return h(
    "g",
    { class: "confirms", transform: `translate(${app.x} ${y})` },
    h("text", { class: "quiet mid", y: 3 }, "to confirm"),
    shown.map((n, i) => {
      const cutOff = i === CONFIRMS_SHOWN - 1 && numbers.length > CONFIRMS_SHOWN;
      return h(
        "g",
        { transform: `translate(${(i - (shown.length - 1) / 2) * 20} 16)` },
        h("rect", { x: -8.5, y: -8, width: 17, height: 16, rx: 3 }),
        h("text", {}, cutOff ? "…" : n),
      );
    }),
  );
}

// Applications: producers and consumers, with what they hold and what they wait for.
//
// Theory
// ------
// A consumer's prefetch is a promise about its hand: so many slots, so many messages at once. A publisher in confirm
// mode remembers which of its numbers the broker still owes an answer for; these stand under its name until they
// are confirmed. A program that is frozen, finished or gone is drawn as what it is.

import { round, widthOf } from "./text.js";
import { cls, h } from "./elements.js";
import { hadPoint, slotPoint, stripPoint, trayPoint } from "./geometry.js";
import { cross, words } from "./marks.js";
import { handles } from "./mark.js";

const WORDED = new Set(["killed", "not running", "frozen", "powered off", "finished", "failed"]);
const CROSSED = new Set(["killed", "failed", "powered off"]);
const HAD_SIZE = 12; // a little more than its letters have, for they are bold
const UNDER_SLOTS = 16;

/** An application: P, C or both; pale until it has a connection. */
export function drawClient(view, mark) {
  const { app, roles, state, away } = mark;
  const r = app.r ?? 25;
  const kind = cls(
    ...["app", roles === "C" ? "consumer" : "producer", WORDED.has(state) && state.replaceAll(" ", "-")],
    away && !CROSSED.has(state) && "away",
  );
  return h(
    "g",
    handles(mark, kind),
    h("circle", { class: "shape", cx: app.x, cy: app.y, r }),
    h("text", { class: "letter", x: app.x, y: app.y }, roles === "PC" ? "P C" : roles || "A"),
    CROSSED.has(state) && h("path", { class: "cross", d: cross(app.x, app.y, round(r * 0.6)) }),
    state === "frozen" && h("path", { class: "ice", d: ice(app.x + r * 0.75, app.y - r * 0.75) }),
    named(view, mark),
  );
}

/** Its name, and how it is: behind the name, or, where the pipe is beside it, over its head and what stands there. */
function named(view, { id, app, name, state }) {
  if (!WORDED.has(state)) return words(app.words, "name", name);
  if (view.layout.orientation !== "wide" || app.words.anchor !== "middle")
    return words(app.words, "name", name, h("tspan", { class: "feature", dx: 5 }, state));
  const g = view.scene.geometry;
  const many = view.state.at(`client|${id}`).length;
  const y = many ? trayPoint(g, app, many - 1).y - g.message_h / 2 - 4 : app.y - (app.r ?? 25) - 5;
  return [words(app.words, "name", name), h("text", { class: "feature mid", x: app.x, y }, state)];
}

/** A snow crystal. */
const ice = (x, y) =>
  [0, 60, 120]
    .map((angle) => {
      const [dx, dy] = [7 * Math.cos((angle * Math.PI) / 180), 7 * Math.sin((angle * Math.PI) / 180)];
      return `M${round(x - dx)} ${round(y - dy)}L${round(x + dx)} ${round(y + dy)}`;
    })
    .join("");

/** A hand: as many slots as it may hold; what is in them are marks of their own. */
export function drawHand(view, mark) {
  const { row, held, had, limit, state } = mark;
  const hand = { slots: mark.slots, more: mark.more };
  const g = view.scene.geometry;
  const last = slotPoint(g, row, hand.slots, hand);
  const done = hadPoint(g, row, hand);
  const hidden = Math.max(0, held - hand.slots);
  return h(
    "g",
    handles(mark, cls("hand", !limit && mark.kind === "consumer" && "unlimited", state)),
    Array.from({ length: hand.slots }, (_, i) => {
      const at = slotPoint(g, row, i, hand);
      return h("rect", { class: "slot", x: round(at.x - 10.5), y: round(at.y - 8), width: 21, height: 16, rx: 2.5 });
    }),
    hand.more > 0 && !hidden && h("text", { class: "quiet mid", x: round(last.x), y: last.y + 4 }, `+${hand.more}`),
    had > 0 && hadWords(view, done, row.anchor === "end", `${had} done`),
    state === "active" && h("path", { class: "active", d: pointer(slotPoint(g, row, 0, hand)) }),
    state === "waiting" && h("text", { class: "quiet mid", x: round(slotPoint(g, row, 0, hand).x - 24), y: row.y + 4 }, "…"),
  );
}

/** What a consumer has done with: beside its slots, or below them where the picture ends there. */
function hadWords({ layout }, { x, y }, isEnd, said) {
  const width = widthOf(said, HAD_SIZE) + 2;
  const inside = isEnd ? Math.max(x, width) : Math.min(x, layout.width - width);
  return h("text", { class: cls("had", isEnd ? "end" : "start"), x: round(inside), y: round(inside === x ? y : y + UNDER_SLOTS) }, said);
}

/** Of several consumers, the one that is served. */
const pointer = ({ x, y }) => `M${round(x - 22)} ${y - 6}l9 6l-9 6z`;

/** The numbers that the broker still owes an answer for. */
export function drawStrip(view, mark) {
  const { strip, row } = mark;
  const g = view.scene.geometry;
  const numbers = strip.count <= g.strip_shown ? strip.outstanding : strip.outstanding.slice(0, g.strip_shown - 1);
  const more = strip.count - numbers.length;
  const count = numbers.length + (more ? 1 : 0);
  return h(
    "g",
    handles(mark, "confirms"),
    words(row, "quiet", row.label || "broker owes confirm #"),
    [...numbers, ...(more ? [`+${more}`] : [])].map((n, i) => {
      const at = stripPoint(g, row, i, count);
      return [
        h("rect", { x: round(at.x - 9), y: round(at.y - 8), width: 18, height: 16, rx: 3 }),
        h("text", { class: "slip", x: round(at.x), y: round(at.y) }, n),
      ];
    }),
  );
}

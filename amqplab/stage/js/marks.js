// Marks: the small signs that mean the same wherever they stand.
//
// Theory
// ------
// A message is an envelope with its number, in its own colour; hatched in a consumer's hand, a ghost in the
// queue that still owns it. A frame is a letter: M, H, B for a method, its content header and its body. What is
// selected is "lit", and that is a class, so that one click can light a thing in every panel at once.

import { cut, round } from "./text.js";
import { cls, h } from "./elements.js";
import { TYPES } from "./scene.js";

const PALETTE = 7;

/** The class with a message's colours; the colour never stands alone, the number is beside it. */
export const hue = (message) => (message ? `m${(message - 1) % PALETTE}` : "m");

export const lit = (view, kind, id) => view.lit?.[kind]?.has(id) && "lit";

const at = (x, y) => `translate(${round(x)} ${round(y)})`;

/** A message: an envelope with its number, in its own colour. */
export function messageChip(view, message, x, y, { key, kind = "", hatched = false } = {}) {
  const paper = { x: -10.5, y: -8, width: 21, height: 16, rx: 2.5 };
  const props = {
    key: key ?? `m${message}`,
    class: cls("message", hue(message), kind, lit(view, "message", message)),
    "data-sel": `message:${message}`,
    transform: at(x, y),
  };
  return h(
    "g",
    props,
    h("rect", { class: "paper", ...paper }),
    hatched && h("rect", { class: "hatch", ...paper }),
    h("path", { class: "flap", d: "M-10 -6.5L0 .5L10 -6.5" }),
    h("text", { class: "number" }, message),
  );
}

/** A frame: its letter, in a shape of its own; `part` of it, where a segment carries only some of its octets. */
export function frameChip(view, f, x, y, part) {
  const props = {
    key: `f${f.id}`,
    class: cls("chip", `t${f.type}`, hue(f.messages[0]), part && "part", lit(view, "frame", f.id)),
    "data-sel": `frame:${f.id}`,
    transform: at(x, y),
  };
  const radius = f.type === 1 ? 3 : f.type === 2 ? 6 : 0;
  return h(
    "g",
    props,
    h("rect", { x: -7.5, y: -6.5, width: 15, height: 13, rx: radius }),
    h("text", {}, TYPES[f.type] ?? "?"),
  );
}

export const rounded = (box) =>
  Object.fromEntries(Object.entries(box).map(([name, value]) => [name, round(value)]));

export const cross = (x, y, r) =>
  `M${round(x - r)} ${round(y - r)}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`;

export const path = (c) => `M${c[0]} ${c[1]}C${c.slice(2).join(" ")}`;

/** A binding's key in its capsule: what is shown, and how wide that is. */
export function keyLabel(edge) {
  const label = cut(edge.label || "—", 18);
  return { label, width: label.length * 6.4 + 14 };
}

/** What all selectable things of the picture have: a place in the focus order, a name, their classes. */
export const thing = (view, key, label, extra) => ({
  key,
  "data-sel": `entity:${key}`,
  class: cls(extra, lit(view, "entity", key), view.now?.has(key) && "now"),
  "data-focus": key,
  tabindex: -1,
  role: "group",
  "aria-label": label,
});

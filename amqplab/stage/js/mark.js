// Mark: one thing of the picture as a value, before it is drawn.
//
// Theory
// ------
// What is on the picture is a flat list of marks (describe.js): a queue, a message in a hand, a segment. The drawing
// functions draw marks and nothing else; the handles by which tests and helpers find a thing (data-kind, data-id,
// data-place, data-state) are the mark's own fields. So what is drawn and what is said to be drawn cannot differ.
//
// A mark is the *subject* if the sentence of the step speaks of it, *touched* if this step changed it, and *lit* if
// it belongs to what somebody picked.

import { cls } from "./elements.js";

/**
 * @typedef {object} Mark
 * @property {string} kind what it is: "message", "queue", "exchange", "client", …
 * @property {string} id its key in the state, or its number
 * @property {string} place where it is, for messages: "queue:app:ready", "link:a:1", …
 * @property {string} state how it is: "unacked", "blocked", "lost", … or ""
 * @property {string} label what is written on it
 * @property {number} x
 * @property {number} y
 * @property {string} key its name among all marks
 * @property {string} pick what a click on it picks
 * @property {string} said its name for those who do not see it
 * @property {boolean} subject
 * @property {boolean} touched
 * @property {boolean} lit
 */

/** A thing with an entity in the state, under the key `entity`.
 * @template T @param {View} view @param {string} kind @param {string} entity @param {T} fields @returns {Mark & T} */
export function entityMark(view, kind, entity, fields) {
  const mark = blank(kind, entity, `entity:${entity}`);
  mark.subject = view.subject.keys.includes(entity);
  mark.touched = view.touched.has(entity);
  mark.lit = view.lit.entity.has(entity);
  const whole = Object.assign(mark, fields);
  whole.key ||= `${kind} ${whole.id}`;
  return whole;
}

/** A thing with a number: a message, a frame, a command, a segment.
 * @template T @param {View} view @param {string} kind @param {number | null} number
 * @param {T} fields @returns {Mark & T} */
export function numberedMark(view, kind, number, fields) {
  const mark = blank(kind, String(number), `${kind}:${number}`);
  const [subject, lit] = [view.subject, view.lit].map((one) => /** @type {Record<string, any>} */ (one)[kind]);
  mark.subject = number !== null && subject === number;
  mark.lit = lit?.has(number) ?? false;
  const whole = Object.assign(mark, fields);
  whole.key ||= `${kind} ${number}`;
  return whole;
}

/** All marks have the same fields, in the same order: so they are quick to make and to compare.
 * @param {string} kind @param {string} id @param {string} pick @returns {Mark} */
function blank(kind, id, pick) {
  // prettier-ignore
  return { kind, id, place: "", state: "", label: "", x: 0, y: 0, said: "", key: "", pick, subject: false, touched: false, lit: false };
}

/** The attributes of a mark's element; `kind` are its classes. @param {Mark} mark @param {string} kind @param {Record<string, any>} [more] */
export const handles = (mark, kind, more = {}) => ({
  key: mark.key,
  class: cls(kind, mark.lit && "lit", mark.touched && "now", mark.subject && "subject"),
  "data-kind": mark.kind,
  "data-id": mark.id,
  "data-place": mark.place || null,
  "data-state": mark.state || null,
  "data-sel": mark.pick,
  "data-focus": mark.key,
  tabindex: -1,
  role: "group",
  "aria-label": mark.said,
  ...more,
});

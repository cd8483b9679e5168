// Selection: what belongs to the thing that was picked, so that one thing lights up everywhere.
//
// Theory
// ------
// A message, its frames and the segments that carry them are one thing seen at three sizes. Whoever picks one of
// them sees the others lit in every panel.

import { STORY } from "./scene.js";

/** @typedef {Record<"frame" | "segment" | "message" | "command", Set<number>> & {entity: Set<string>}} Lit */

/** What belongs to the selection: a Set of numbers (or keys) by kind. @param {Scene} scene @param {Picked | null} selection */
export function related(scene, selection) {
  /** @type {Lit} */
  const found = { frame: new Set(), segment: new Set(), message: new Set(), command: new Set(), entity: new Set() };
  if (!selection) return found;
  if (selection.kind === "entity") found.entity.add(selection.id);
  else found[selection.kind]?.add(selection.id);
  for (const f of framesOf(scene, selection)) {
    found.frame.add(f.id);
    if (selection.kind !== "message") for (const message of f.messages) found.message.add(message);
    if (selection.kind === "segment") continue;
    for (const [n] of f.carriers) found.segment.add(n);
    if (f.command !== null) found.command.add(f.command);
  }
  return found;
}

/** The frames that a selection is, has, or carries. @param {Scene} scene @param {Picked} selection @returns {Frame[]} */
export function framesOf(scene, { kind, id }) {
  if (kind === "message") return scene.framesOfMessage(id);
  if (kind === "frame") return known(scene, [id]);
  if (kind === "command") return known(scene, scene.commands[id]?.frames ?? []);
  if (kind === "segment") return known(scene, (scene.segmentByNumber.get(id)?.frames ?? []).map(([frame]) => frame));
  return [];
}

/** @param {Scene} scene @param {number[]} ids */
const known = (scene, ids) => ids.map((id) => scene.frames[id]).filter(Boolean);

/** "frame:12" or "entity:queue/%2F/app" as {kind, id}. @param {string} text @returns {Picked} */
export function parseSelection(text) {
  const at = text.indexOf(":");
  const [kind, id] = [text.slice(0, at), text.slice(at + 1)];
  return /** @type {Picked} */ ({ kind, id: kind === "entity" ? id : +id });
}

/** What a record is about, as something to look at: the frame that it speaks of, or else the largest thing. The story
 * speaks of the message in a frame.
 * @param {Scene} scene @param {number} zoom @param {number} seq @returns {Picked | null} */
export function selectionOf(scene, zoom, seq) {
  if (seq < 0) return null;
  const { frame, command, segment, message, keys } = scene.subjectOf(seq);
  const { messages = [] } = scene.commands[command ?? -1] ?? {};
  if (zoom === STORY && messages.length === 1) return { kind: "message", id: messages[0] };
  if (frame !== undefined) return { kind: "frame", id: frame };
  if (command !== undefined) return { kind: "frame", id: scene.commands[command].frames[0] };
  if (segment !== undefined) return { kind: "segment", id: segment };
  if (message !== undefined) return { kind: "message", id: message };
  return keys.length ? { kind: "entity", id: keys[0] } : null;
}

// Describe: the picture as a flat list of marks.
//
// Theory
// ------
// One pure function of the view. Whoever draws draws these; whoever tests asks these; the static picture has a
// function of the same name and the same fields (stage/marks.py), and a test compares the two.
//
// The marks fall into two layers: what stands (fixtures.js), and what may move (wire.js, messages.js, riders.js). After a step
// only the second one is drawn again while things move.

import { fixtures } from "./fixtures.js";
import { messageMarks } from "./messages.js";
import { riderMarks } from "./riders.js";
import { wireMarks } from "./wire.js";

/** What stands, in the order of drawing. @returns {Mark[]} */
export const standing = (view) => fixtures(view);

/** What may move: on the wire, and all messages. @returns {Mark[]} */
export function movable(view) {
  const { marks: onWire, hosts } = wireMarks(view);
  return [...onWire, ...messageMarks(view), ...riderMarks(view, hosts)];
}

/** Everything that is drawn. @returns {Mark[]} */
export const marks = (view) => [...standing(view), ...movable(view)];

// Anew: what was lost and is sent again sets out at its sender, and does not slide back from its ×.
//
// Theory
// ------
// A thing on a link has one mark, however often TCP sends its last byte. Between two rides the mark does not move: what
// was lost is gone, and a copy of its bytes leaves the sender. So before anything moves, such a mark is put to the
// mouth. Going back in time there is no way from the second ride to the × of the first either: the mark is there at
// once.

import { lanePoint } from "./geometry.js";
import { rideOfFrame } from "./ride.js";

/** The frame that carries the last byte of what a mark stands for, if it is on a link. @returns {Frame | undefined} */
function lastFrame(scene, mark) {
  if (mark.kind === "frame") return mark.f;
  const command = mark.c ?? (mark.conn === undefined ? undefined : scene.commands[mark.command]);
  return command && scene.frames[command.frames.at(-1)];
}

/** Whether what was on its way at the record `early`, or was lost, rides again in another segment at `late`. */
export function isSentAgain(scene, mark, early, late) {
  const frame = lastFrame(scene, mark);
  const first = frame && rideOfFrame(scene, frame, early, scene.timeOf(early)).segment;
  if (!first || (first.lost_seq === null && first.arrived !== null && first.arrived <= late)) return false;
  return scene.lastCarriers(frame).some((s) => s.sent > early && s.sent <= late);
}

/** The marks before a step, those that are sent again in it at their sender.
 * @param {Mark[]} before @returns {(Mark & {isAnew?: boolean})[]} */
export function anewAtSender(view, before, from) {
  const { scene, layout, seq } = view;
  if (seq <= from) return before;
  return before.map((mark) => {
    if (!isSentAgain(scene, mark, from, seq)) return mark;
    const frame = lastFrame(scene, mark);
    const wide = layout.orientation === "wide";
    const mouth = lanePoint(scene.geometry, layout.pipes[frame.conn], wide, frame.up, frame.channel, 0, scene.geometry.mouth);
    const at = wide ? { x: mouth.x, y: mark.y } : { x: mark.x, y: mouth.y };
    return { ...mark, ...at, state: "under way", isAnew: true };
  });
}

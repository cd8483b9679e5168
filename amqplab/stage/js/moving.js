// What moves on links: segments, frames and commands.
//
// Theory
// ------
// Segments are slabs that fill their tube, with the frames over them; frames keep to the lane of their channel;
// commands are pills with a name, and with the number of the message that they carry (riders.js).

import { round } from "./text.js";
import { cls, h } from "./elements.js";
import { pipeSpan, tubeEdge } from "./geometry.js";
import { cross, hue, moveTo } from "./marks.js";
import { handles } from "./mark.js";
import { isOver } from "./ride.js";
import { captionAt, captionWords } from "./wire.js";

const CHIP_LETTER = 6.6;

/** A segment: a slab across its tube. */
export function drawSegment(view, mark) {
  const { s, w, h: height, up, state } = mark;
  const over = isOver(state);
  const g = view.scene.geometry;
  const wide = view.layout.orientation === "wide";
  const span = pipeSpan(g, view.layout.pipes[s.conn], wide);
  const slab = { x: round(-w / 2), y: round(-height / 2), width: round(w), height: round(height), rx: 5 };
  const across = tubeEdge(g, span, up) - mark.y + (up ? -6 : 13);
  const said = captionWords(s, state);
  const shift = captionAt(span, said, mark.x).along - mark.x;
  return h(
    "g",
    handles(mark, cls("segment", over && "lost", s.again && "again"), { transform: moveTo(mark) }),
    h("rect", { class: "slab", ...slab }),
    over && h("path", { class: "cross", d: cross(0, 0, 9) }),
    wide &&
      mark.caption &&
      h(
        "text",
        { class: cls("caption halo", over && "bad"), x: round(shift), y: round(across) },
        said,
      ),
  );
}

/** A frame: its letter, in a shape of its own; dashed if a segment carries only a part of it. */
export function drawFrameChip(view, mark) {
  const { f, part, state } = mark;
  const w = Math.max(15, mark.label.length * CHIP_LETTER + 6);
  const radius = f.type === 1 ? 3 : f.type === 2 ? 6 : 0;
  const kind = cls(...["chip", `t${f.type}`, hue(mark.hue), part && "part", isOver(state) && "lost"]);
  return h(
    "g",
    handles(mark, kind, { transform: moveTo(mark) }),
    h("rect", { x: round(-w / 2), y: -6.5, width: round(w), height: 13, rx: radius }),
    h("text", {}, mark.label),
    isOver(state) && h("path", { class: "cross small", d: cross(w / 2, -6.5, 3.5) }),
  );
}

/** A command: a pill with its name. */
export function drawCommand(view, mark) {
  const { w, badge, state } = mark;
  const wide = view.layout.orientation === "wide";
  return h(
    "g",
    handles(mark, cls("pill", hue(mark.hue), isOver(state) && "lost"), { transform: moveTo(mark) }),
    h("rect", { x: round(-w / 2), y: -7.5, width: round(w), height: 15, rx: 7.5 }),
    (wide || !badge) && h("text", { x: badge ? -9 : 0 }, wide ? mark.words : mark.words.slice(0, 3)),
    isOver(state) && h("path", { class: "cross small", d: cross(w / 2, -7.5, 3.5) }),
  );
}

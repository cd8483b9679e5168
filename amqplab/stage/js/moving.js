// What moves: segments, frames, commands and messages in the air, the topmost layer of the picture.
//
// Theory
// ------
// The zoom decides what is looked at. Segments are slabs that fill their tube, with the frames inside them;
// frames keep to the lane of their channel; commands are pills with a name; at milestones only messages and
// acknowledgements remain. They all share the same times, so changing the zoom never changes what happens.

import { cut, round } from "./text.js";
import { cls, h } from "./elements.js";
import { CHIP, GAP, alongStops, box, lanePoint, pipeSpan, tubeMiddle } from "./geometry.js";
import { goesUp, stopsOf } from "./journeys.js";
import { cross, frameChip, hue, lit, messageChip, rounded } from "./marks.js";

const FRAMES_SHOWN = 7;
const CAPTION = 30;
const CAPTION_LETTER = 6;

/** Everything that moves, at the view's time. */
export function tokens(view) {
  const { scene, time, zoom } = view;
  const found = [];
  const spoken = [];
  if (zoom <= 1) {
    for (const { s } of scene.air.segments(time))
      if (zoom === 0 || s.end > s.start) found.push(drawSegment(view, s, spoken));
    for (const { f } of scene.air.frames(time))
      if (f.departs === null || time < f.departs) found.push(drawWaiting(view, f));
  } else if (zoom === 2) for (const { c } of scene.air.commands(time)) found.push(drawCommand(view, c));
  for (const { leg } of scene.air.flights(time)) found.push(drawLeg(view, leg));
  return found.filter(Boolean);
}

/** How far a segment is, 0..1; a lost one gets half way. */
export const progress = (s, time) => ((time - s.from) / Math.max(1, s.to - s.from)) * (s.lost ? 0.5 : 1);

/** A segment in a few words, such as "PSH ACK 46 B". */
export const segmentLabel = (s) =>
  `${s.flags.replaceAll("|", " ")}${s.end > s.start ? ` ${s.end - s.start} B` : ""}${s.again ? " again" : ""}`;

/** A segment: a slab across its tube with the frames inside, first octet in front. `spoken` are the captions
 * that stand already: two that would overlap are one too many. */
function drawSegment(view, s, spoken) {
  const { layout, time } = view;
  const pipe = layout.pipes[s.conn];
  if (!pipe) return null;
  const wide = layout.orientation === "wide";
  const span = pipeSpan(pipe, wide);
  const shown = s.frames.slice(0, FRAMES_SHOWN);
  const size = Math.max(shown.length * CHIP + 6, 14);
  const centre = lanePoint(pipe, wide, s.up, 0, progress(s, time), Math.min(size / 2 + 2, span.length / 2));
  const [along, across] = [wide ? centre.x : centre.y, tubeMiddle(span, s.up)];
  const slab = box(wide, along - size / 2, across - span.breadth / 2, size, span.breadth);
  const props = {
    key: `s${s.n}`,
    class: cls("segment", s.lost && "lost", s.again && "again", lit(view, "segment", s.n)),
    "data-sel": `segment:${s.n}`,
  };
  const dying = s.lost && time > s.from + (s.to - s.from) * 0.85;
  return h(
    "g",
    props,
    h("rect", { class: "slab", ...rounded(slab), rx: 5 }),
    cargo(view, s, pipe, centre),
    dying && h("path", { class: "cross", d: cross(wide ? along : across, wide ? across : along, 9) }),
    wide && caption(view, s, span, along, spoken),
  );
}

/** The frames in a segment, each in its channel's lane. */
function cargo(view, s, pipe, centre) {
  const wide = view.layout.orientation === "wide";
  const ahead = pipeSpan(pipe, wide).ahead * (s.up ? 1 : -1);
  const shown = s.frames.slice(0, FRAMES_SHOWN);
  return shown.map(([id, first, end], i) => {
    const f = view.scene.frames[id];
    const lane = lanePoint(pipe, wide, s.up, f.channel, 0);
    const offset = ahead * ((shown.length - 1) / 2 - i) * CHIP;
    const [x, y] = wide ? [centre.x + offset, lane.y] : [lane.x, centre.y + offset];
    return frameChip(view, f, x, y, first > 0 || end < f.size);
  });
}

function caption(view, s, span, along, spoken) {
  const names = () => s.frames.map(([id]) => view.scene.frames[id].summary.split(" ")[0]);
  const words = cut(view.zoom === 0 ? segmentLabel(s) : names().join(" · "), CAPTION);
  const half = Math.min((words.length * CAPTION_LETTER) / 2, span.length / 2);
  const x = Math.max(span.start + half, Math.min(span.start + span.length - half, along));
  const beside = (other) =>
    other.axis !== span.axis || other.up !== s.up || Math.abs(other.x - x) > other.half + half;
  if (!spoken.every(beside)) return null;
  spoken.push({ axis: span.axis, up: s.up, x, half });
  const y = s.up ? span.axis - GAP / 2 - span.breadth - 6 : span.axis + GAP / 2 + span.breadth + 13;
  return h("text", { class: "caption halo", x: round(x), y: round(y) }, words);
}

/** A frame handed to TCP which no segment has taken yet waits at the mouth of the pipe. */
function drawWaiting(view, f) {
  const { layout, scene, time } = view;
  const pipe = layout.pipes[f.conn];
  if (!pipe) return null;
  const wide = layout.orientation === "wide";
  const mates = f.command === null ? [f.id] : scene.commands[f.command].frames;
  const alone = f.departs === null && f.sent === null ? Math.max(0, (time - f.from) / (f.to - f.from)) : 0;
  const at = lanePoint(pipe, wide, f.up, f.channel, alone, 12);
  const behind = Math.max(0, Math.min(mates.length, 6) - 1 - mates.indexOf(f.id));
  const shift = pipeSpan(pipe, wide).ahead * (f.up ? 1 : -1) * behind * CHIP;
  return frameChip(view, f, at.x + (wide ? shift : 0), at.y + (wide ? 0 : shift), false);
}

/** A command: a pill with its name, where the segment with its last octet is. */
function drawCommand(view, c) {
  const { layout, time } = view;
  const pipe = layout.pipes[c.conn];
  if (!pipe) return null;
  const wide = layout.orientation === "wide";
  const ridden = c.rides ? progress(c.rides, time) : (time - c.from) / Math.max(1, c.to - c.from);
  const width = c.name.length * 5.9 + 14;
  const at = lanePoint(
    pipe,
    wide,
    c.up,
    c.channel,
    Math.max(0, Math.min(1, ridden)),
    wide ? width / 2 + 2 : 12,
  );
  const props = {
    key: `c${c.id}`,
    class: cls("pill", hue(c.messages[0]), lit(view, "command", c.id)),
    "data-sel": `frame:${c.frames[0]}`,
    transform: `translate(${round(at.x)} ${round(at.y)})`,
  };
  return h(
    "g",
    props,
    h("rect", { x: round(-width / 2), y: -7.5, width: round(width), height: 15, rx: 7.5 }),
    h("text", {}, c.name),
  );
}

const MARKS = { ack: "✓", confirm: "✓", reject: "✗" };

/** A message (or its ack) on its way; on the wire it shows only at milestones, where no frames are drawn. */
function drawLeg(view, leg) {
  const { stops, wire } = stopsOf(view, leg);
  const at = alongStops(stops, view.time);
  const early = at.leg < wire && (goesUp(leg.kind) || leg.kind === "confirm");
  if (view.zoom < 3 && wire >= 0 && (at.leg === wire || early)) return null;
  const mark = MARKS[leg.kind];
  if (!mark)
    return messageChip(view, leg.message, at.x, at.y, { key: `l${leg.id}`, kind: cls("moving", leg.kind) });
  const props = {
    key: `l${leg.id}`,
    class: cls("mark", leg.kind),
    transform: `translate(${round(at.x)} ${round(at.y)})`,
  };
  return h("g", props, h("circle", { r: 8 }), h("text", {}, leg.note.startsWith("nack") ? "✗" : mark));
}

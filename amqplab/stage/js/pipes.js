// Pipes: connections, with a tube for each of TCP's two directions and a lane in it for each channel.
//
// Theory
// ------
// Channels share one TCP connection: they are drawn as lanes of the same tube, and what stops the tube stops all
// of its lanes. The upper tube (the left one on a narrow page) leads to the server. A lane is pale until its
// channel is open; channel 0, the connection's own, has no name. A closed valve: the server reads no more. A gap: the
// cable is cut.

import { cutTo, round, widthOf } from "./text.js";
import { cls, h } from "./elements.js";
import { box, lanePoint, pipeSpan } from "./geometry.js";
import { LANE_NAME, path, words } from "./marks.js";
import { handles } from "./mark.js";

const NAME_SIZE = 11;
const LEAST_NAME = 40;
const HALF_RIDER = 11;
/** What is said of a connection of which one end knows nothing any more; it can be said shorter. */
const ONE_END = /^only its (\w+) has it$/;

/** A connection: both tubes, its state, what stops it. */
export function drawConnection(view, mark) {
  const { pipe, connection } = mark;
  const g = view.scene.geometry;
  const wide = view.layout.orientation === "wide";
  const span = pipeSpan(g, pipe, wide);
  const kind = cls("pipe", `is-${mark.words.split(" ")[0].toLowerCase()}`, connection.blocked && "blocked");
  return h(
    "g",
    handles(mark, kind),
    pipe.lead && h("path", { class: "lead", d: path(pipe.lead) }),
    [true, false].map((up) => {
      const edge = up ? span.axis - g.tube_gap / 2 - span.breadth : span.axis + g.tube_gap / 2;
      return [
        h("rect", { class: cls("wall", isSilent(mark, up) && "silent"), ...box(wide, span.start, edge, span.length, span.breadth), rx: 6 }),
        pipe.lanes[0] === 0 && h("rect", { class: "bed open", ...bedOf(view.scene, pipe, wide, 0, up), rx: 5 }),
      ];
    }),
    wide ? wordsOver(mark) : words(pipe.words, "quiet", mark.state),
  );
}

/** A connection's name, as much as has room, and its state: over the tubes' middle. What is longer than they are goes on
 * over the way to the program, never into the server. */
function wordsOver({ label, state, pipe }) {
  const ahead = Math.sign(pipe.x1 - pipe.x0);
  const tubes = Math.abs(pipe.x1 - pipe.x0);
  const room = Math.min(pipe.words.room, tubes) + Math.abs(pipe.x0 - (pipe.lead?.[0] ?? pipe.x0));
  const free = room - widthOf(` · ${state}`, NAME_SIZE);
  const name = widthOf(label, NAME_SIZE) <= free ? label : free < LEAST_NAME ? "" : cutTo(label, free, NAME_SIZE);
  const said = widthOf(state, NAME_SIZE) <= room ? state : state.replace(ONE_END, "$1 end only");
  const text = name ? `${name} · ${state}` : cutTo(said, room, NAME_SIZE);
  const half = widthOf(text, NAME_SIZE) / 2;
  const x = half <= tubes / 2 ? pipe.words.x : pipe.x1 - ahead * (half + 2);
  const whole = name === label;
  const parts = whole ? [h("tspan", { class: "spare" }, `${name} · `), state] : [text];
  return h("text", { class: "quiet mid", x: round(x), y: pipe.words.y }, ...parts);
}

/** Whether nothing passes in a direction. */
const isSilent = ({ silent }, up) => silent === "both ways" || silent === (up ? "to broker" : "from broker");

/** What stops a connection, over all of its lanes: a closed valve, a cut cable. */
export function drawStops(view, mark) {
  const { pipe, silent, connection } = mark;
  if (!connection.blocked && !silent) return null;
  const g = view.scene.geometry;
  const wide = view.layout.orientation === "wide";
  const span = pipeSpan(g, pipe, wide);
  return h("g", { class: "stops" }, connection.blocked && valve(g, pipe, wide, span), silent && gap(g, wide, span, mark));
}

/** The bed of a channel's lane: around the line on which its things ride. */
function bedOf({ geometry: g }, pipe, wide, channel, up) {
  const span = pipeSpan(g, pipe, wide);
  const middle = lanePoint(g, pipe, wide, up, channel, 0);
  return box(wide, span.start + 1, (wide ? middle.y : middle.x) - g.lane / 2 + 1, span.length - 2, g.lane - 2);
}

/** A channel: its lane in both tubes. */
export function drawChannel(view, mark) {
  const { pipe, number, shown } = mark;
  const wide = view.layout.orientation === "wide";
  if (!shown) return h("g", handles(mark, "lane hidden"));
  return h(
    "g",
    handles(mark, cls("lane", mark.state.split(" ")[0])),
    [true, false].map((up) => {
      const bed = bedOf(view.scene, pipe, wide, number, up);
      return [h("rect", { class: "bed open", ...bed, rx: 5 }), wide && laneName(mark.label, bed, comesRight(pipe, up) !== mark.turned?.includes(wayName(up)))];
    }),
  );
}

const wayName = (up) => (up ? "up" : "down");

/** Whether what travels in a lane of this pipe arrives at its right end. */
const comesRight = (pipe, up) => (pipe.side === "left") === up;

/** In which directions something stands where a lane has its name, and nothing at its other end: so the name goes there. */
export function turnedNames(view, { pipe, number, shown }, riders) {
  if (!shown || !riders.length || view.layout.orientation !== "wide") return "";
  const isTurned = (up) => {
    const { x, y, width, height } = bedOf(view.scene, pipe, true, number, up);
    const inLane = riders.filter((one) => ridesInLane(one) && one.y > y && one.y < y + height && one.x > x - 12 && one.x < x + width + 12);
    const isTaken = (right) => inLane.some((one) => (right ? x + width - one.x : one.x - x) < LANE_NAME + HALF_RIDER);
    return isTaken(comesRight(pipe, up)) && !isTaken(!comesRight(pipe, up));
  };
  return [true, false].filter(isTurned).map(wayName).join(" ");
}

const ridesInLane = ({ kind, place }) => kind !== "message" || place.startsWith("link");

/** The name stands where what travels in the lane arrives; what a message says there stands behind it. */
const laneName = (label, { x, y, width, height }, right) =>
  h("text", { class: cls("lane-name", right ? "end" : "start"), x: right ? x + width - 3 : x + 3, y: y + height / 2 + 4 }, label);

/** The server reads no more from this connection. */
function valve(g, pipe, wide, { axis, breadth }) {
  const across = axis - g.tube_gap / 2 - breadth / 2;
  const [x, y] = wide ? [pipe.x1, across] : [across, pipe.y1];
  return h(
    "g",
    { class: "valve", transform: `translate(${x} ${y})` },
    h("circle", { r: 9 }),
    h("path", { d: "M-5 0h10" }),
  );
}

/** The cable is cut, or one of its two ways. */
function gap(g, wide, { start, length, axis, breadth }, mark) {
  const reach = breadth + g.tube_gap;
  const [from, to] = [isSilent(mark, true) ? -reach : 0, isSilent(mark, false) ? reach : 0];
  const step = (to - from) / 4;
  const middle = start + length / 2;
  const at = wide ? `translate(${middle} ${axis})` : `translate(${axis} ${middle}) rotate(-90) scale(-1 1)`;
  const zigzag = `M-5 ${from}l8 ${step}l-6 ${step}l8 ${step}l-6 ${step}`;
  return h("path", { class: "link-gap", transform: at, d: zigzag });
}

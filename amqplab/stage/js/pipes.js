// Pipes: connections, with a tube for each of TCP's two directions and a lane in it for each channel.
//
// Theory
// ------
// Channels share one TCP connection: they are drawn as lanes of the same tube, and what stops the tube stops all
// of its lanes. The upper tube (the left one on a narrow page) leads to the broker. A lane is pale until its
// channel is open; channel 0, the connection's own, has no name.

import { encode } from "./text.js";
import { cls, h } from "./elements.js";
import { GAP, LANE, box, pipeSpan } from "./geometry.js";
import { thing } from "./marks.js";

/** A connection in the picture; nothing while it does not exist. */
export function drawPipe(view, name, pipe) {
  const connection = view.state.get(`connection/${encode(name)}`);
  if (!connection) return null;
  const wide = view.layout.orientation === "wide";
  const span = pipeSpan(pipe, wide);
  const state = connectionWords(connection);
  const kind = cls("pipe", `is-${state.split(" ")[0].toLowerCase()}`, connection.blocked && "blocked");
  return h(
    "g",
    thing(view, `connection/${encode(name)}`, `connection ${name}: ${state}`, kind),
    drawTube(view, name, pipe, span, true),
    drawTube(view, name, pipe, span, false),
    wide ? wideName(name, span, state) : tallName(span, state),
    connection.blocked && valve(pipe, wide, span),
  );
}

/** A connection's state in a word or two, as an operator would say it. */
export function connectionWords(connection) {
  if (connection.blocked) return "blocked";
  return connection.state ?? connection.tcp ?? "connecting";
}

function wideName(name, { start, length, axis, breadth }, state) {
  const place = { x: start + length / 2, y: axis - GAP / 2 - breadth - 21 };
  return h("text", { class: "quiet mid", ...place }, `:${name.split(":").at(-1)} · ${state}`);
}

function tallName({ start, length, axis, breadth }, state) {
  return h("text", { class: "quiet", x: axis + GAP / 2 + breadth + 6, y: start + length / 2 + 4 }, state);
}

function drawTube(view, name, pipe, span, up) {
  const wide = view.layout.orientation === "wide";
  const edge = up ? span.axis - GAP / 2 - span.breadth : span.axis + GAP / 2;
  return h(
    "g",
    { class: cls("tube", up ? "up" : "down") },
    h("rect", { class: "wall", ...box(wide, span.start, edge, span.length, span.breadth), rx: 6 }),
    pipe.lanes.map((channel, i) => {
      const open = channel === 0 || view.state.has(`channel/${encode(name)}/${channel}`);
      const bed = box(wide, span.start + 1, edge + i * LANE + 1, span.length - 2, LANE - 2);
      return h(
        "g",
        { class: cls("lane", open && "open") },
        h("rect", { class: "bed", ...bed, rx: 5 }),
        wide && channel > 0 && laneName(channel, span, edge + i * LANE, (pipe.side === "left") === up),
      );
    }),
  );
}

/** The name stands where what travels in the lane arrives. */
const laneName = (channel, { start, length }, y, right) =>
  h(
    "text",
    {
      class: "lane-name",
      x: right ? start + length - 6 : start + 6,
      y: y + 11.5,
      "text-anchor": right ? "end" : "start",
    },
    `ch ${channel}`,
  );

/** The broker reads no more from this connection. */
function valve(pipe, wide, { axis, breadth }) {
  const across = axis - GAP / 2 - breadth / 2;
  const [x, y] = wide ? [pipe.x1, across] : [across, pipe.y1];
  return h(
    "g",
    { class: "valve", transform: `translate(${x} ${y})` },
    h("circle", { r: 9 }),
    h("path", { d: wide ? "M0 -9V9" : "M-9 0H9" }),
  );
}

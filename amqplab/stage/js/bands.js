// Bands: what crosses between two lifelines of the ladder.
//
// Theory
// ------
// Time runs down, so whatever takes time is slanted. A band has two slanted edges, its first octet and its last:
// how thick it is shows how long it took to be put on the wire, and cuts in it show where one frame ends and the
// next begins. A lost segment gets half way.

import { clientOf, round } from "./text.js";
import { cls, h } from "./elements.js";
import { timeOf } from "./story.js";
import { cross, hue, lit } from "./marks.js";
import { segmentLabel } from "./moving.js";

/** The bands of a zoom: {kind, id, a, b, seq, from, to, label, hue, share, parts, lost}. `a` and `b` are hosts,
 * `seq` the record whose rung says the label, `share` how much of the time is transmission. */
export function ladderBands(scene, zoom) {
  const share = shareOf(scene);
  const kinds = [
    () => scene.segments.map((s) => segmentBand(scene, s, share)),
    () => scene.frames.map((f) => frameBand(scene, f, share)),
    () => scene.commands.map((c) => commandBand(scene, c, share)),
    () => scene.commands.filter((c) => c.messages.length).map((c) => commandBand(scene, c, share)),
  ];
  return kinds[Math.min(zoom, 3)]();
}

function bandOf(scene, x, message, rest) {
  const client = clientOf(x.conn);
  const [a, b] = x.up ? [client, scene.broker] : [scene.broker, client];
  return { a, b, hue: hue(message), share: 0, parts: [], lost: false, ...livesOf(scene, x), ...rest };
}

const segmentBand = (scene, s, share) =>
  bandOf(scene, s, scene.frames[s.frames[0]?.[0]]?.messages[0], {
    kind: "segment",
    id: s.n,
    seq: s.sent,
    label: segmentLabel(s),
    share: share(s),
    parts: s.frames.map(([, first, end]) => end - first),
    lost: !!s.lost,
  });

const frameBand = (scene, f, share) =>
  bandOf(scene, f, f.messages[0], {
    kind: "frame",
    id: f.id,
    seq: f.sent ?? f.received,
    label: f.summary,
    share: 0,
    parts: f.carriers.map(([, first, end]) => end - first),
  });

const commandBand = (scene, c, share) =>
  bandOf(scene, c, c.messages[0], {
    kind: "command",
    id: c.id,
    seq: c.sent ?? c.received,
    label: scene.frames[c.frames[0]].summary,
    share: 0,
  });

/** From one end to the other, in film time. */
function livesOf(scene, x) {
  const [from, to] = [x.sent ?? x.received, x.received ?? x.lost_seq ?? x.arrived ?? scene.n - 1];
  return { from: timeOf(scene, from), to: timeOf(scene, Math.max(from, to)) };
}

/** How much of a segment's way was transmission, 0..1: what exceeds the quickest segment of its direction. */
function shareOf(scene) {
  const least = new Map();
  const lane = (s) => `${s.conn} ${s.up}`;
  const took = (s) => s.arrives - s.departs;
  for (const s of scene.segments)
    if (s.arrives !== null) least.set(lane(s), Math.min(least.get(lane(s)) ?? Infinity, took(s)));
  return (s) => (s && s.arrives !== null && took(s) > 0 ? (took(s) - least.get(lane(s))) / took(s) : 0);
}

/** A band between the lifelines at x `a` and `b`, from height `y0` to `y1`. */
export function drawBand(view, band, a, b, y0, y1, future) {
  const xb = a + (b - a) * (band.lost ? 0.5 : 1);
  const thick = (y1 - y0) * Math.min(0.75, band.share);
  const corners = [
    [a, y0],
    [xb, y1 - thick],
    [xb, y1],
    [a, y0 + thick],
  ];
  const tones = [future && "future", band.lost && "lost", lit(view, band.kind, band.id)];
  return h(
    "g",
    {
      key: `b${band.kind}${band.id}-${band.seq}`,
      class: cls("band", band.kind, band.hue, ...tones),
      "data-sel": `${band.kind}:${band.id}`,
    },
    h("line", { class: "reach", x1: round(a), y1: round(y0), x2: round(xb), y2: round(y1) }),
    h("polygon", { points: corners.map((corner) => corner.map(round).join(" ")).join(" ") }),
    thick > 4 && cutsOf(band, a, xb, y0, y1 - thick, thick),
    band.lost
      ? h("path", { class: "cross", d: cross(xb, y1, 6) })
      : h("path", { class: "tip", d: `M${round(b)} ${round(y1)}l${b > a ? -8 : 8} -5.5v7.5z` }),
  );
}

/** Lines where one part of a band's octets ends and the next begins. */
function cutsOf(band, a, b, y0, y1, thick) {
  const total = band.parts.reduce((x, y) => x + y, 0);
  let sum = 0;
  return band.parts.slice(0, -1).map((size) => {
    sum += size;
    const shift = (thick * sum) / total;
    return h("line", {
      class: "cut",
      x1: round(a),
      y1: round(y0 + shift),
      x2: round(b),
      y2: round(y1 + shift),
    });
  });
}

// The inspector: whatever is selected, in full.
//
// Theory
// ------
// A frame is shown octet by octet (octets.js). A segment, a message and a thing of the picture are shown as facts
// with the frames that belong to them, each a way to the octets. Facts are the state's own fields.

import { clientOf, cut, decodeName, isList, timeText } from "./text.js";
import { cls, h } from "./elements.js";
import { TYPES } from "./scene.js";
import { hue } from "./marks.js";
import { segmentLabel } from "./wire.js";
import { drawFrame } from "./octets.js";

const LINKS_SHOWN = 60;
const SHOWN_AS = {
  tcp: "TCP",
  no_ack: "auto-ack",
  auto_delete: "auto-delete",
  unacked: "Unacked",
  ready: "Ready",
  total: "Total",
};
const WORDS = new Map([
  [null, "–"],
  [undefined, "–"],
  ["", "–"],
  [true, "yes"],
  [false, "no"],
]);

/** What the inspector shows for the selection. */
export function inspector(view, width) {
  const { scene, selection } = view;
  if (!selection) return [empty("Step to a frame, or click one: every octet of it is explained here.")];
  const { kind, id } = selection;
  if (kind === "frame" && scene.frames[id]) return drawFrame(view, scene.frames[id], width);
  if (kind === "command") return drawFrame(view, scene.frames[scene.commands[id].frames[0]], width);
  if (kind === "segment") return drawSegmentFacts(view, scene.segmentByNumber.get(id));
  if (kind === "message") return drawMessageFacts(view, id);
  return drawEntity(view, String(id));
}

const empty = (words) => h("p", { class: "empty" }, words);

const headline = (badge, kind, words) =>
  h("p", { class: "headline" }, badge && h("span", { class: cls("badge", kind) }, badge), h("b", {}, words));

function valueText(v) {
  if (WORDS.has(v)) return WORDS.get(v);
  if (isList(v)) return v.length ? cut(v.join(", "), 60) : "none";
  return cut(typeof v === "object" ? JSON.stringify(v) : String(v), 90);
}

const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => [
      h("dt", {}, SHOWN_AS[name] ?? name.replaceAll("_", " ")),
      h("dd", {}, valueText(value)),
    ]),
  );

const frameLinks = (view, frames) =>
  h(
    "ul",
    { class: "frames" },
    frames.slice(0, LINKS_SHOWN).map((f) => h("li", { key: f.id }, frameLink(view, f))),
  );

function frameLink({ scene }, f) {
  const host = clientOf(f.conn);
  return h(
    "button",
    { class: "frame-link", "data-sel": `frame:${f.id}` },
    h("span", { class: cls("badge", hue(f.messages[0])) }, TYPES[f.type] ?? "?"),
    h("span", {}, f.summary),
    h("span", { class: "muted" }, f.up ? `${host} → ${scene.broker}` : `${scene.broker} → ${host}`),
  );
}

function drawSegmentFacts(view, s) {
  const broker = `${view.scene.broker}:5672`;
  const [from, to] = s.up ? [s.conn, broker] : [broker, s.conn];
  const octets = s.end > s.start;
  const inside = s.frames.map(([id]) => view.scene.frames[id]);
  return [
    headline("S", "", `Segment ${s.n}: ${segmentLabel(s)}`),
    h("p", { class: "under" }, `${from} → ${to}`),
    facts([
      ["sequence number", s.seq],
      ["acknowledges", s.flags.includes("ACK") ? s.ack : null],
      ["window", s.window],
      ["carries", octets ? `octets ${s.start}–${s.end - 1} of this direction's stream` : "no octets"],
      ["left", timeText(s.departs)],
      ["arrives", s.lost ? `never: ${s.lost}` : s.arrives === null ? null : timeText(s.arrives)],
    ]),
    h("h4", {}, "Frames inside"),
    inside.length ? frameLinks(view, inside) : empty("None: TCP speaks for itself here."),
  ];
}

function drawMessageFacts(view, id) {
  const entity = view.state.get(`message/${id}`);
  return [
    headline(id, hue(id), `Message ${id}`),
    entity ? facts(Object.entries(entity)) : empty("Not at the broker at this step."),
    h("h4", {}, "Its frames"),
    frameLinks(
      view,
      view.scene.frames.filter((f) => f.messages.includes(id)),
    ),
  ];
}

/** A queue, an exchange, a connection …: the fields of its entity in the state. */
function drawEntity(view, key) {
  if (key === "broker")
    return [headline("", "", `broker ${view.scene.broker}`), empty("One broker, one virtual host.")];
  const [kind, ...names] = key.split("/");
  const entity = view.state.get(key);
  const sofar = (f) =>
    kind === "connection" && f.conn === decodeName(names[0]) && (f.sent ?? f.received) <= view.seq;
  const title = names
    .filter((name) => name !== "%2F")
    .map(decodeName)
    .join(" ");
  return [
    headline("", "", `${kind} ${title}`),
    entity ? facts(Object.entries(entity)) : empty("Not there at this step."),
    kind === "connection" && h("h4", {}, "Its frames so far"),
    kind === "connection" && frameLinks(view, view.scene.frames.filter(sofar).reverse()),
  ].filter(Boolean);
}

// The inspector: what the step is about, or what somebody picked, in full.
//
// Theory
// ------
// A record speaks of something: a frame, a command, a segment, a message, or things of the state; the inspector shows
// that very thing, and never the one before. A frame is shown byte by byte (octets.js), a message with its whole life
// (life.js), a thing of the state as facts (facts.js), a segment with the frames that it carries, whatever became of it.

import { nameOf, plural } from "./text.js";
import { cls, h } from "./elements.js";
import { TYPES } from "./scene.js";
import { hue } from "./marks.js";
import { endsOf } from "./ladder.js";
import { details, entityFacts, factsList, titleOf } from "./facts.js";
import { stateBy, waysOf } from "./legs.js";
import { drawMessageLife } from "./life.js";
import { drawFrame } from "./octets.js";
import { drawRoutes } from "./routing.js";
import { segmentLabel } from "./wire.js";

const LINKS_SHOWN = 60;

/** What the inspector shows. */
export function inspector(view, width) {
  const { scene, selection: shown } = view;
  if (!shown) return [empty("Nothing has happened yet. Step on, or pick something: every byte of it is explained here.")];
  const { kind, id } = shown;
  if (kind === "frame" && scene.frames[id]) return drawFrame(view, scene.frames[id], width);
  if (kind === "command" && scene.commands[id]) return drawFrame(view, scene.frames[scene.commands[id].frames[0]], width);
  if (kind === "segment" && scene.segmentByNumber.has(id)) return drawSegmentFacts(view, scene.segmentByNumber.get(id));
  if (kind === "message") return drawMessageLife(view, id, frameLinks);
  return drawEntity(view, String(id));
}

const empty = (words) => h("p", { class: "empty" }, words);

const headline = (badge, kind, words) =>
  h("p", { key: "head", class: "headline" }, badge && h("span", { class: cls("badge", kind) }, badge), h("b", {}, words));

// --- frames that belong to something ---

const frameLinks = (view, frames) => [
  h(
    "ul",
    { key: "frames", class: "frames" },
    frames.slice(0, LINKS_SHOWN).map((f) => h("li", { key: f.id }, frameLink(view, f))),
  ),
  frames.length > LINKS_SHOWN && h("p", { key: "rest", class: "muted small" }, `and ${frames.length - LINKS_SHOWN} more`),
];

function frameLink({ scene }, f) {
  const { client, server } = endsOf(scene, f.conn);
  return h(
    "button",
    { class: "frame-link", "data-sel": `frame:${f.id}` },
    h("span", { class: cls("badge", hue(scene.rootOf(f.messages[0]))) }, TYPES[f.type] ?? "?"),
    h("span", {}, f.summary),
    h("span", { class: "muted" }, f.up ? `${client} → ${server}` : `${server} → ${client}`),
  );
}

// --- segments ---

const FLAGS = { SYN: "begins the connection", ACK: "acknowledges", PSH: "hand it to the program now", FIN: "nothing more will come", RST: "there is no such connection any more" };

function drawSegmentFacts(view, s) {
  const { scene } = view;
  const { client, server } = endsOf(scene, s.conn);
  const [from, to] = s.up ? [client, server] : [server, client];
  const inside = s.frames.map(([id]) => scene.frames[id]);
  return [
    headline("S", "", `Segment ${s.n}: ${segmentLabel(s)}`),
    h("p", { key: "under", class: "under" }, `${from} → ${to}, TCP`),
    factsList([
      ["fate", fateOf(view, s)],
      ["flags", s.flags.split("|").map((flag) => `${flag} (${FLAGS[flag] ?? "?"})`).join(", ")],
      ["carries", s.end > s.start ? `${plural(s.end - s.start, "byte")}: ${s.start} to ${s.end - 1} of what ${from} says` : "no bytes of the program's"],
      ["sent", s.again ? (scene.again?.[s.n] ?? "again, because it was not acknowledged") : null],
      ["left", scene.moment(s.departs)],
      ["sequence number", s.seq],
      ["acknowledges", s.flags.includes("ACK") ? `everything before ${s.ack}` : null],
      ["window", `room for ${plural(s.window, "byte")}`],
    ]),
    h("h3", { key: "h" }, "Frames inside"),
    inside.length ? frameLinks(view, inside) : empty(s.end > s.start ? "Its bytes belong to no frame that was recorded." : "None: TCP speaks for itself here."),
  ]
    .flat()
    .filter(Boolean);
}

/** How it ended, as far as that has happened. */
function fateOf({ scene, seq }, s) {
  const [way] = waysOf(scene, s);
  if (way.outcome === "cut off") return "still under way when the recording ends";
  if (way.over > seq) return stateBy(way, seq);
  const time = scene.moment(scene.timeOf(way.over));
  return way.outcome === "arrived" ? `arrived at ${time}` : `${way.outcome} at ${time}${way.reason !== way.outcome ? `: ${way.reason}` : ""}`;
}

// --- things of the state ---

/** A queue, an exchange, a connection …: what matters about it, and all its fields folded away. */
function drawEntity(view, key) {
  const { scene, state, seq } = view;
  const entity = state.get(key);
  const kind = key.slice(0, key.indexOf("/"));
  const connection = kind === "connection" ? nameOf(key) : null;
  const frames = connection === null ? [] : framesOfConnection(scene, connection).filter((f) => (f.sent ?? f.received) <= seq);
  const routes = kind === "binding" && view.pinned ? [] : drawRoutes(view, seq);
  return [
    headline("", "", titleOf(scene, key)),
    entity ? entityFacts(view, key, entity) : empty(view.touched.has(key) ? "It ends with this step." : without(scene, key)),
    routes.length > 0 && [h("h3", { key: "hr" }, "Routing, binding by binding"), ...routes],
    frames.length > 0 && [h("h3", { key: "hf" }, "Its frames so far, the latest first"), frameLinks(view, frames.slice(-LINKS_SHOWN).reverse())],
    entity && details(entity, key),
  ]
    .flat(3)
    .filter(Boolean);
}

/** What stands in the picture before anything has happened at it, or does not stand there. */
function without({ servers }, key) {
  const [kind, name] = [key.slice(0, key.indexOf("/")), nameOf(key)];
  if (kind === "exchange" && name === "") return "It is there in every virtual host. No virtual host has been opened yet.";
  if (kind === "alarm") return `No such alarm is raised at this step: the broker has enough ${name}.`;
  if (kind !== "host") return "Not there at this step.";
  return servers.some(({ host }) => host === name) ? "It is there, and nobody has connected yet." : "It has done nothing yet.";
}

function framesOfConnection(scene, connection) {
  scene.framesByConnection ??= groupsOf(scene.frames);
  return scene.framesByConnection.get(connection) ?? [];
}

function groupsOf(frames) {
  const found = new Map();
  for (const f of frames) {
    if (!found.has(f.conn)) found.set(f.conn, []);
    found.get(f.conn).push(f);
  }
  return found;
}

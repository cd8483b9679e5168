// A message's life: what is written on it, how it was routed, what became of each copy, and its lives before and after.
//
// Theory
// ------
// A message is one; its copies are many, a copy for each queue that took it, and each has a fate of its own. A copy that
// dies goes on as a new message with a new number: the trail joins these lives. All is said as of the record shown; what
// comes later is not told yet.

import { encode, nameOf, plural } from "./text.js";
import { cls, h } from "./elements.js";
import { hue } from "./marks.js";
import { details, factsList, said } from "./facts.js";
import { fateInQueue, fateInWords } from "./fate.js";
import { bodyOf, propertiesOfMessage } from "./properties.js";
import { drawRoutes } from "./routing.js";

const MOST_LIVES = 40;

/** A message in the inspector; `links` draws links to frames. */
export function drawMessageLife(view, message, links) {
  const { scene, state, seq } = view;
  const entity = state.get(`message/${message}`);
  const label = scene.labelOf(message);
  const routed = scene.routedAt(message, seq);
  const routes = routed === null ? [] : drawRoutes(view, routed);
  const isRouting = scene.routes?.[seq] && scene.subjectOf(seq).message === message;
  const frames = scene.framesOfMessage(message).filter((f) => (f.sent ?? f.received) <= seq);
  const part = (title, ...inside) => inside.flat().some(Boolean) && [h("h3", { key: `h${title}` }, title), ...inside.flat().filter(Boolean)];
  const routing = part("Routing, binding by binding", routes);
  return [
    h("p", { key: "head", class: "headline" }, h("span", { class: cls("badge", hue(scene.rootOf(message))) }, label), h("b", {}, nameOfMessage(view, message))),
    textOf(view, message, entity),
    isRouting && routing,
    entity ? factsList(writtenOn(view, message, entity)) : h("p", { key: "no", class: "empty" }, "The broker does not have it at this step."),
    part("Copies", copies(view, message, entity)),
    part("Trail: its lives as a dead letter", trail(view, message)),
    part("Properties", properties(view, message)),
    !isRouting && routing,
    part("Its frames so far", frames.length > 0 && links(view, frames)),
    entity && details(entity, `message ${message}`),
  ]
    .flat()
    .filter(Boolean);
}

function nameOfMessage({ scene }, message) {
  const life = scene.lives?.[message];
  return life ? `Message ${scene.labelOf(message)}: a dead letter, number ${message} at the broker` : `Message ${scene.labelOf(message)}`;
}

function textOf({ scene }, message, entity) {
  const text = bodyOf(scene, message);
  if (text === "" || (text === null && !entity?.body)) return entity?.size ? h("p", { key: "body", class: "muted small" }, `${entity.size} bytes that are no text`) : null;
  return h("pre", { key: "body", class: "message-text" }, text ?? entity.body);
}

const writtenOn = (view, message, entity) => [
  ["exchange", entity.exchange || "(default)"],
  ["routing key", entity.routing_key || "(empty)"],
  ["size", plural(entity.size, "byte")],
  ["from", view.scene.who?.[entity.publisher] ?? entity.publisher],
  ["sequence number", entity.sequence ? `${entity.sequence}: its number among the confirms` : null],
  ["mandatory", entity.mandatory ? "yes: comes back if no queue takes it" : null],
  ["persistent", entity.persistent ? "yes" : null],
  ["now", status(fateInWords(view, message, entity.status))],
];

/** "dead-lettered as 5′": it goes on under that name. */
const status = (text) => text?.replace(/ as (\S+)$/, ", goes on as $1");

// --- properties ---

function properties(view, message) {
  const known = propertiesOfMessage(view, message);
  if (!known || (view.scene.lives?.[message] && !view.state.has(`message/${message}`))) return null;
  if (!known.rows.length) return h("p", { key: "none", class: "empty" }, "None were set.");
  const how = HOW_KNOWN[known.from] && h("p", { key: "how", class: "muted small" }, HOW_KNOWN[known.from]);
  const row = ({ name, value, meaning }) => [
    h("dt", {}, name.replaceAll("-", "_")),
    h("dd", {}, tableOf(value), meaning && h("span", { class: "property-meaning" }, meaning)),
  ];
  return [how, h("dl", { key: "properties", class: "facts properties" }, known.rows.map(row))];
}

const HOW_KNOWN = {
  later: "as it is handed out later",
  "handed out": "as it was handed out last, with what the broker has written on it",
  "worked out": "those of its life before, and what the broker writes when it dead-letters",
};

/** A value that has parts is a small list of them. */
function tableOf(value) {
  if (value === "") return "(empty)";
  if (value === null || typeof value !== "object") return String(value);
  const parts = Array.isArray(value) ? value.map((one, i) => [i + 1, one]) : Object.entries(value);
  if (!parts.length) return "empty";
  const words = (name, one) => (name === "x-death" && Array.isArray(one) ? deathsOf(one) : tableOf(one));
  return h("ul", { class: "nested" }, parts.map(([name, one]) => h("li", {}, h("span", { class: "part-name" }, `${name}`), words(name, one))));
}

/** The header in which the broker notes each death: the latest first, the same kind of death counted. */
const deathsOf = (deaths) =>
  h(
    "ol",
    { class: "nested" },
    deaths.map((death) => h("li", {}, `${death.count} × ${death.reason} in ${death.queue}, where it had come by way of ${wayOf(death)} with key ${said(death["routing-keys"])}${expirationOf(death)}`)),
  );

const wayOf = (death) => death.exchange || "the default exchange";

/** The time that it had to live, which the broker takes off. */
const expirationOf = (death) => (death["original-expiration"] === undefined ? "" : `, expiration ${death["original-expiration"]}`);

// --- copies ---

function copies(view, message, entity) {
  const { scene, state } = view;
  const rows = Object.entries(entity?.where ?? {}).map(([queue, fate]) => {
    const copy = [...copyKeys(entity.vhost, queue, message)].map((key) => state.get(key)).find(Boolean);
    const queueKey = `queue/${encode(entity.vhost)}/${encode(queue)}`;
    const words = [status(fateInQueue(view, message, entity, queue)), copy && holderWords(scene, copy), copy?.redelivered && "delivered before"].filter(Boolean);
    return h(
      "li",
      { key: queue, "data-kind": "copy", "data-id": queue, "data-state": fate },
      h("button", { class: "link", "data-sel": `entity:${queueKey}` }, queue),
      h("span", {}, words.join(", ")),
    );
  });
  const lost = state.get(`lost/${message}/-`);
  if (lost) rows.push(h("li", { key: "lost", "data-kind": "copy", "data-state": "lost" }, h("span", {}, "no queue"), h("span", {}, `lost: ${lost.reason}`)));
  return rows.length ? h("ul", { key: "copies", class: "copies" }, rows) : null;
}


const copyKeys = (vhost, queue, message) => [`copy/${encode(vhost)}/${encode(queue)}/${message}`];

function holderWords(scene, copy) {
  if (copy.state !== "unacked") return "";
  const holder = copy.consumer ? (scene.who?.[copy.consumer] ?? nameOf(copy.consumer)) : copy.connection;
  return `handed to ${said(holder)} under delivery tag ${copy.delivery_tag}`;
}

// --- lives ---

/** The lives before and after, each death a jump to its record. */
function trail({ scene, seq }, message) {
  const chain = [];
  for (let at = scene.lives?.[message], to = message; at && chain.length < MOST_LIVES; to = at.message, at = scene.lives[at.message])
    chain.unshift({ ...at, to });
  for (const [to, life] of followers(scene, message)) if (life.seq <= seq) chain.push({ ...life, to });
  if (!chain.length) return null;
  const link = (life) =>
    h(
      "li",
      { key: life.to, class: cls(life.to === message && "own") },
      h("button", { class: "step", "data-jump": life.seq },
        h("span", { class: "step-time" }, scene.moment(scene.timeOf(life.seq))),
        h("span", {}, `${scene.labelOf(life.message)} ${DEATHS[life.reason] ?? life.reason} in ${life.queue}, goes to ${life.exchange || "the default exchange"} with key ${life.routing_key || "(empty)"} as ${scene.labelOf(life.to)}`)),
    );
  return h("ol", { key: "trail", class: "steps trail" }, chain.map(link));
}

const DEATHS = {
  rejected: "was rejected",
  expired: "outlived its time",
  maxlen: "fell out of the full queue",
  delivery_limit: "was delivered too often",
};

/** What a message became, and what that became. */
function followers(scene, message) {
  scene.nextLives ??= Object.entries(scene.lives ?? {}).reduce((nexts, [to, life]) => {
    nexts.set(life.message, [...(nexts.get(life.message) ?? []), [+to, life]]);
    return nexts;
  }, new Map());
  const found = [];
  const open = [message];
  while (open.length && found.length < MOST_LIVES)
    for (const [to, life] of scene.nextLives.get(open.shift()) ?? []) {
      found.push([to, life]);
      open.push(to);
    }
  return found.sort((a, b) => a[1].seq - b[1].seq);
}

// Fixtures: the marks of what stands: servers, exchanges, queues, bindings, connections, clients, hands.
//
// Theory
// ------
// Everything that ever exists has its place from the start (layout.py) and is a mark only while it exists in the
// state. Names that a layout has cut to their room come from there; states are said in the words that operators
// use.

import { consumerName, hadOf, isReader } from "./hands.js";
import { clientOf, cut, decodeName, encode, nameOf, plural } from "./text.js";
import { connectionWords } from "./connection.js";
import { handOf } from "./geometry.js";
import { entityMark } from "./mark.js";
import { STORY } from "./scene.js";
import { connectionsInUse } from "./wire.js";

const has = (text, word) => typeof text === "string" && text.includes(word);

/** The marks of what stands, from the ground up. */
export const fixtures = (view) => [
  ...serverMarks(view),
  ...policyMarks(view),
  ...bindingMarks(view),
  ...subscriptionMarks(view),
  ...connectionMarks(view),
  ...nodeMarks(view),
  ...clientMarks(view),
];

// --- servers ---

function serverMarks(view) {
  const { layout, scene, state } = view;
  const servers = Object.entries(serversOf(layout, scene));
  const brokers = servers.filter(([, place]) => isBroker(place)).map(([name]) => name);
  return servers.flatMap(([name, place]) => {
    const host = state.get(`host/${encode(name)}`);
    const condition = hostCondition(host);
    const alarms = !isBroker(place) ? [] : state.of("alarm").filter((key) => name === (brokers.includes(state.get(key).node) ? state.get(key).node : brokers[0]));
    const what = isBroker(place) ? "the broker" : `a server of ${place.kind}`;
    const mark = entityMark(view, "server", `host/${encode(name)}`, {
      ...{ ...middleOf(place), id: name, label: place.label ?? name, state: condition, box: place },
      alarms: alarms.length,
      said: [`${name}: ${what}`, ...alarms.map((key) => `${nameOf(key)} alarm`), condition].filter(Boolean).join(", "),
    });
    return [mark, ...alarms.map((key, i) => alarmMark(view, name, place, key, i))];
  });
}

const isBroker = ({ kind = "broker" }) => kind === "broker" || kind === "amqp";

function alarmMark(view, server, place, key, number) {
  const { resource } = view.state.get(key);
  return entityMark(view, "alarm", key, {
    ...{ x: place.x + place.w - 70, y: place.y + 44 + 24 * number, id: resource, place: server, state: "on" },
    ...{ label: `${resource} alarm`, said: `${resource} alarm on ${server}: who publishes is blocked` },
  });
}

export const serversOf = (layout, scene) =>
  layout.servers ?? { [scene.broker]: { ...layout.broker, kind: "broker", label: scene.broker } };

const middleOf = ({ x, y, w, h }) => ({ x: x + w / 2, y: y + h / 2 });

const CUT_SHORT = "lost its power";
const KILLED = ["", "running", "was killed"];

/** How a machine or a program is, in a word; the same for picture and inspector. Once a machine has its power back, its
 * program has not, until it is started again; what had ended before it lost it has ended as it did. */
export function hostCondition(host) {
  if (!host) return "";
  if (host.off) return "powered off";
  if (host.crashed && host.status === CUT_SHORT) return "not running";
  if (host.crashed && KILLED.includes(host.status ?? "")) return "killed";
  if (host.frozen) return "frozen";
  if (!host.status || host.status === "running") return host.status ?? "";
  return host.status === "returned" ? "finished" : "failed";
}

// --- exchanges, queues and what joins them ---

function nodeMarks(view) {
  const found = [];
  for (const [key, node] of Object.entries(view.layout.nodes)) {
    const made = node.kind === "queue" ? queueMark(view, key, node) : exchangeMark(view, key, node);
    if (made) found.push(made);
  }
  return found;
}

/** An exchange; the default exchange is always there, as a ghost. */
function exchangeMark(view, key, node) {
  const name = nameOf(key);
  const entity = view.state.get(key);
  if (!entity && name !== "") return null;
  const type = entity?.type ?? "direct";
  return entityMark(view, "exchange", key, {
    ...{ x: node.x, y: node.y, node, label: name, state: name === "" ? "default" : type },
    ...{ name: node.label ?? (name || "(default)"), type: name === "" ? "key = queue name" : type },
    said: name === "" ? "the default exchange" : `exchange ${name}, type ${type}`,
    ghost: name === "",
    busy: view.state.at(`exchange|${key}`).length > 0,
  });
}

function queueMark(view, key, node) {
  const queue = view.state.get(key);
  if (!queue) return null;
  const name = nameOf(key);
  const total = queue.ready_count + queue.unacked_count;
  const counts = [`Ready ${queue.ready_count}`, `Unacked ${queue.unacked_count}`, `Total ${total}`];
  const features = featuresOf(queue).join(" ");
  return entityMark(view, "queue", key, {
    ...{ x: node.x, y: node.y, node, queue, features, label: name, name: node.label ?? name, state: counts.join(" · ") },
    said: `queue ${name}: ${counts.join(", ")}${features && `, ${features}`}`,
  });
}

/** The letters that RabbitMQ's management pages use. */
export const featuresOf = (queue) =>
  [
    queue.durable && "D",
    queue.exclusive && "Excl",
    queue.auto_delete && "AD",
    isStream(queue) && "Stream",
    isSingle(queue) && "SAC",
    has(queue.arguments, "x-max-priority") && "Pri",
    queue.arguments && "Args",
  ].filter(Boolean);

export const isStream = (queue) => has(queue.arguments, "x-queue-type=stream");
export const isSingle = (queue) => /x-single-active-consumer=true/i.test(queue.arguments);

function bindingMarks(view) {
  const { layout, state } = view;
  const used = usedEdges(view);
  const found = [];
  for (const [key, edge] of Object.entries(layout.edges)) {
    const passes = used.has(key);
    if (edge.ghost ? !passes : !state.has(key)) continue;
    const ends = `binding ${nameOf(edge.source) || "default"} to ${nameOf(edge.target)}`;
    const [x, y] = edge.at ?? edge.curve.slice(6);
    found.push(
      entityMark(view, "binding", key, {
        ...{ x, y, edge, label: edge.label, words: edge.words ?? cut(edge.label || "—", 18) },
        state: passes ? "matched" : "",
        said: `${ends}, ${state.get(key)?.arguments && edge.label !== state.get(key).routing_key ? edge.label : `key ${edge.label || "empty"}`}`,
      }),
    );
  }
  return [...found, ...foldMarks(view, used)];
}

/** Many bindings whose keys have no room of their own: "×20". */
function foldMarks(view, used) {
  return Object.entries(view.layout.folds ?? {}).flatMap(([key, fold]) => {
    const there = fold.keys.filter((one) => view.state.has(one));
    if (!there.length) return [];
    const matched = there.filter((one) => used.has(one)).length;
    return entityMark(view, "fold", key, {
      ...{ x: fold.at[0], y: fold.at[1], fold, label: matched ? `${matched} of ${there.length}` : `×${there.length}` },
      state: matched ? "matched" : "",
      said: `${plural(there.length, "binding")} from ${nameOf(fold.source) || "default"}`,
      pick: `entity:${fold.source}`,
    });
  });
}

/** The bindings that messages are passing: those which matched, for messages at exchanges, and at this record unless a
 * transaction keeps the message aside. */
export function usedEdges(view) {
  const { scene, state, seq, layout, subject, zoom } = view;
  const isHeld = state.get(`token/${subject.message}/-`)?.state === "held in tx";
  const found = new Set(isHeld ? [] : scene.matchedAt(seq));
  for (const [place, tokens] of state.places) {
    if (!place.startsWith("exchange|")) continue;
    for (const key of tokens) {
      const { message } = state.get(key);
      const routed = message ? scene.routedAt(message, seq) : null;
      if (routed !== null) for (const one of scene.matchedAt(routed)) found.add(one);
    }
  }
  if (seq >= 0 && scene.kindOf(seq) === "Enqueued" && subject.message) {
    const queue = subject.keys.find((key) => key.startsWith("queue/"));
    const start = startOf(view, subject.message);
    for (const one of zoom === STORY ? takenAtOnce(scene, subject.message, seq) : []) found.add(one);
    for (const one of wayTo(view, start, queue)) found.add(one);
  }
  for (const key of found) if (!layout.edges[key]) found.delete(key);
  return found;
}

/** The ways of all copies that came to their queues in one go: the story tells of them in one step. */
function takenAtOnce(scene, message, seq) {
  const routed = scene.routedAt(message, seq) ?? seq;
  for (let at = routed + 1; at < seq; at++) if (!/^(Routed|Enqueued)$/.test(scene.kindOf(at))) return [];
  return scene.matchedAt(routed);
}

/** The exchange that a message was published to, or dead-lettered to. */
export function startOf({ state }, message) {
  const entity = state.get(`message/${message}`);
  return entity ? `exchange/${encode(entity.vhost)}/${encode(entity.exchange)}` : null;
}

/** The bindings from an exchange to a queue, the fewest there are; of those that matched, where that is known. */
export function wayTo(view, source, target, message = view.subject.message) {
  const { layout, scene, seq, state } = view;
  const routed = message ? scene.routedAt(message, seq) : null;
  const matched = routed === null ? null : new Set(scene.matchedAt(routed));
  const mayPass = ([key, edge]) => (matched?.size ? matched.has(key) : edge.ghost || state.has(key));
  const edges = Object.entries(layout.edges).filter(mayPass);
  const ways = [[source, []]];
  const seen = new Set([source]);
  for (const [node, way] of ways) {
    if (node === target) return way;
    for (const [key, edge] of edges) {
      if (edge.source !== node || seen.has(edge.target)) continue;
      seen.add(edge.target);
      ways.push([edge.target, [...way, key]]);
    }
  }
  return [];
}

/** The ways past the bindings that messages take: those of dead letters, and of what no binding wanted. They are lit while
 * the bindings are: for messages at exchanges, and at this record. */
function usedPolicies(view) {
  const { scene, state, seq, subject } = view;
  const found = new Set();
  if (seq < 0) return found;
  const kind = scene.kindOf(seq);
  const passing = new Set(kind === "Routed" || kind === "Enqueued" ? [subject.message] : []);
  for (const [place, tokens] of state.places)
    if (place.startsWith("exchange|")) for (const key of tokens) passing.add(state.get(key).message);
  if (kind === "DeadLettered")
    for (const [message, life] of Object.entries(scene.lives ?? {})) if (life.seq === seq) passing.add(+message);
  for (const message of passing) if (message) for (const key of policiesOf(view, message)) found.add(key);
  return found;
}

/** The policies by which a message came to its exchange, and from there to others. */
function policiesOf(view, message) {
  const { scene, state, seq, layout } = view;
  const all = Object.entries(layout.policies ?? {});
  const found = [];
  const life = scene.lives?.[message];
  const vhost = encode(state.get(`message/${life?.message}`)?.vhost ?? "");
  const [left, at] = life ? [`queue/${vhost}/${encode(life.queue)}`, `exchange/${vhost}/${encode(life.exchange)}`] : [];
  for (const [key, { kind, source, target }] of all) if (kind === "dead-letter" && source === left && target === at) found.push(key);
  const routed = scene.routedAt(message, seq);
  const matched = routed === null ? [] : scene.matchedAt(routed).map((key) => layout.edges[key]?.source);
  let exchange = routed === null ? null : startOf(view, message);
  while (exchange && !matched.includes(exchange)) {
    const next = all.find(([key, { kind, source }]) => kind === "alternate" && source === exchange && !found.includes(key));
    if (next) found.push(next[0]);
    exchange = next?.[1].target;
  }
  return found;
}

function policyMarks(view) {
  const used = usedPolicies(view);
  return Object.entries(view.layout.policies ?? {}).flatMap(([key, policy]) => {
    if (!leads(view, policy) || !exists(view, policy.target)) return [];
    const [x, y] = policy.at ?? policy.curve.slice(6);
    const what = policy.words || (policy.kind === "alternate" ? "not routed" : "dead letters");
    return entityMark(view, "policy", key, {
      ...{ x, y, policy, label: what, state: used.has(key) ? `${policy.kind} taken` : policy.kind },
      said: `${what}: ${nameOf(policy.source)} to ${nameOf(policy.target) || "the default exchange"}`,
      touched: false,
      pick: `entity:${policy.source}`,
    });
  });
}

/** Whether an argument or an operator's policy says so now. */
function leads({ state }, { kind, source, target }) {
  const entity = state.get(source);
  return !!entity && (kind === "dead-letter" ? entity.dead_letter_exchange : entity.alternate) === nameOf(target);
}

const exists = (view, key) => view.state.has(key) || !!view.layout.nodes[key]?.ghost;

/** From each queue to the pipes of its consumers. */
function subscriptionMarks(view) {
  const { layout, state } = view;
  return Object.entries(layout.subscriptions ?? {}).flatMap(([key, way]) => {
    const consumer = state.get(key);
    if (!consumer || !state.has(way.queue)) return [];
    const moving = state.at(`link|${way.connection}`).some((token) => state.get(token).target === key);
    return entityMark(view, "subscription", key, {
      ...{ x: way.curve[0], y: way.curve[1], way, label: "" },
      ...{ state: activity(consumer), used: moving },
      said: `queue ${nameOf(way.queue)} to consumer ${consumerName(view.scene, key)}`,
    });
  });
}

// --- connections ---

/** What is left of a connection that both ends have forgotten: its link, with what is still on it. */
const FORGOTTEN = { state: "closed" };

function connectionMarks(view) {
  const { layout, state } = view;
  const inUse = connectionsInUse(view);
  return Object.entries(layout.pipes).flatMap(([name, pipe]) => {
    const key = `connection/${encode(name)}`;
    const connection = state.get(key) ?? (inUse.has(name) ? FORGOTTEN : undefined);
    if (!connection) return [];
    const words = connectionWords(connection);
    const link = linkOf(state, name);
    const silent = hostBehind(state, name)?.silent ?? "";
    const mark = entityMark(view, "connection", key, {
      ...{ x: (pipe.x0 + pipe.x1) / 2, y: (pipe.y0 + pipe.y1) / 2, id: name, pipe, name, link, silent, connection },
      ...{ label: connection.client_name || `:${name.split(":").at(-1)}`, state: connectionWords(connection, link), words },
      said: `connection ${name}: ${words}${link ? `, its link is ${link}` : ""}`,
    });
    return [mark, ...(connection.channels ?? []).flatMap((number) => channelMark(view, mark, number))];
  });
}

const MODES = { confirm: "confirms", tx: "transactional" };

function channelMark(view, { pipe, name }, number) {
  const key = `channel/${encode(name)}/${number}`;
  const channel = view.state.get(key);
  if (!channel) return [];
  const words = [channel.state || "open", MODES[channel.mode]].filter(Boolean).join(" ");
  return entityMark(view, "channel", key, {
    ...{ x: (pipe.x0 + pipe.x1) / 2, y: (pipe.y0 + pipe.y1) / 2, id: `${name}/${number}`, pipe, number },
    ...{ label: `ch ${number}`, state: words, shown: pipe.lanes.includes(number) },
    said: `channel ${number} of ${name}: ${words}`,
  });
}

/** The host at the client's end of a connection. */
const hostBehind = (state, connection) => state.get(`host/${encode(clientOf(connection))}`);

/** What is wrong with the cable of a connection's client: "", "cut", "half-open". */
export const linkOf = (state, connection) => hostBehind(state, connection)?.link ?? "";

// --- clients ---

const ROLES = { P: "producer", C: "consumer", PC: "producer and consumer" };

function clientMarks(view) {
  return Object.values(view.layout.apps).flatMap((app) => [
    clientMark(view, app),
    ...handMarks(view, app),
    ...stripMarks(view, app),
  ]);
}

function clientMark(view, app) {
  const { state, scene } = view;
  const roles = app.roles ?? scene.roles?.[app.name] ?? "";
  const held = handsOfApp(view, app).reduce((n, [key]) => n + state.at(`consumer|${key}`).filter((token) => state.get(token).state !== "gone").length, 0);
  const condition = hostCondition(state.get(`host/${encode(app.name)}`));
  const what = `${ROLES[roles] ?? "application"} ${app.name}`;
  return entityMark(view, "client", `host/${encode(app.name)}`, {
    ...{ x: app.x, y: app.y, id: app.name, app, roles, label: app.name, name: app.label ?? app.name, state: condition },
    away: !state.at(`client|${app.name}`).length && !pipesOf(view, app).some((name) => state.has(`connection/${encode(name)}`)),
    said: [what, held && `holds ${plural(held, "message")}`, condition].filter(Boolean).join(", "),
  });
}

/** The names of the connections of an application. */
function pipesOf({ layout }, app) {
  if (!PIPES.has(layout)) PIPES.set(layout, groupedByApp(Object.keys(layout.pipes), (name) => layout.pipes[name]));
  return PIPES.get(layout).get(app.name) ?? NONE_OF_THEM;
}

/** The hands of an application that exist: [key, entity]. */
export function handsOfApp({ layout, consumers }, app) {
  if (!HANDS.has(consumers))
    HANDS.set(consumers, groupedByApp(consumers, ([key]) => layout.pipes[connectionIn(key)]));
  return HANDS.get(consumers).get(app.name) ?? NONE_OF_THEM;
}

// Worked out once for each layout, and for each list of consumers.
const PIPES = new WeakMap();
const HANDS = new WeakMap();
const NONE_OF_THEM = Object.freeze([]);

function groupedByApp(things, pipeOf) {
  const found = new Map();
  for (const thing of things) {
    const app = pipeOf(thing)?.app;
    if (app === undefined) continue;
    if (!found.has(app)) found.set(app, []);
    found.get(app).push(thing);
  }
  return found;
}

/** The connection in the key of a consumer, a channel or its confirms. */
export const connectionIn = (key) => decodeName(key.split("/", 2)[1]);

/** Where a hand is drawn: its row in the layout, or below all others. */
export function rowOf(app, key, number = 0) {
  const rows = Object.values(app.hands ?? {});
  const below = rows.length ? Math.max(...rows.map((row) => row.y)) + 22 : app.y + 56;
  return app.hands?.[key] ?? { x: app.x, y: below + 22 * number, anchor: "middle", room: 118, label: "" };
}

function handMarks(view, app) {
  const { state, scene } = view;
  return handsOfApp(view, app).map(([key, consumer]) => {
    const those = state.at(`consumer|${key}`);
    const held = those.length;
    const alive = those.filter((token) => state.get(token).state !== "gone").length;
    const limits = consumer.got ? "" : consumer.prefetch ? `prefetch ${consumer.prefetch}, ` : "no prefetch limit, ";
    const row = rowOf(app, key);
    const had = hadOf(state, key);
    const active = activity(consumer);
    const who = consumer.got ? `channel ${nameOf(key)}, without a consumer` : `consumer ${consumerName(scene, key)}`;
    return entityMark(view, consumer.got ? "hand" : "consumer", key, {
      ...{ x: row.x, y: row.y, row, held, had, limit: consumer.prefetch, ...handOf(scene.geometry, consumer.prefetch, held) },
      ...{ place: app.name, label: limitWords(isReader(consumer) ? held : consumer.holding_count, consumer) + (had ? `, ${had} done` : ""), state: active, name: row.label },
      said: [`${who}: ${limits}holds ${alive}`, had && `has done with ${had}`, active].filter(Boolean).join(", "),
    });
  });
}

const limitWords = (held, { prefetch, got }) => (got ? `${held}` : prefetch ? `${held} of ${prefetch}` : `${held}, no limit`);

/** Of a queue with a single active consumer: "active", or "waiting" for its turn; "" in other queues. */
function activity({ active = null }) {
  if (active === null) return "";
  return active ? "active" : "waiting";
}

function stripMarks(view, app) {
  const { state } = view;
  const keys = state.of("confirm");
  if (!keys.length) return [];
  const names = pipesOf(view, app);
  return keys
    .filter((key) => state.get(key).count && names.includes(connectionIn(key)))
    .map((key, i) => {
      const strip = state.get(key);
      const row = app.strips?.[key] ?? { ...rowOf(app, "", i), label: "broker owes confirm #" };
      return entityMark(view, "confirms", key, {
        ...{ x: row.x, y: row.y, row, strip, label: strip.outstanding.join(", "), state: `${strip.count} to confirm` },
        said: `${strip.count} to be confirmed, the first is number ${strip.outstanding[0]}`,
      });
    });
}

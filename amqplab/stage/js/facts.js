// Facts: things of the state in people's words.
//
// Theory
// ------
// The state's fields are named for programs. What matters about a thing is said first, in a few lines with the names
// that RabbitMQ's own pages use; all fields, also those that say nothing yet, fold away under "details". Never is a
// value shown as a program would print it.

import { cut, decodeName, isList, nameOf, plural } from "./text.js";
import { h } from "./elements.js";
import { amqpWords } from "./connection.js";
import { hostCondition, isStream } from "./fixtures.js";
import { hadOf, holdingOf, isReader, readBy } from "./hands.js";

const LISTED = 12;

const NAMES = {
  tcp: "TCP at the client",
  tcp_server: "TCP at the server",
  no_ack: "auto-ack",
  auto_delete: "auto-delete",
  vhost: "virtual host",
  node: "at",
  heartbeat_s: "heartbeat",
  tx_before: "in the transaction, after message",
  tx_after: "in the transaction, before message",
  held_in_tx: "held in a transaction",
  ready_count: "Ready",
  unacked_count: "Unacked",
  total: "Total",
  ready: "first in line",
  ready_last: "last in line",
  unacked: "first handed out",
  unacked_last: "last handed out",
  holding: "holds",
  holding_count: "holds, number",
  holding_last: "holds, last",
  frame_max: "frame-max",
  channel_max: "channel-max",
  shared_prefetch: "prefetch of the whole channel",
  where: "copies",
};

const fieldName = (name) => NAMES[name] ?? name.replaceAll("_", " ");

/** A value as people write it. */
export function said(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (isList(value)) return value.length ? cut(value.slice(0, LISTED).map(said).join(", "), 120) + (value.length > LISTED ? " …" : "") : "none";
  if (typeof value === "object") {
    const parts = Object.entries(value).map(([name, one]) => `${name}: ${said(one)}`);
    return parts.length ? cut(parts.join(", "), 160) : "none";
  }
  return cut(String(value), 160);
}

const LONG_WORD = 16;

/** Words, with places in the long ones where a line may end: after a sign, and not within a name.
 * @param {string} words @returns {Kid[]} */
export const breakable = (words) =>
  words.split(/(\S+)/).flatMap((word) => {
    if (word.length <= LONG_WORD) return word ? [word] : [];
    return word.split(/(?<=[(,./:_-])(?=[^(,./:_-])/).flatMap((part, i) => (i ? [h("wbr", {}), part] : [part]));
  });

const list = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" && value?.tag ? value : breakable(said(value)))]),
  );

/** Pairs of name and value; those without a value are left out. */
export const factsList = (pairs) => list(pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== ""));

/** All fields of an entity, folded away. */
export const details = (entity, key) =>
  h("details", { key: `details ${key}`, class: "details" }, h("summary", { "data-focus": "details" }, "details"), list(Object.entries(entity).map(([name, value]) => [fieldName(name), value])));

// --- by kind ---

/** What was agreed on is a timeout; heartbeats are sent twice in that time, and an end is taken for dead when the
 * other has looked twice, a timeout apart, and heard nothing since the look before. */
export const beats = (n) => (n ? `timeout of ${n} s: each end sends something every ${n / 2} s, and is taken for dead after two silent timeouts in a row` : n === 0 ? "none" : null);

const whoIs = (scene, key) => scene.who?.[key] ?? nameOf(key);

const numbers = (scene, messages, count) =>
  messages?.length ? `${count > 1 ? "messages" : "message"} ${messages.map((message) => scene.labelOf(message)).join(", ")}${count > messages.length ? ` … (${count})` : ""}` : null;

const flags = (entity, ...names) => names.filter((name) => entity[name]).map(fieldName).join(", ");

const policyWords = ({ policy, policy_arguments: says }) => (policy ? `${policy}: ${says}` : null);

/** What a consumer was handed and has not acknowledged. A stream keeps no list of that, but it is there. */
function holdsWords(scene, state, consumer, key) {
  const held = isReader(consumer)
    ? numbers(scene, readBy(state, key), holdingOf(state, key))
    : numbers(scene, consumer.holding, consumer.holding_count);
  return held ? `${held}${isForgotten(state, key) ? ", and gone with its memory" : ""}` : "none";
}

/** Whether what the broker believes in its hand is gone, because its program or its machine is. */
const isForgotten = (state, key) => state.at(`consumer|${key}`).some((token) => state.get(token).state === "gone");

/** How many messages are in the hands of a stream's readers, who have not acknowledged them. */
const heldByReaders = (state, { vhost, queue }) =>
  state
    .of("consumer")
    .filter((key) => isReader(state.get(key)) && state.get(key).queue === queue && state.get(key).vhost === vhost)
    .reduce((all, key) => all + holdingOf(state, key), 0);

/** RabbitMQ counts nothing of a stream as Unacked, for a stream gives nothing away; its readers may hold some all the same. */
export function unackedWords(state, queue, key) {
  const [, vhost, name] = key.split("/").map(decodeName);
  const held = isStream(queue) ? heldByReaders(state, { vhost, queue: name }) : 0;
  return held ? `${queue.unacked_count}, for a stream counts none; its readers have yet to acknowledge ${held}` : queue.unacked_count;
}

const FACTS = {
  queue: ({ scene, state }, queue, key) => [
    ["Ready", queue.ready_count],
    ["Unacked", unackedWords(state, queue, key)],
    ["Total", queue.total],
    ["in line", numbers(scene, queue.ready, queue.ready_count)],
    ["handed out", numbers(scene, queue.unacked, queue.unacked_count)],
    ["consumers", queue.consumers],
    ["features", flags(queue, "durable", "exclusive", "auto_delete")],
    ["arguments", queue.arguments],
    ["policy", policyWords(queue)],
    ["bindings", bindingsTo(state, key)],
  ],
  exchange: ({ state }, exchange, key) => [
    ["type", exchange.type],
    ["features", flags(exchange, "durable", "auto_delete", "internal")],
    ["arguments", exchange.arguments],
    ["policy", policyWords(exchange)],
    ["predeclared", exchange.predeclared ? "yes: every virtual host has it" : null],
    ["bindings", bindingsFrom(state, key)],
  ],
  binding: (view, binding) => [
    ["from exchange", binding.source || "(default)"],
    [`to ${binding.kind}`, binding.destination],
    ["binding key", binding.routing_key || "(empty)"],
    ["arguments", binding.arguments],
    ["made by", binding.implicit ? "the broker itself: every queue has one to the default exchange" : null],
  ],
  consumer: ({ scene, state }, consumer, key) => [
    ["reads queue", consumer.queue],
    ["acknowledges", consumer.no_ack ? "nothing: auto-ack, the broker forgets a message when it is sent" : "by hand"],
    ["prefetch", consumer.prefetch ? `${consumer.prefetch}: at most so many unacknowledged` : "no limit"],
    ["was handed", plural(consumer.delivered, "message")],
    ["of these not acknowledged", consumer.no_ack ? null : holdsWords(scene, state, consumer, key)],
    [consumer.no_ack ? "has finished" : "has acknowledged", plural(hadOf(state, key), "message")],
    ["began at offset", consumer.start ?? null],
    ["has read up to", consumer.cursor ? `message ${scene.labelOf(consumer.cursor)}` : null],
    ["single active consumer", consumer.active === true ? "this one: it gets everything" : consumer.active === false ? "another one: this one waits" : null],
    ["exclusive", consumer.exclusive || null],
    ["priority", consumer.priority || null],
  ],
  connection: (view, one) => [
    ["from", one.client],
    ["to", one.server],
    ["AMQP", amqpWords(one)],
    ["TCP", one.tcp && one.tcp_server && one.tcp !== one.tcp_server ? `${one.tcp} at the client, ${one.tcp_server} at the server` : (one.tcp ?? one.tcp_server)],
    ["user", one.user],
    ["virtual host", one.vhost],
    ["name", one.client_name],
    ["channels", one.channels.length ? one.channels : null],
    ["frames of at most", one.frame_max && `${one.frame_max} bytes`],
    ["heartbeat", beats(one.heartbeat_s)],
    ["heartbeats missed", one.missed_heartbeats || null],
    ["blocked", one.blocked],
    ["is closing", one.closing],
    ["ended", one.reason],
    ["TCP waited in vain", one.timeouts ? plural(one.timeouts, "time") : null],
  ],
  channel: ({ scene }, channel, key) => [
    ["state", channel.state],
    ["mode", { confirm: "confirms: the broker acknowledges every publish", tx: "transactions" }[channel.mode] ?? channel.mode],
    ["prefetch", channel.prefetch || channel.shared_prefetch || "no limit"],
    ["consumers", channel.consumers.map((tag) => whoIs(scene, `consumer/${key.slice("channel/".length)}/${tag}`)).join(", ")],
    ["deliveries not settled", channel.unacked],
    ["held until commit", numbers(scene, channel.in_tx, channel.in_tx_count)],
  ],
  host: (view, host, key) => [
    ["program", host.program === nameOf(key) ? null : host.program],
    ["status", host.off || host.crashed || host.frozen ? hostCondition(host) : host.status],
    ["calls not over yet", host.calls.length ? host.calls.map(([, call]) => call).join(" › ") : null],
    ["its link", host.link],
  ],
  confirm: (view, confirm) => [
    ["not confirmed yet", confirm.count ? confirm.ranges.map(([a, b]) => (a === b ? a : `${a}–${b}`)).join(", ") : "nothing"],
    ["confirmed", confirm.positive],
    ["refused", confirm.negative || null],
  ],
  alarm: (view, alarm) => [["low on", alarm.resource], ["at", alarm.node]],
};

const bindingsWhere = (state, test) =>
  (state.of?.("binding") ?? []).map((key) => [key, state.get(key)]).filter(([, binding]) => !binding.implicit && test(binding));

const some = (texts) => (texts.length ? texts.slice(0, LISTED).join("; ") + (texts.length > LISTED ? ` … (${texts.length})` : "") : null);

const bindingsTo = (state, key) =>
  some(bindingsWhere(state, ({ kind, destination }) => kind === "queue" && destination === nameOf(key)).map(([, { source, routing_key: pattern, arguments: more }]) => `${source}: ${pattern || more || "(empty)"}`));

const bindingsFrom = (state, key) =>
  some(bindingsWhere(state, ({ source }) => source === nameOf(key)).map(([, { destination, routing_key: pattern, arguments: more }]) => `${pattern || more || "(empty)"} → ${destination}`));

/** What matters about an entity, by the kind in its key. */
export function entityFacts(view, key, entity) {
  const facts = FACTS[key.split("/")[0]];
  return factsList(facts ? facts(view, entity, key) : Object.entries(entity).map(([name, value]) => [fieldName(name), value]));
}

/** "queue app", "connection producer:49152", "consumer waiter". */
export function titleOf(scene, key) {
  const [kind, ...names] = key.split("/");
  if (kind === "host" && scene.servers?.some(({ host, kind: sort }) => sort === "broker" && host === nameOf(key))) return nameOf(key) === "broker" ? "broker" : `broker ${nameOf(key)}`;
  if (kind === "consumer") return `consumer ${whoIs(scene, key)}`;
  if (kind === "channel") return `channel ${decodeName(names[1])} of ${decodeName(names[0])}`;
  if (kind === "exchange") return `exchange ${nameOf(key) || "(default)"}`;
  if (kind === "binding") return `binding ${decodeName(names[1]) || "(default)"} → ${decodeName(names[3])}`;
  if (kind === "confirm") return `confirms of ${decodeName(names[0])}`;
  return `${kind} ${names.filter((name) => name !== "%2F").map(decodeName).join(" ")}`;
}

// Tables: the state in words, the twin of the picture.
//
// Theory
// ------
// Whatever the picture shows can be read here, by people and by screen readers, in RabbitMQ's own words. A table
// is declared as its columns: head, cell, kind, and which rows need it if not all do. A row is one entity, and picking
// it lights the thing everywhere.

import { nameOf } from "./text.js";
import { cls, h } from "./elements.js";
import { lit } from "./marks.js";
import { unackedWords } from "./facts.js";
import { fateInWords } from "./fate.js";
import { hadOf, holdingOf } from "./hands.js";
import { connectionWords } from "./connection.js";
import { featuresOf, linkOf } from "./fixtures.js";

const ENTITIES_SHOWN = 60;
const LONG_NAME = 12;

const inNumericOrder = new Intl.Collator("en", { numeric: true }).compare;

const count = (view, kind, test) => view.state.of(kind).filter(test).length;

const bindingsOf = (_, key, view) =>
  count(view, "binding", (binding) => binding.split("/")[2] === key.split("/")[2]);

/** What readers of a stream have been given and not acknowledged, which the stream does not count. */
function notCounted(state, queue, key) {
  const words = String(unackedWords(state, queue, key));
  return words.includes(",") ? [h("span", { class: "muted", title: words }, ` (${words.split(" ").at(-1)} given out)`)] : [];
}

/** Whether this consumer's queue gives to one consumer at a time. */
const takesTurns = ({ active }) => active !== null;

const TABLES = [
  {
    title: "Queues",
    kind: "queue",
    columns: [
      ["Name", (_, key) => nameOf(key)],
      ["Ready", (queue) => queue.ready_count, "number"],
      ["Unacked", (queue, key, { state }) => [queue.unacked_count, ...notCounted(state, queue, key)], "number"],
      ["Total", (queue) => queue.total, "number"],
      [
        "Features",
        (queue) => [...featuresOf(queue).filter((word) => word !== "Args"), queue.arguments].join(" "),
      ],
    ],
  },
  {
    title: "Exchanges",
    kind: "exchange",
    columns: [
      ["Name", (_, key) => nameOf(key) || "(default)"],
      ["Type", (exchange) => exchange.type],
      ["Bindings", bindingsOf, "number"],
    ],
  },
  {
    title: "Consumers",
    kind: "consumer",
    columns: [
      ["Name", (_, key, { scene }) => scene.who?.[key] ?? nameOf(key)],
      ["Queue", (consumer) => consumer.queue],
      ["Turn", ({ active }) => (active === null ? "" : active ? "active" : "waits"), null, takesTurns],
      ["Prefetch", (consumer) => consumer.prefetch || "∞", "number"],
      ["Unacked", (_, key, { state }) => holdingOf(state, key), "number"],
      ["Done", (_, key, { state }) => hadOf(state, key), "number"],
      ["Ack", (consumer) => (consumer.no_ack ? "auto" : "manual")],
    ],
  },
  {
    title: "Connections",
    kind: "connection",
    columns: [
      ["Name", (_, key) => nameOf(key)],
      ["State", (connection, key, { state }) => connectionWords(connection, linkOf(state, nameOf(key)))],
      ["Channels", (_, key, view) => count(view, "channel", (channel) => channel.startsWith(`channel/${key.slice("connection/".length)}/`)), "number"],
    ],
  },
  {
    title: "Messages",
    kind: "message",
    columns: [
      ["#", (_, key, { scene }) => scene.labelOf(+nameOf(key))],
      ["Exchange", (message) => message.exchange || "(default)"],
      ["Routing key", (message) => message.routing_key],
      ["Bytes", (message) => message.size, "number"],
      ["Status", (message, key, view) => fateInWords(view, +nameOf(key), message.status)],
    ],
  },
];

/** One table for each kind of thing that exists at the view's step. */
export const tables = (view) => TABLES.map((table) => drawTable(view, table)).filter(Boolean);

/** The exchanges that every broker has are shown only if the picture shows them. */
const isShown = (view, key) =>
  !key.startsWith("exchange/") || !nameOf(key).startsWith("amq.") || view.layout.nodes[key];

/** What is there before anything is made: the default exchange. */
const ALWAYS = { type: "direct" };

/** The keys of exchanges: those that exist, and the default one that the picture shows from the start. */
const exchangesOf = ({ state, layout }) =>
  [...new Set([...state.of("exchange"), ...Object.keys(layout.nodes).filter((key) => /^exchange\/[^/]*\/$/.test(key))])];

/** The last ones. There may be very many messages: their keys are in the order of their numbers already. */
const keysOf = (view, kind) =>
  kind === "message"
    ? view.state.of(kind).slice(-ENTITIES_SHOWN)
    : (kind === "exchange" ? exchangesOf(view) : view.state.of(kind)).filter((key) => isShown(view, key)).sort(inNumericOrder).slice(-ENTITIES_SHOWN);

function drawTable(view, { title, kind: thing, columns: all }) {
  const keys = keysOf(view, thing);
  if (!keys.length) return null;
  const columns = all.filter(([, , , isNeeded]) => !isNeeded || keys.some((key) => isNeeded(view.state.get(key))));
  const heads = columns.map(([name, , kind]) => h("th", { scope: "col", class: cls(kind) }, name));
  const rows = keys.map((key) => drawRow(view, key, columns));
  return h(
    "div",
    { key: title, class: "table-box" },
    h("table", {}, h("caption", {}, title), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)),
  );
}

/** A name that a broker made up may be longer than its column: its line may end anywhere. */
const hasLongWord = (words) => typeof words === "string" && words.split(/\s/).some((word) => word.length > LONG_NAME);

function drawRow(view, key, columns) {
  const message = key.startsWith("message/") ? +nameOf(key) : null;
  const lights = message === null ? lit(view, "entity", key) : lit(view, "message", message);
  const props = {
    key,
    "data-sel": message === null ? `entity:${key}` : `message:${message}`,
    "data-focus": `row-${key}`,
    tabindex: -1,
    class: cls(view.touched?.has(key) && "now", lights),
  };
  const cells = columns.map(([, cell, kind], i) => {
    const words = cell(view.state.get(key) ?? ALWAYS, key, view);
    const name = cls(kind, hasLongWord(words) && "long");
    return i ? h("td", { class: name }, words) : h("th", { class: name, scope: "row" }, words);
  });
  return h("tr", props, cells);
}

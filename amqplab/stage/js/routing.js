// Routing, binding by binding and word by word: what matched, and what did not.
//
// Theory
// ------
// Why a message took these bindings and not the others is a comparison of two texts. Python has written it down
// for every message (trace.routing_words); here it is laid out so that each word of a pattern stands over the word of
// the routing key that it was held against.

import { decodeName } from "./text.js";
import { cls, h } from "./elements.js";

const BINDINGS_SHOWN = 40;
const DIRECT_REPLY = "amq.rabbitmq.reply-to.";

/** Why a word fits, or not, in a binding to an exchange of this `type`. */
export function reasonOf([wanted, found, ok], type = "") {
  if (wanted === "#") return found ? `# stands for any number of words: here ${found.split(".").length}` : "# stands for no word, too";
  if (wanted === "*") return ok ? "* stands for exactly one word" : "* needs a word, and there is none";
  if (ok) return "the same word";
  if (!wanted) return "nothing in the binding key stands for it";
  if (!found) return type === "headers" ? "the message has no such header" : "there is no such word in the routing key";
  return `${wanted} is not ${found}`;
}

const WHY_WHOLE = {
  fanout: "a fanout exchange asks nobody: every binding gets a copy",
  default: "the default exchange: a queue of the very name of the routing key",
  headers: "header by header",
  direct: "direct: the whole key, letter by letter",
  topic: "topic: word by word, between the dots",
};

/** What a binding's key says: {source, kind, destination, pattern}. */
export function bindingOf(key) {
  const [, , source, kind, destination, pattern] = key.split("/").map(decodeName);
  return { source, kind, destination, pattern };
}

const typeOf = (state, key, source) =>
  source ? state?.get(`exchange/${key.split("/")[1]}/${key.split("/")[2]}`)?.type : "default";

/** How a message was routed at record `seq`: elements; none if nothing was routed there. */
export function drawRoutes({ scene, state }, seq) {
  const checked = scene.routes?.[seq];
  if (!checked) return [];
  if (isDirect(scene, state, seq)) return [h("p", { key: "routes", class: "routes-none" }, "No binding is asked: the routing key is the address of the channel that waits for it.")];
  if (!checked.length) return [h("p", { key: "routes", class: "routes-none" }, "No binding was there to be asked: it goes nowhere.")];
  const sorted = [...checked].sort((a, b) => b[1] - a[1]);
  const shown = sorted.slice(0, BINDINGS_SHOWN);
  const rest = sorted.length - shown.length;
  return [
    h("ul", { key: "routes", class: "routes", "aria-label": "bindings" }, shown.map((one) => drawRoute(state, one))),
    rest > 0 && h("p", { key: "more", class: "muted small" }, `${rest} more bindings did not match`),
  ].filter(Boolean);
}

/** Whether a message is an answer that goes straight to the channel of who asked (direct reply-to). */
function isDirect(scene, state, seq) {
  const { exchange, routing_key } = state?.get(`message/${scene.subjectOf(seq).message}`) ?? {};
  return exchange === "" && String(routing_key).startsWith(DIRECT_REPLY);
}

function drawRoute(state, [key, matched, words]) {
  const { source, kind, destination } = bindingOf(key);
  const type = typeOf(state, key, source) ?? "";
  const verdict = h("span", { class: cls("verdict", matched ? "yes" : "no") }, matched ? "✓" : "✗");
  const target = h("b", {}, `${kind === "exchange" ? "exchange " : ""}${destination}`);
  return h(
    "li",
    { key, class: cls("route", matched ? "matched" : "failed"), "data-kind": "route", "data-id": key, "data-sel": `entity:${key}`, "data-state": matched ? "matched" : "failed" },
    h("span", { class: "route-head" }, verdict, target, h("span", { class: "muted small" }, source || "(default)")),
    words.length ? drawWords(words, type, matched) : h("p", { class: "route-why" }, WHY_WHOLE[type] ?? (matched ? "it matched" : "it did not match")),
  );
}

/** What is above, and what below. */
const SIDES = { headers: ["binding", "message"], topic: ["pattern", "routing key"] };

/** The words of a binding over those of the message; under them, why the first wrong one is wrong. */
function drawWords(words, type, matched) {
  const bad = words.find(([, , ok]) => !ok);
  const wild = words.find(([wanted]) => wanted === "*" || wanted === "#");
  const [above, below] = SIDES[type] ?? ["binding key", "routing key"];
  const why = bad && matched ? "one of them is enough" : bad ? reasonOf(bad, type) : wild ? reasonOf(wild) : (WHY_WHOLE[type] ?? "the same words");
  const cell = ([wanted, found, ok], i) =>
    h(
      "span",
      { key: i, class: cls("word", ok ? "fits" : "differs"), title: reasonOf([wanted, found, ok], type) },
      h("span", { class: "wanted" }, wanted || "–"),
      h("span", { class: "sign" }, ok ? "✓" : "✗"),
      h("span", { class: "found" }, found || "–"),
    );
  return [
    h("span", { class: "words" }, h("span", { class: "word sides", "aria-hidden": "true" }, h("span", {}, above), h("span", {}), h("span", {}, below)), words.map(cell)),
    h("p", { class: "route-why" }, why),
  ];
}

// Fate: what has become of a message, in words, by where its copies are.
//
// Theory
// ------
// The broker's books say "delivered" or "unacked" as soon as it has written a message to a connection. Whether the message
// has come, the books do not know; the tokens do. And a stream gives nothing away: its message is ready for everybody else
// while a reader has it in hand.

import { encode } from "./text.js";
import { isReader } from "./hands.js";

/** Where the copies of a message are that are in no line. @param {any} state @param {number} message @param {string} [queue] */
const tokensOfMessage = (state, message, queue) =>
  state
    .under("token", `token/${message}/`)
    .map((/** @type {string} */ key) => state.get(key))
    .filter((/** @type {any} */ token) => !queue || token.queue === queue);

/** @param {any} token */
const isUnderWay = ({ place, up }) => place === "link" && up === false;

/** @param {any} state @param {any} token */
const isRead = (state, { target }) => state.has(target) && isReader(state.get(target));

/** Words of the books that say less than is known. */
const UNSURE = new Set(["delivered", "unacked", "ready"]);

/** What the books say of it, or of its copy in a queue, and what they do not know.
 * @param {any} state @param {number} message @param {string} words @param {string} [queue] */
export function fateInWords(state, message, words, queue) {
  if (!UNSURE.has(words)) return words;
  const tokens = tokensOfMessage(state, message, queue);
  const isOnItsWay = tokens.some(isUnderWay);
  if (words === "delivered") return isOnItsWay ? "sent, on its way" : words;
  if (words === "unacked") return isOnItsWay && tokens.every(isUnderWay) ? "unacked, on its way" : words;
  const readers = tokens.filter((/** @type {any} */ token) => isRead(state, token));
  if (!readers.length) return words;
  return readers.every(isUnderWay) ? "stays in the stream, on its way to a reader" : "stays in the stream, and is in a reader's hand";
}

/** The same of its copy in a queue. @param {any} state @param {number} message @param {any} entity @param {string} queue */
export const fateInQueue = (state, message, { where, vhost }, queue) => fateInWords(state, message, where[queue], `queue/${encode(vhost)}/${encode(queue)}`);

// Fate: what has become of a message, in words, by where its copies are.
//
// Theory
// ------
// The broker's books say "delivered" or "unacked" as soon as it has written a message to a connection. Whether the message
// has come, the books do not know; the tokens do, and their rides (ride.js). And a stream gives nothing away: its message is
// ready for everybody else while a reader has it in hand.

import { encode } from "./text.js";
import { isReader } from "./hands.js";
import { rideOfCommand } from "./ride.js";

/** Where the copies of a message are that are in no line. @param {any} state @param {number} message @param {string} [queue] */
const tokensOfMessage = (state, message, queue) =>
  state
    .under("token", `token/${message}/`)
    .map((/** @type {string} */ key) => state.get(key))
    .filter((/** @type {any} */ token) => !queue || token.queue === queue);

/** @param {any} token */
const isUnderWay = ({ place, up }) => place === "link" && up === false;

/** @param {any} token */
const isInHand = ({ place }) => place === "consumer";

/** Whether the program that had it is no more. @param {any} token */
const isWithTheDead = (token) => isInHand(token) && token.state === "gone";

/** @param {any} state @param {any} token */
const isRead = (state, { target }) => state.has(target) && isReader(state.get(target));

/** Words of the books that say less than is known. */
const UNSURE = new Set(["delivered", "unacked", "ready"]);

/** How far what was handed over has come, by the state of its ride. */
const WAYS = {
  "not sent": "not sent yet",
  waiting: "handed to TCP",
  "under way": "on its way",
  lost: "lost on its way",
  discarded: "thrown away where it came",
  arrived: "arrived, and not read yet",
};

/** How far the command is that brings a copy. @param {Scene} scene @param {Command | undefined} command @param {number} seq @param {number} now */
function howFar(scene, command, seq, now) {
  if (!command) return "not sent";
  return (command.sent ?? -1) > seq ? "not sent" : rideOfCommand(scene, command, seq, now).state;
}

/** How far the copies on links have come, each way once.
 * @param {View} view @param {any[]} tokens */
function wayInWords({ scene, seq, now }, tokens) {
  const ways = new Set(tokens.map(({ command }) => WAYS[howFar(scene, scene.commands[command], seq, now)]));
  return [...ways].join("; another: ");
}

/** What its consumers have of a message that the broker waits for. @param {View} view @param {any[]} tokens */
function unackedInWords(view, tokens) {
  const handed = tokens.filter((token) => isUnderWay(token) || isInHand(token));
  if (!handed.length) return "unacked, and its consumer does not have it";
  if (handed.every(isWithTheDead)) return "unacked, and gone with the memory of its program";
  return handed.every(isUnderWay) ? `unacked: ${wayInWords(view, handed)}` : "unacked";
}

/** What the books say of it, or of its copy in a queue, and what they do not know.
 * @param {View} view @param {number} message @param {string} words @param {string} [queue] */
export function fateInWords(view, message, words, queue) {
  if (!UNSURE.has(words)) return words;
  const { state } = view;
  const tokens = tokensOfMessage(state, message, queue);
  const riding = tokens.filter(isUnderWay);
  if (words === "delivered") return riding.length ? `handed over: ${wayInWords(view, riding)}` : words;
  if (words === "unacked") return unackedInWords(view, tokens);
  const readers = tokens.filter((/** @type {any} */ token) => isRead(state, token));
  if (!readers.length) return words;
  return readers.every(isUnderWay) ? `stays in the stream; a reader's copy: ${wayInWords(view, readers)}` : "stays in the stream, and is in a reader's hand";
}

/** The same of its copy in a queue. @param {View} view @param {number} message @param {any} entity @param {string} queue */
export const fateInQueue = (view, message, { where, vhost }, queue) => fateInWords(view, message, where[queue], `queue/${encode(vhost)}/${encode(queue)}`);

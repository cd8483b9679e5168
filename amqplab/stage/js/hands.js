// Hands: how many messages a consumer holds, and how many it has done with.
//
// Theory
// ------
// Of a queue the state knows which copies are unacked, and who has them. A stream gives nothing away: it counts none,
// and what its readers were handed is known by where the messages are.

import { nameOf } from "./text.js";

/** Whether a consumer reads a stream. @param {any} consumer */
export const isReader = ({ cursor, start }) => (cursor ?? start ?? null) !== null;

/** The messages that a stream's reader was handed, on their way or there, and has not acknowledged.
 * @param {any} state @param {string} key @returns {number[]} */
export const readBy = (state, key) =>
  state
    .of("token")
    .map((/** @type {string} */ token) => state.get(token))
    .filter((/** @type {any} */ { target, state: how }) => target === key && how !== "done")
    .map((/** @type {any} */ { message }) => message);

/** How many messages a consumer was handed that are not acknowledged. @param {any} state @param {string} key */
export function holdingOf(state, key) {
  const consumer = state.get(key);
  return isReader(consumer) ? readBy(state, key).length : consumer.holding_count;
}

/** How many messages a consumer has done with. @param {any} state @param {string} key */
export const hadOf = (state, key) => state.get(`had/${key.slice("consumer/".length)}`)?.count ?? 0;

/** What people call a consumer; its tag, if nobody calls it anything. @param {Scene} scene @param {string} key */
export const consumerName = ({ who }, key) => who?.[key] ?? nameOf(key);

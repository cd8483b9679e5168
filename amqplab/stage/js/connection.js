// How a connection is, in words.
//
// Theory
// ------
// Each end has a TCP of its own, and an end that loses it without a word leaves the other one alone: a machine without power, a
// cable that is cut for longer than somebody's patience. So "closed" is said only of what both know to be closed, and "open"
// only while the TCP of both could carry something, whatever the broker's books say.

/** Which end alone still has a connection, while the other one has lost it and nobody has told: "" if that is not so. What
 * was asked to be closed is no surprise to anybody. */
function onlyEnd({ state, tcp, tcp_server: server, closing }) {
  if (tcp === "ESTABLISHED" && (OVER.includes(server) || state === "closed") && !closing) return "only its client has it";
  return server && !OVER.includes(server) && OVER.includes(tcp) && state !== "closed" ? "only its server has it" : "";
}

/** Whether both ends have lost it: then it is closed, whatever the broker's books still say. */
const bothLostIt = ({ tcp, tcp_server: server }) => OVER.includes(tcp) && OVER.includes(server);

const OVER = ["CLOSED", "TIME-WAIT"];

/** Whether TCP takes leave at an end of what had carried AMQP, though nobody has said so in AMQP. */
const isEnding = ({ state, tcp, tcp_server: server }) =>
  Boolean(state) && [tcp, server].some((end) => end && end !== "ESTABLISHED");

/** How its AMQP is: open only as long as there is a TCP that could carry it. */
export const amqpWords = (connection) =>
  overWords(connection) || (isEnding(connection) ? "closing" : (connection.state ?? "not yet spoken"));

/** What an end, or both, have no more; "" of what both have. */
function overWords(connection) {
  if (onlyEnd(connection)) return onlyEnd(connection);
  return connection.state === "closed" || bothLostIt(connection) ? "closed" : "";
}

/** A connection's state in a word or two, as an operator would say it. What is closed cares for no cable; else a broken
 * `link` is what matters most about it. */
export function connectionWords(connection, link = "") {
  const over = overWords(connection);
  if (over || link) return over || link;
  if (isEnding(connection)) return "closing";
  if (connection.blocked) return "blocked";
  return connection.state ?? connection.tcp ?? connection.tcp_server ?? "connecting";
}

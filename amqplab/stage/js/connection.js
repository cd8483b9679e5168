// How a connection is, in words.
//
// Theory
// ------
// Each end has a TCP of its own, and an end that loses it without a word leaves the other one alone: a machine without power, a
// cable that is cut for longer than somebody's patience. So "closed" is said only of what both know to be closed.

/** Which end alone still has a connection, while the other one has lost it and nobody has told: "" if that is not so. What
 * was asked to be closed is no surprise to anybody. */
export function onlyEnd({ state, tcp, tcp_server: server, closing }) {
  if (tcp === "ESTABLISHED" && (OVER.includes(server) || state === "closed") && !closing) return "only its client has it";
  return server === "ESTABLISHED" && OVER.includes(tcp) && state !== "closed" ? "only its server has it" : "";
}

/** Whether both ends have lost it: then it is closed, whatever the broker's books still say. */
export const bothLostIt = ({ tcp, tcp_server: server }) => OVER.includes(tcp) && OVER.includes(server);

const OVER = ["CLOSED", "TIME-WAIT"];

/** A connection's state in a word or two, as an operator would say it. What is closed cares for no cable; else a broken
 * `link` is what matters most about it. */
export function connectionWords(connection, link = "") {
  if (onlyEnd(connection)) return onlyEnd(connection);
  if (connection.state === "closed" || bothLostIt(connection)) return "closed";
  if (link) return link;
  if (connection.blocked) return "blocked";
  return connection.state ?? connection.tcp ?? connection.tcp_server ?? "connecting";
}

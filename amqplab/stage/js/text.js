// Text: names, counts and times as people write them.

export const isList = Array.isArray;

/** To a tenth. @param {number} x */
export const round = (x) => Math.round(x * 10) / 10;

/** @param {string} text @param {number} most letters that there is room for */
export const cut = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

/** @param {number} n @param {string} word */
export const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// The state's keys are paths; what stands between the slashes is escaped (trace.keys).
/** @param {string} name */
export const encode = (name) => name.replaceAll("%", "%25").replaceAll("/", "%2F");
/** @param {string} part */
export const decodeName = (part) =>
  part.includes("%") ? part.replaceAll("%2F", "/").replaceAll("%25", "%") : part;
/** @param {string} key */
export const nameOf = (key) => decodeName(key.slice(key.lastIndexOf("/") + 1));

/** The host of a connection's name, "host:port". @param {string} connection */
export const clientOf = (connection) => connection.slice(0, connection.lastIndexOf(":"));

/** A time: 0 s, 250 µs, 12.4 ms, 3.02 s, 1 h 2 min. @param {number} ns */
export function timeText(ns) {
  if (ns === 0) return "0 s";
  if (ns < 1e6) return `${+(ns / 1e3).toPrecision(4)} µs`;
  if (ns < 1e9) return `${+(ns / 1e6).toPrecision(4)} ms`;
  const s = ns / 1e9;
  if (s < 120) return `${+s.toPrecision(5)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 120) return `${minutes} min ${+(s % 60).toPrecision(4)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

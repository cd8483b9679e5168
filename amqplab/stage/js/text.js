// Text: names, counts and times as people write them.

export const isList = Array.isArray;

/** To a tenth. @param {number} x */
export const round = (x) => Math.round(x * 10) / 10;

/** @param {string} text @param {number} most letters that there is room for */
export const cut = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

/** Widths of letters in ems, as in the widest of the fonts that a page may fall back to (lettering.py says more).
 * @type {[string, number][]} */
const WIDTHS = [
  ...[["ijl'|", 0.28], [" ·", 0.32], ['fIrt()[]!.,:;/\\-"', 0.42], ["ceksvxyz_*?", 0.6], ["abdghnopqu0123456789$", 0.64]],
  ...[["ABCDEFGHKNOPQRSTUVXYZL&#+=<>~J", 0.79], ["mwMW@%…—", 1]],
].map(([letters, ems]) => /** @type {[string, number]} */ ([letters, ems]));
const EMS = new Map(WIDTHS.flatMap(([letters, ems]) => [...letters].map((letter) => [letter, ems])));
const OTHER = 0.7;

/** About how wide words are at a size, never less than they are. @param {string} words @param {number} size */
export function widthOf(words, size) {
  let ems = 0;
  for (const letter of words) ems += EMS.get(letter) ?? OTHER;
  return ems * size;
}

/** The words, or as much of their beginning as fits. @param {string} words @param {number} room @param {number} size */
export function cutTo(words, room, size) {
  if (widthOf(words, size) <= room) return words;
  let kept = words.length - 1;
  while (kept > 1 && widthOf(`${words.slice(0, kept)}…`, size) > room) kept--;
  return `${words.slice(0, kept).trimEnd()}…`;
}

/** The words in lines, no more than `most`; a word that is longer than a line goes on in the next one.
 * @param {string} words @param {number} room @param {number} size @param {number} most @returns {string[]} */
export function wrapped(words, room, size, most) {
  /** @type {string[]} */
  const lines = [];
  let rest = words;
  while (widthOf(rest, size) > room && lines.length < most - 1) {
    const end = lineEnd(rest, room, size);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...lines, cutTo(rest, room, size)];
}

/** How many letters the first line has. @param {string} words @param {number} room @param {number} size */
function lineEnd(words, room, size) {
  let [width, end] = [0, 0];
  while (end < words.length && (width += widthOf(words[end], size)) <= room) end++;
  const space = words[end] === " " ? end : words.lastIndexOf(" ", end - 1);
  return space > 0 ? space : Math.max(1, end);
}

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

/** A time: 0 s, 250 µs, 12.4 ms, 3.02 s, 1 h 2 min. @param {number} ns @param {number} [more] digits */
export function timeText(ns, more = 0) {
  if (ns === 0) return "0 s";
  if (ns < 1e6) return `${+(ns / 1e3).toPrecision(4 + more)} µs`;
  if (ns < 1e9) return `${+(ns / 1e6).toPrecision(4 + more)} ms`;
  const s = ns / 1e9;
  if (s < 120) return `${+s.toPrecision(5 + more)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 120) return `${minutes} min ${+(s % 60).toPrecision(4 + more)} s`;
  const hours = `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return more ? `${hours} ${+(s % 60).toFixed(more - 1)} s` : hours;
}

const MOST_MORE = 10;

/** A moment among others: as short as it may be and still read differently from those just before and after it.
 * @param {number} ns @param {number[]} others @param {(ns: number, more: number) => string} [words] */
export function momentText(ns, others, words = timeText) {
  let more = 0;
  while (more < MOST_MORE && others.some((other) => words(other, more) === words(ns, more))) more++;
  return words(ns, more);
}

// Lifetimes: which of very many things exist at a record, without looking at all of them.
//
// Theory
// ------
// A segment, a frame or a command is on the wire from one record to another. Sorted by their beginnings, those
// that live at a record are among the first ones, up to those that begin there; over them stands a tree of
// maxima, in which a branch whose latest end is too early is left out as a whole. So a question costs as much as
// its answer is long, times a logarithm.

/**
 * A function (low, high = low) of records: the items that exist at one of them, in the order of their beginnings.
 * @template T
 * @param {{item: T, from: number, to: number}[]} lives `to` is included, and may be Infinity
 * @returns {(low: number, high?: number) => T[]}
 */
export function lifetimes(lives) {
  const sorted = lives.map((life, i) => ({ ...life, i })).sort((a, b) => a.from - b.from || a.i - b.i);
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, sorted.length)));
  const latest = new Float64Array(2 * size).fill(-Infinity);
  sorted.forEach((life, i) => (latest[size + i] = life.to));
  for (let i = size - 1; i > 0; i--) latest[i] = Math.max(latest[2 * i], latest[2 * i + 1]);
  return (low, high = low) => {
    const count = lastAtMost(sorted, high, (life) => life.from) + 1;
    /** @type {T[]} */
    const found = [];
    /** Those under a branch of the tree. @param {number} node @param {number} first @param {number} width */
    const visit = (node, first, width) => {
      if (first >= count || latest[node] < low) return;
      if (width === 1) found.push(sorted[first].item);
      else {
        visit(2 * node, first, width / 2);
        visit(2 * node + 1, first + width / 2, width / 2);
      }
    };
    if (sorted.length) visit(1, 0, size);
    return found;
  };
}

/**
 * How many elements of a sorted list are <= x, less one; `value` says what of an element is compared.
 * @template [T=number]
 * @param {ArrayLike<T>} list
 * @param {number} x
 * @param {(one: T) => number} value
 */
export function lastAtMost(list, x, value = (one) => /** @type {number} */ (one)) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(list[middle]) <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

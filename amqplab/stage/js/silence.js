// Silence: when nothing happens for long; the same wherever time is drawn or told.
//
// Theory
// ------
// Steps are not all that happens: between two steps of the story may lie ten minutes of heartbeats. So a gap between
// two steps is *long* if it is many times the usual one, and it is *silence* only if nearly all of it lies between two
// records that follow each other. Time line, ladder and film ask here, and so they cannot disagree.

import { timeText } from "./text.js";

/** Hops of a link are no silence. */
export const LEAST_SILENCE = 5e6;
const TIMES_USUAL = 20;
const SILENT = 0.9;
const GAPS_LOOKED_AT = 2001;

/** Gaps between these steps that are longer than this are long: many times the usual one, of two the shorter one. */
export function longGap({ records: { at } }, steps) {
  const seqs = steps[0] < 0 ? steps.slice(1) : steps;
  const stride = Math.max(1, Math.floor(seqs.length / GAPS_LOOKED_AT));
  const gaps = [];
  for (let k = 1; k < seqs.length; k += stride) {
    const gap = at[seqs[k]] - at[seqs[k - 1]];
    if (gap > 0) gaps.push(gap);
  }
  if (!gaps.length) return Infinity;
  const sorted = Float64Array.from(gaps).sort();
  return Math.max(LEAST_SILENCE, TIMES_USUAL * sorted[(sorted.length - 1) >> 1]);
}

/** A gap between two records: the longest time without a record in it is that after `first`; and what to say. */
export function gapBetween({ records: { at } }, from, to) {
  let first = from;
  for (let seq = from; seq < to; seq++) if (at[seq + 1] - at[seq] > at[first + 1] - at[first]) first = seq;
  const [ns, longest] = [at[to] - at[from], at[first + 1] - at[first]];
  const silent = longest >= SILENT * ns;
  const words = timeText(silent ? longest : ns).replace(/ 0 s$/, "");
  return { ns, first, silent, words };
}

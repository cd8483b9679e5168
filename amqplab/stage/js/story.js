// Story: how long things are shown. Virtual time makes poor theatre.
//
// Theory
// ------
// A hop takes a millisecond, a sleep an hour, and ten records share one instant. So a step rests for as long as
// its event asks for (`hold`), and as its sentence takes to be read; and the silence before the next one is shown as
// silence, with the clock running, but compressed by a logarithm.

import { LEAST_SILENCE } from "./silence.js";

const LONGEST_SILENCE = 2800;
const LEAST_REST = 260;
const [TO_BEGIN_READING, A_LETTER, LONGEST_READING] = [350, 32, 2800];

/** Milliseconds of film for a gap of virtual nanoseconds: 1 ms -> 0.5 s, 1 s -> 2.6 s, never more than 2.8 s. @param {number} ns */
export function gapTime(ns) {
  return ns <= 0 ? 0 : Math.min(LONGEST_SILENCE, 220 * Math.log2(1 + ns / 250e3));
}

/** How long a step rests at speed 1: as long as its event asks for, and until its sentence is read.
 * @param {Scene} scene @param {number} seq @param {string} toRead */
export const restOf = (scene, seq, toRead = "") =>
  seq < 0 ? 400 : Math.max(LEAST_REST, scene.aboutOf(seq).hold, readingTime(toRead));

/** Milliseconds for a sentence, at thirty letters a second. @param {string} sentence */
const readingTime = ({ length }) => (length ? Math.min(LONGEST_READING, TO_BEGIN_READING + A_LETTER * length) : 0);

/** How long the gap before step `next` is shown at speed 1, with the clock running; hops of the link are cut.
 * @param {Scene} scene @param {number} seq @param {number} next */
export function silenceBetween(scene, seq, next) {
  if (seq < 0) return 0;
  const gap = scene.timeOf(next) - scene.timeOf(seq);
  return gap < LEAST_SILENCE ? 0 : gapTime(gap) - gapTime(4e6);
}

/** Film time of each record, strictly rising; index 0 is before the first. For scales that are compressed. @param {Scene} scene */
export function filmTimes(scene) {
  if (scene.film) return scene.film;
  const film = new Float64Array(scene.n + 1);
  for (let seq = 0; seq < scene.n; seq++)
    film[seq + 1] =
      film[seq] + Math.max(1, scene.aboutOf(seq).hold) + (seq ? gapTime(scene.timeOf(seq) - scene.timeOf(seq - 1)) : 0);
  scene.film = film;
  return film;
}

/** Film time of a record; -1 is before the first. @param {Scene} scene @param {number} seq */
export const timeOf = (scene, seq) => filmTimes(scene)[Math.max(0, Math.min(seq + 1, scene.n))];

// The clock: which virtual time it is, always in sight.
//
// Theory
// ------
// The run has a time of its own: a message needs milliseconds, a program sleeps for an hour, and neither is how
// long one has looked at it. The clock says the time of what is seen; while things move it moves with them.

import { timeText } from "./text.js";
import { h } from "./elements.js";

/** The virtual time of the step, and of the end. @param {View} view */
export function drawClock({ scene, at, now, seq, steps, step, visit }) {
  const { at: times } = scene.records;
  const end = times[scene.n - 1] ?? 0;
  const before = visit ? seq - 1 : (steps[step - 1] ?? -1);
  const since = before >= 0 ? at - times[before] : 0;
  return [
    h("span", { class: "clock-now", title: "virtual time of this step" }, scene.moment(Math.max(0, Math.round(now)))),
    h("span", { class: "clock-end" }, `of ${scene.moment(end)}`),
    since > 0 && h("span", { class: "clock-since", title: visit ? "since the record before" : "since the step before" }, `+${timeText(since)}`),
  ].filter(Boolean);
}

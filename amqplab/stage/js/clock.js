// The clock: which virtual time it is, always in sight.
//
// Theory
// ------
// The run has a time of its own: a message needs milliseconds, a program sleeps for an hour, and neither is how
// long one has looked at it. The clock says the time of what is seen; while things move it moves with them.

import { timeText } from "./text.js";
import { h } from "./elements.js";

/** The virtual time of the step, and of the end. @param {View} view */
export function drawClock({ scene, at, now, seq }) {
  const { at: times } = scene.records;
  const end = times[scene.n - 1] ?? 0;
  const since = seq > 0 ? at - times[seq - 1] : 0;
  return [
    h("span", { class: "clock-now", title: "virtual time of this step" }, timeText(Math.max(0, Math.round(now)))),
    h("span", { class: "clock-end" }, `of ${timeText(end)}`),
    since > 0 && h("span", { class: "clock-since", title: "since the record before" }, `+${timeText(since)}`),
  ].filter(Boolean);
}

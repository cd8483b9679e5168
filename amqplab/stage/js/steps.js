// Steps: the story as a list of sentences, and the causes of the one that is shown.
//
// Theory
// ------
// Whoever reads faster than a film runs wants the text of it. The list has one sentence for each step of the
// zoom; the one shown is marked, and every other is a jump. Of a long run only the neighbourhood is listed.

import { cls, h } from "./elements.js";
import { chainOf } from "./causes.js";
import { sentenceOf } from "./player.js";

const AROUND_STEP = 60;
const CAUSES_SHOWN = 30;
const FIRST_CAUSE = "Nothing else in the recording made this last one happen: it is a first act, a timer, or done from outside.";

/** The steps around the one shown. */
export function drawSteps(view) {
  const { scene, steps, step } = view;
  const first = Math.max(0, step - AROUND_STEP);
  const last = Math.min(steps.length - 1, step + AROUND_STEP);
  const items = [];
  for (let k = first; k <= last; k++) items.push(drawStep(view, k));
  const beyond = (n, words) => n > 0 && h("p", { key: words, class: "muted small" }, `${n} steps ${words}`);
  return [
    beyond(first, "before these"),
    h("ol", { key: "steps", class: "steps", "data-scene": scene.n }, items),
    beyond(steps.length - 1 - last, "after these"),
  ].filter(Boolean);
}

/** What a step says, by its number at the view's zoom. */
export const sentenceOfStep = (view, step) =>
  sentenceOf({ ...view, step, seq: view.steps[step], visit: false });

function drawStep(view, k) {
  const { scene, steps, step } = view;
  const seq = steps[k];
  const tone = k < step ? "past" : k === step ? "here" : "future";
  const props = {
    type: "button",
    class: cls("step", tone),
    "data-jump": seq,
    "data-focus": `step-${k}`,
    tabindex: -1,
    "aria-current": k === step ? "step" : null,
  };
  const time = h("span", { class: "step-time" }, seq < 0 ? "" : scene.moment(scene.records.at[seq]));
  return h("li", { key: k }, h("button", props, time, h("span", {}, sentenceOfStep(view, k))));
}

/** Why this happened: the chain of causes, each a jump. */
export function drawCauses({ scene, seq }) {
  if (seq < 0) return [h("p", { class: "empty" }, "Nothing has happened yet, so nothing has a cause.")];
  const causes = chainOf(scene, seq, CAUSES_SHOWN + 1);
  const chain = causes.slice(0, CAUSES_SHOWN);
  const link = (at, i) => {
    const words = [
      h("span", { class: "step-time" }, scene.moment(scene.records.at[at])),
      h("span", {}, (i ? "because: " : "") + scene.sentences[at]),
    ];
    const props = {
      type: "button",
      class: cls("step", i ? "past" : "here"),
      "data-jump": at,
      "data-focus": `cause-${at}`,
      tabindex: -1,
    };
    return h("li", { key: at }, h("button", props, words));
  };
  const isWhole = causes.length === chain.length;
  return [
    h("ol", { key: "causes", class: "steps causes" }, chain.map(link)),
    h("p", { key: "root", class: "muted small" }, isWhole ? FIRST_CAUSE : "And so on: go to the last of these, and ask again."),
  ].filter(Boolean);
}

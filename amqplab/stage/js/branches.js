// Branches: the histories one has come through, and the way back.
//
// Theory
// ------
// A fault does not change the run, it makes another one: a branch, which is equal to the old up to the fault. The
// strip says which history is shown, "original › freeze barista at 18 ms"; each name leads back to its history,
// and undo to the one before. Where there is one history only there is no strip.

import { h } from "./elements.js";

/** The strip; nothing for a single history. The last name is the history shown. @param {PageView} view */
export function drawBranches({ branch, connected }) {
  if (branch.length < 2) return [];
  const last = branch.length - 1;
  const crumb = (/** @type {string} */ name, /** @type {number} */ i) =>
    h("li", { key: i }, [
      h(
        "button",
        {
          type: "button",
          "data-branch": i,
          tabindex: -1,
          disabled: !connected && i !== last,
          "aria-current": i === last ? "true" : null,
        },
        name,
      ),
    ]);
  return [
    h("ol", { key: "crumbs", class: "crumbs" }, branch.map(crumb)),
    h(
      "button",
      {
        key: "undo",
        type: "button",
        class: "text undo",
        "data-branch": last - 1,
        "data-focus": "undo",
        tabindex: -1,
        disabled: !connected,
        title: `back to: ${branch[last - 1]}`,
      },
      "undo",
    ),
  ];
}

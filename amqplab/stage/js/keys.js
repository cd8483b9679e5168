// Keys: everything can be done from the keyboard, and from a presenter's remote.
//
// Theory
// ------
// A key press means an action by name; what the action does is the stage's business. Whoever types into a field
// is left alone.

export const HELP = [
  ["Space", "play, pause"],
  ["← →", "one step (PageUp, PageDown too)"],
  ["Shift + ← →", "one step at the next coarser zoom"],
  ["Home, End", "first, last step"],
  ["1 2 3 4", "step by segment, frame, command, milestone"],
  ["+ −", "faster, slower"],
  ["U", "run until …"],
  ["Esc", "let go of the selection"],
  ["?", "this"],
];

const PLAIN = {
  " ": "toggle",
  ArrowRight: "forward",
  PageDown: "forward",
  ArrowLeft: "back",
  PageUp: "back",
  Home: "start",
  End: "end",
  1: "zoom-0",
  2: "zoom-1",
  3: "zoom-2",
  4: "zoom-3",
  "+": "faster",
  "=": "faster",
  "-": "slower",
  "?": "help",
  Escape: "let-go",
  u: "ask-until",
  U: "ask-until",
};
const SHIFTED = { ArrowRight: "coarser-forward", ArrowLeft: "coarser-back" };

/** The action that a key press means; undefined for one that means nothing here. */
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return undefined;
  return (shiftKey ? SHIFTED[key] : undefined) ?? PLAIN[key];
}

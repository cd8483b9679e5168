// Focus: everything by keyboard alone, and the focus never lost.
//
// Theory
// ------
// A page with a hundred things in it must not have a hundred stops for the Tab key. So each part of the stage is a
// *group*: Tab goes from group to group, and arrows go from thing to thing inside (WAI-ARIA's "roving focus").
// The group itself is the stop. When it gets the focus it hands it on to the thing that had it last, and while
// one of its things has the focus the group is no stop, so that Shift + Tab leads out of it.
//
// Things come and go with every step. What has the focus when it goes gives it to what stands in its place: the
// thing of the same name, else its neighbour, else the group before, at last the stage.
//
// A mouse is no Tab key: who clicks beside the things of a group wants the keys of the stage, and not its first thing.
// And JupyterLab has keys of its own, such as X, which cuts the cell; it asks the very element that has the focus
// whether they are wanted, so whatever gets the focus here is marked.

const ITEMS = "[data-focus],button:not(:disabled),[role=button],[data-span],.rung";
const FORWARD = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const COLUMN = 50;
const NO_SHORTCUTS = "data-lm-suppress-shortcuts";

const groupOf = (node) => node?.closest?.("[data-group]");

/** What a thing is called, so that it is found again after a redraw. */
const focusName = ({ dataset }) =>
  dataset.focus ?? dataset.sel ?? dataset.do ?? dataset.zoom ?? dataset.fault ?? dataset.jump ?? dataset.span ?? dataset.id;

const seenItem = (node) => node.checkVisibility({ visibilityProperty: true });

/** The things of a group that can have the focus, in reading order. */
export function itemsOf(group) {
  const own = [...group.querySelectorAll(ITEMS)].filter((node) => groupOf(node) === group && seenItem(node));
  return group.dataset.axes === "spatial" ? inReadingOrder(own) : own;
}

/** By columns from the left, each from the top: the order of a message's journey. What is there and has nothing drawn, as
 * a channel without a lane, cannot have the focus. */
function inReadingOrder(nodes) {
  const placed = nodes.map((node) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    return { node, isDrawn: width + height > 0, column: Math.round((left + width / 2) / COLUMN), top: top + height / 2 };
  });
  return placed.filter(({ isDrawn }) => isDrawn).sort((a, b) => a.column - b.column || a.top - b.top).map(({ node }) => node);
}

function nearestTo({ left, top }, nodes) {
  const away = (node) => {
    const at = node.getBoundingClientRect();
    return Math.hypot(at.left - left, at.top - top);
  };
  return nodes.reduce((best, node) => (!best || away(node) < away(best) ? node : best), null);
}

/** The focus of one stage: `root` is its element. */
export class Focus {
  constructor(root) {
    this.root = root;
    this.lasts = new Map();
    this.pointed = false;
    for (const group of root.querySelectorAll("[data-group]")) this.makeStop(group);
    root.addEventListener("mousedown", () => this.point());
    root.addEventListener("focusin", ({ target }) => this.entered(target));
    root.addEventListener("focusout", ({ target }) => this.left(target));
  }

  makeStop(group) {
    group.setAttribute("tabindex", "0");
  }

  get active() {
    const { activeElement } = this.root.getRootNode();
    return this.root.contains(activeElement) ? activeElement : null;
  }

  /** What the browser focuses for a press of the mouse, it focuses before anything else happens. */
  point() {
    this.pointed = true;
    setTimeout(() => (this.pointed = false));
  }

  entered(target) {
    target.setAttribute(NO_SHORTCUTS, "true");
    const group = groupOf(target);
    if (!group) return;
    if (group === target) return this.pointed ? this.root.focus({ preventScroll: true }) : this.enter(group);
    group.setAttribute("tabindex", "-1");
    const name = focusName(target);
    if (name !== undefined) this.lasts.set(group.dataset.group, name);
  }

  left(target) {
    if (target !== this.root) target.removeAttribute(NO_SHORTCUTS);
    groupOf(target)?.setAttribute("tabindex", "0");
  }

  /** The focus comes to a group: its thing of last time, the chosen one, or the first. */
  enter(group) {
    const items = itemsOf(group);
    const last = this.lasts.get(group.dataset.group);
    const chosen = (node) => node.matches("[aria-checked=true],[aria-current],[aria-selected=true],.here");
    const item = items.find((node) => focusName(node) === last) ?? items.find(chosen) ?? items[0];
    if (item) this.give(item);
  }

  give(item, still = Boolean(item.ownerSVGElement?.classList.contains("picture"))) {
    if (!item.hasAttribute("tabindex") && !/^(BUTTON|INPUT|SELECT)$/.test(item.tagName)) item.setAttribute("tabindex", "-1");
    item.focus({ preventScroll: still });
  }

  /** An arrow key inside a group; true if it meant something there. `choose` hears what got the focus. */
  moved({ target, key }, choose) {
    const group = groupOf(target);
    const by = FORWARD[key] ?? { Home: -Infinity, End: Infinity }[key];
    if (!group || by === undefined || group === target) return false;
    const items = itemsOf(group);
    const at = items.indexOf(target.closest(ITEMS));
    const to = items[Math.max(0, Math.min(items.length - 1, at + by))];
    if (to && to !== target) {
      this.give(to);
      choose(to);
    }
    return true;
  }

  /** Do something that may redraw the page, and keep the focus in it. */
  keeping(deed) {
    const had = this.active;
    if (!had || had === this.root) return deed();
    const group = groupOf(had);
    const name = focusName(had);
    const place = had.getBoundingClientRect();
    const result = deed();
    const isGone = !this.root.contains(had) || had.disabled || had.closest("[hidden]");
    if (isGone) this.settle(group, name, place);
    else {
      if (!this.active) this.give(had, true); // it was moved in the page, and lost the focus on the way
      this.kept = { had, group, name, place };
    }
    return result;
  }

  /** When the page is laid out: what has the focus may have been hidden by a rule of the style sheet. */
  settleHidden() {
    const { kept } = this;
    this.kept = null;
    if (kept && this.active === kept.had && !seenItem(kept.had)) this.settle(kept.group, kept.name, kept.place);
  }

  settle(group, name, place) {
    const items = group && this.root.contains(group) && seenItem(group) ? itemsOf(group) : [];
    const next = items.find((node) => focusName(node) === name) ?? nearestTo(place, items);
    if (next) this.give(next, true);
    else this.root.focus({ preventScroll: true });
  }
}

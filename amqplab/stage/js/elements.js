// Elements: the page as data, and the page made like the data.
//
// Theory
// ------
// Drawing functions return plain objects, {tag, props, kids}; they touch no page, so node can test them. `patch`
// makes a real element's children be such objects and touches only what differs. A `key` names an element among
// its siblings, so that it stays itself while others come and go. Attributes are written in the order given:
// the same picture is the same markup, octet for octet.
//
// What did not change need not be compared: a drawing that hands over the very same object as last time
// (`remember`) is passed over as a whole. That is what makes a step cheap: most of a picture stays as it is.

/**
 * An element as data; `Drawn` is what it has inside, words among it. `Made` is one of them with its node on the page.
 * @typedef {{tag: string, props: Record<string, any>, kids: Drawn[]}} VElement
 * @typedef {VElement | string | number} Drawn
 * @typedef {{v: Drawn, node: any}} Made
 */

/** An element as data. `key` in props names it among its siblings, so that it stays itself.
 * @param {string} tag @param {Record<string, any> | null} props @param {Kid[]} kids @returns {VElement} */
export function h(tag, props, ...kids) {
  /** @type {Drawn[]} */
  const found = [];
  collect(kids, found);
  return { tag, props: props ?? {}, kids: found };
}

/** @param {readonly Kid[]} kids @param {Drawn[]} found */
function collect(kids, found) {
  for (const kid of kids)
    if (Array.isArray(kid)) collect(kid, found);
    else if (kid !== null && kid !== undefined && kid !== false) found.push(/** @type {Drawn} */ (kid));
}

/** @type {Record<string, string>} */
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** @param {Drawn} text */
const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ESCAPES[c]);

/** @param {string} name @param {any} value */
const isWritten = (name, value) =>
  name !== "key" && value !== null && value !== undefined && value !== false;

/** @param {Record<string, any>} props */
const attributes = (props) => Object.entries(props).filter(([name, value]) => isWritten(name, value));

/** The same element as text: for tests and comparisons. @param {Drawn} v @returns {string} */
export function toMarkup(v) {
  if (typeof v !== "object") return escaped(v);
  const inside = attributes(v.props)
    .map(([name, value]) => ` ${name}="${escaped(value === true ? "" : value)}"`)
    .join("");
  return `<${v.tag}${inside}>${v.kids.map(toMarkup).join("")}</${v.tag}>`;
}

/**
 * The element drawn last time under this key, if nothing that it depends on has changed since; or a new one.
 * `kept` is a Map that the caller owns; without one, everything is drawn anew.
 * @template T
 * @param {Map<string, {deps: any[], drawn: any}> | undefined} kept
 * @param {string} key
 * @param {any[]} deps what it depends on
 * @param {() => T} draw
 * @returns {T}
 */
export function remember(kept, key, deps, draw) {
  const last = kept?.get(key);
  if (last && last.deps.every((dep, i) => dep === deps[i])) return last.drawn;
  const drawn = draw();
  kept?.set(key, { deps, drawn });
  return drawn;
}

export const SVG = "http://www.w3.org/2000/svg";

/** Make the children of `parent` be `kids`, touching only what differs. @param {any} parent @param {Drawn[]} kids */
export function patch(parent, kids, svg = parent.namespaceURI === SVG) {
  const before = parent.__kids ?? [];
  const after = new Array(kids.length);
  if (!patchInPlace(before, kids, after, svg)) patchByKey(parent, before, kids, after, svg);
  parent.__kids = after;
}

/** The usual case: the same elements in the same order. False, and nothing done, in any other.
 * @param {Made[]} before @param {Drawn[]} kids @param {Made[]} after @param {boolean} svg */
function patchInPlace(before, kids, after, svg) {
  if (before.length !== kids.length) return false;
  for (let i = 0; i < kids.length; i++) if (!isSame(before[i].v, kids[i])) return false;
  for (let i = 0; i < kids.length; i++) after[i] = renewed(before[i], kids[i], svg);
  return true;
}

/** @param {Drawn} a @param {Drawn} b */
const isSame = (a, b) =>
  typeof a === "object" && typeof b === "object"
    ? a === b || (a.tag === b.tag && a.props.key === b.props.key)
    : typeof a === typeof b;

/** @param {Element} parent @param {Made[]} before @param {Drawn[]} kids @param {Made[]} after @param {boolean} svg */
function patchByKey(parent, before, kids, after, svg) {
  const { activeElement } = document;
  /** @type {Map<string, Made>} */
  const byKey = new Map();
  before.forEach((old, i) => byKey.set(keyOf(old.v, i), old));
  /** @type {number[]} */
  const strangers = [];
  kids.forEach((v, i) => {
    const key = keyOf(v, i);
    const old = byKey.get(key);
    if (old) {
      byKey.delete(key);
      after[i] = renewed(old, v, svg);
    } else strangers.push(i);
  });
  const spare = svg && strangers.length ? spareNodes(byKey) : null;
  for (const i of strangers) {
    const old = spare?.get(lookOf(kids[i]))?.shift();
    after[i] = old ? renewed(old, kids[i], svg) : { v: kids[i], node: create(kids[i], svg || isSvg(kids[i])) };
    if (old) byKey.delete(old.key);
  }
  for (const { node } of byKey.values()) node.remove();
  order(parent, after);
  giveBack(activeElement);
}

/** A node that is moved in the page loses the focus on the way. @param {Element | null} node */
function giveBack(node) {
  if (node && node !== document.activeElement && node.isConnected) /** @type {HTMLElement} */ (node).focus({ preventScroll: true });
}

/** @param {Drawn} v */
const isSvg = (v) => typeof v === "object" && v.tag === "svg";

/** Making a node costs the browser more than changing one. So what goes from a drawing becomes what comes, if it looks alike;
 * but not what has the focus. In a drawing only: elsewhere a node may be scrolled, opened, or written in. @param {Map<string, Made>} byKey */
function spareNodes(byKey) {
  const { activeElement } = document;
  /** @type {Map<string, (Made & {key: string})[]>} */
  const spare = new Map();
  for (const [key, old] of byKey) {
    if (typeof old.v !== "object" || old.node.contains(activeElement)) continue;
    const look = lookOf(old.v);
    const alike = spare.get(look);
    if (alike) alike.push({ ...old, key });
    else spare.set(look, [{ ...old, key }]);
  }
  return spare;
}

/** @param {Drawn} v */
const lookOf = (v) => (typeof v === "object" ? lookOfElement(v) : "#");

/** @param {VElement} v */
function lookOfElement({ tag, props }) {
  const classes = String(props.class ?? "");
  const end = classes.indexOf(" ");
  return `${tag} ${end < 0 ? classes : classes.slice(0, end)}`;
}

/** Put the nodes in order; one that has come from the front to a later place is the only one that moves. @param {Element} parent @param {Made[]} after */
function order(parent, after) {
  /** @type {any} */
  let at = parent.firstChild;
  for (const { node } of after) {
    if (node !== at && at?.nextSibling === node) {
      at.remove();
      at = node;
    }
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** A node made like `v`; the very same object needs no look. @param {Made} old @param {Drawn} v @param {boolean} svg */
function renewed(old, v, svg) {
  if (old.v === v) return old;
  if (typeof v !== "object") old.node.nodeValue = v;
  else {
    update(old.node, /** @type {VElement} of the same kind, by its key */ (old.v).props, v.props);
    patch(old.node, v.kids, (svg || v.tag === "svg") && v.tag !== "foreignObject");
  }
  return { v, node: old.node };
}

/** @param {Drawn} v @param {number} i */
const keyOf = (v, i) =>
  typeof v !== "object" ? `#${i}` : v.props.key !== undefined ? `${v.tag}:${v.props.key}` : `${v.tag}#${i}`;

/** @param {Drawn} v @param {boolean} svg */
function create(v, svg) {
  if (typeof v !== "object") return document.createTextNode(String(v));
  const node = svg ? document.createElementNS(SVG, v.tag) : document.createElement(v.tag);
  for (const [name, value] of attributes(v.props)) write(node, name, value);
  patch(node, v.kids, svg);
  return node;
}

/** Attributes are written in the order given, so that the same picture is the same markup.
 * @param {any} node @param {Record<string, any>} before @param {Record<string, any>} after */
function update(node, before, after) {
  if (before === after || rewritten(node, before, after)) return;
  for (const [name] of attributes(before)) node.removeAttribute(name);
  for (const [name, value] of attributes(after)) write(node, name, value);
}

/** The usual case: the same names in the same order; what differs is written. False as soon as it is another case.
 * @param {any} node @param {Record<string, any>} before @param {Record<string, any>} after */
function rewritten(node, before, after) {
  const had = Object.keys(before);
  const wanted = Object.keys(after);
  if (had.length !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) {
    const name = wanted[i];
    if (had[i] !== name) return false;
    const was = before[name];
    const value = after[name];
    if (value === was && name !== "value") continue; // what people typed is not in the attribute
    if (isWritten(name, value) !== isWritten(name, was)) return false;
    if (isWritten(name, value) && (value !== was || node.value !== String(value))) write(node, name, value);
  }
  return true;
}

/** @param {any} node @param {string} name @param {any} value */
function write(node, name, value) {
  node.setAttribute(name, value === true ? "" : value);
  if (name === "value" && node.value !== String(value) && node !== document.activeElement) node.value = value;
}

/** Write what differs: the browser would take a value that is the same for a change. @param {Element} node @param {Record<string, any>} props */
export function writeAll(node, props) {
  for (const [name, value] of Object.entries(props)) if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** @param {(string | null | undefined | false | 0)[]} names */
export const cls = (...names) => names.filter(Boolean).join(" ");

// A small DOM: as much of a page as the stage needs, so that node can run the whole of it.
//
// Theory
// ------
// Nothing is laid out and nothing is painted here: every element is as large as `page` says, and a scroll position
// is a number that somebody set. What can be asked is what the stage made of the page: `written(node)` is the
// markup with the scroll positions, and equal pages are equal text.

export const page = { width: 1000, height: 700 };
let frames = [];

class Plain {
  parentNode = null;
  get parentElement() {
    return this.parentNode;
  }
  remove() {
    const { parentNode } = this;
    if (!parentNode) return;
    parentNode.childNodes.splice(parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
  }
  get nextSibling() {
    return this.beside(1);
  }
  beside(by) {
    const all = this.parentNode?.childNodes ?? [];
    return all[all.indexOf(this) + by] ?? null;
  }
}

class Text extends Plain {
  constructor(text) {
    super();
    this.nodeValue = String(text);
  }
  get textContent() {
    return this.nodeValue;
  }
}

const camel = (name) => name.slice(5).replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const kebab = (name) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const datasetOf = (node) =>
  new Proxy(node, {
    get: (_, name) => (typeof name === "string" ? (node.getAttribute(kebab(name)) ?? undefined) : undefined),
    set: (_, name, value) => (node.setAttribute(kebab(name), value), true),
    has: (_, name) => node.hasAttribute(kebab(name)),
    ownKeys: () => [...node.attributes.keys()].filter((name) => name.startsWith("data-")).map(camel),
    getOwnPropertyDescriptor: (_, name) => ({ value: node.getAttribute(kebab(name)), enumerable: true, configurable: true }),
  });

class Classes {
  constructor(node) {
    this.node = node;
  }
  get names() {
    return (this.node.getAttribute("class") ?? "").split(" ").filter(Boolean);
  }
  contains(name) {
    return this.names.includes(name);
  }
  toggle(name, wanted = !this.contains(name)) {
    const others = this.names.filter((one) => one !== name);
    this.node.setAttribute("class", [...others, ...(wanted ? [name] : [])].join(" "));
    return wanted;
  }
  add(name) {
    this.toggle(name, true);
  }
  remove(name) {
    this.toggle(name, false);
  }
}

class Element extends Plain {
  attributes = new Map();
  childNodes = [];
  listeners = new Map();
  scrollTop = 0;
  scrollLeft = 0;
  scrollHeight = 0;
  scrollWidth = 0;

  constructor(tag, namespace) {
    super();
    Object.assign(this, { localName: tag, namespaceURI: namespace });
    this.dataset = datasetOf(this);
    this.classList = new Classes(this);
    this.style = { setProperty: (name, value) => (this.style[name] = value) };
  }

  get tagName() {
    return this.namespaceURI.endsWith("xhtml") ? this.localName.toUpperCase() : this.localName;
  }
  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  hasAttribute(name) {
    return this.attributes.has(name);
  }
  removeAttribute(name) {
    this.attributes.delete(name);
  }
  get className() {
    return this.getAttribute("class") ?? "";
  }
  set className(value) {
    this.setAttribute("class", value);
  }
  get hidden() {
    return this.hasAttribute("hidden");
  }
  set hidden(value) {
    if (value) this.setAttribute("hidden", "");
    else this.removeAttribute("hidden");
  }
  get disabled() {
    return this.hasAttribute("disabled");
  }
  get children() {
    return this.childNodes.filter((node) => node instanceof Element);
  }
  get firstChild() {
    return this.childNodes[0] ?? null;
  }
  get nextElementSibling() {
    const all = this.parentNode?.children ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
  get previousElementSibling() {
    const all = this.parentNode?.children ?? [];
    return all[all.indexOf(this) - 1] ?? null;
  }
  get ownerSVGElement() {
    return this.parentNode?.closest("svg") ?? null;
  }
  get textContent() {
    return this.childNodes.map((node) => node.textContent).join("");
  }
  set textContent(text) {
    for (const node of [...this.childNodes]) node.remove();
    if (text !== "") this.append(text);
  }
  append(...nodes) {
    for (const node of nodes) this.insertBefore(typeof node === "string" ? new Text(node) : node, null);
  }
  insertBefore(node, before) {
    node.remove();
    const at = before === null ? this.childNodes.length : this.childNodes.indexOf(before);
    if (at < 0) throw new Error("NotFoundError: the node before which to insert is no child of this node");
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }
  contains(node) {
    for (let at = node; at; at = at.parentNode) if (at === this) return true;
    return false;
  }
  getRootNode() {
    return document;
  }

  // --- finding ---

  matches(selector) {
    return selectorsOf(selector).some((parts) => fits(this, parts));
  }
  closest(selector) {
    for (let at = this; at instanceof Element; at = at.parentNode) if (at.matches(selector)) return at;
    return null;
  }
  /** Those below that fit, in reading order; the first one only, if `first`. */
  below(fits, found, first) {
    for (const child of this.childNodes) {
      if (!(child instanceof Element)) continue;
      if (fits(child)) found.push(child);
      if (first && found.length) return found;
      child.below(fits, found, first);
    }
    return found;
  }
  querySelectorAll(selector) {
    return this.below((node) => node.matches(selector), [], false);
  }
  querySelector(selector) {
    return this.below((node) => node.matches(selector), [], true)[0] ?? null;
  }

  // --- room: as large as the page says ---

  get clientWidth() {
    return page.width;
  }
  get clientHeight() {
    return page.height;
  }
  get offsetWidth() {
    return 60;
  }
  get offsetHeight() {
    return 30;
  }
  get offsetTop() {
    return 0;
  }
  getBoundingClientRect() {
    return { left: 0, top: 0, width: page.width, height: page.height };
  }
  checkVisibility() {
    return true;
  }

  // --- events ---

  addEventListener(kind, heard) {
    if (!this.listeners.has(kind)) this.listeners.set(kind, new Set());
    this.listeners.get(kind).add(heard);
  }
  removeEventListener(kind, heard) {
    this.listeners.get(kind)?.delete(heard);
  }
  dispatch(kind, event = {}) {
    const whole = { target: this, preventDefault() {}, stopPropagation() {}, ...event };
    for (let at = this; at; at = at.parentNode) for (const heard of at.listeners?.get(kind) ?? []) heard(whole);
  }
  focus() {
    if (document.activeElement === this) return;
    document.activeElement?.dispatch("focusout");
    document.activeElement = this;
    this.dispatch("focusin");
  }
  setPointerCapture() {}
  scrollIntoView() {}
}

// --- selectors: tag, .class, [name], [name=value], :not(…), :disabled, descendants, lists ---

const known = new Map();

function selectorsOf(text) {
  if (!known.has(text)) {
    const lists = text.split(/,(?![^(]*\))/).map((one) => one.trim().split(/\s+(?![^[(]*[\])])/).map(partOf));
    known.set(text, lists);
  }
  return known.get(text);
}

function partOf(text) {
  const tests = [];
  let rest = text;
  const kinds = [
    [/^:not\(([^)]*)\)/, ([, inside]) => ((test) => (node) => !test(node))(partOf(inside))],
    [/^:disabled/, () => (node) => node.disabled],
    [/^\[([\w-]+)(?:="?([^"\]]*)"?)?\]/, ([, name, value]) => (node) => node.hasAttribute(name) && (value === undefined || node.getAttribute(name) === value)],
    [/^\.([\w-]+)/, ([, name]) => (node) => node.classList.contains(name)],
    [/^[\w-]+/, ([name]) => (node) => node.localName === name],
  ];
  while (rest) {
    const found = kinds.map(([pattern, make]) => [pattern.exec(rest), make]).find(([match]) => match);
    if (!found) throw new Error(`SyntaxError: this small DOM does not know the selector ${text}`);
    tests.push(found[1](found[0]));
    rest = rest.slice(found[0][0].length);
  }
  return (node) => tests.every((test) => test(node));
}

function fits(node, parts) {
  if (!parts.at(-1)(node)) return false;
  let left = parts.length - 2;
  for (let at = node.parentNode; at instanceof Element && left >= 0; at = at.parentNode) if (parts[left](at)) left--;
  return left < 0;
}

// --- the world around ---

const HTML = "http://www.w3.org/1999/xhtml";

class Observer {
  observe() {}
  disconnect() {}
}

/** Put a page where the stage looks for one. */
export function install() {
  const body = new Element("body", HTML);
  const document = Object.assign(new Element("html", HTML), {
    createElement: (tag) => new Element(tag, HTML),
    createElementNS: (namespace, tag) => new Element(tag, namespace),
    createTextNode: (text) => new Text(text),
    activeElement: body,
    fullscreenElement: null,
    body,
  });
  document.append(body);
  const window = Object.assign(new Element("window", HTML), { innerHeight: page.height });
  Object.defineProperty(window, "innerHeight", { get: () => page.height });
  Object.assign(globalThis, {
    document,
    window,
    ResizeObserver: Observer,
    matchMedia: () => ({ matches: false, addEventListener() {}, removeEventListener() {} }),
    getComputedStyle: () => ({ paddingLeft: "0px", paddingRight: "0px" }),
    requestAnimationFrame: (run) => (frames.push({ id: ++asked, run }), asked),
    cancelAnimationFrame: (id) => (frames = frames.filter((frame) => frame.id !== id)),
  });
  return document;
}

let clock = 0;
let asked = 0;

/** Let `ms` pass, as a browser would: in frames of 100 ms, the longest that the stage knows. */
export function pass(ms) {
  for (const end = clock + ms; clock < end && frames.length; clock += 100)
    for (const { run } of frames.splice(0)) run(performance.now() + clock);
}

const escaped = (text) => (/[&<>"]/.test(text) ? String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`) : text);

/** A page as text, with its scroll positions. */
export function written(node) {
  if (node instanceof Text) return escaped(node.nodeValue);
  let text = `<${node.localName}`;
  for (const [name, value] of node.attributes) text += ` ${name}="${escaped(value)}"`;
  if (node.scrollTop || node.scrollLeft) text += ` scroll="${node.scrollTop},${node.scrollLeft}"`;
  text += ">";
  for (const child of node.childNodes) text += written(child);
  return `${text}</${node.localName}>`;
}

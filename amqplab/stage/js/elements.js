// Elements: the page as data, and the page made like the data.
//
// Theory
// ------
// Drawing functions return plain objects, {tag, props, kids}; they touch no page, so node can test them. `patch`
// makes a real element's children be such objects and touches only what differs. A `key` names an element among
// its siblings, so that it stays itself while others come and go. Attributes are written in the order given:
// the same picture is the same markup, octet for octet.

/** An element as data. `key` in props names it among its siblings, so that it stays itself. */
export function h(tag, props, ...kids) {
  return {
    tag,
    props: props ?? {},
    kids: kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false),
  };
}

const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const attributes = (props) =>
  Object.entries(props).filter(([n, v]) => n !== "key" && v !== null && v !== undefined && v !== false);

/** The same element as text: for tests and comparisons. */
export function toMarkup(v) {
  if (typeof v !== "object") return escaped(v);
  const inside = attributes(v.props)
    .map(([n, value]) => ` ${n}="${escaped(value === true ? "" : value)}"`)
    .join("");
  return `<${v.tag}${inside}>${v.kids.map(toMarkup).join("")}</${v.tag}>`;
}

export const SVG = "http://www.w3.org/2000/svg";

/** Make the children of `parent` be `kids`, touching only what differs. */
export function patch(parent, kids, svg = parent.namespaceURI === SVG) {
  const before = parent.__kids ?? [];
  const byKey = new Map();
  before.forEach((old, i) => byKey.set(keyOf(old.v, i), old));
  const after = kids.map((v, i) => {
    const key = keyOf(v, i);
    const old = byKey.get(key);
    if (old && typeof v !== "object") {
      byKey.delete(key);
      if (old.v !== v) old.node.nodeValue = v;
      return { v, node: old.node };
    }
    if (old && old.v.tag === v.tag) {
      byKey.delete(key);
      update(old.node, old.v.props, v.props);
      patch(old.node, v.kids, old.node.namespaceURI === SVG);
      return { v, node: old.node };
    }
    return { v, node: create(v, svg || v.tag === "svg") };
  });
  for (const { node } of byKey.values()) node.remove();
  after.forEach(({ node }, i) => {
    if (parent.childNodes[i] !== node) parent.insertBefore(node, parent.childNodes[i] ?? null);
  });
  parent.__kids = after;
}

const keyOf = (v, i) =>
  typeof v !== "object" ? `#${i}` : v.props.key !== undefined ? `${v.tag}:${v.props.key}` : `${v.tag}#${i}`;

function create(v, svg) {
  if (typeof v !== "object") return document.createTextNode(v);
  const node = svg ? document.createElementNS(SVG, v.tag) : document.createElement(v.tag);
  update(node, {}, v.props);
  patch(node, v.kids, svg);
  return node;
}

/** Attributes are written in the order given, so that the same picture is the same markup. */
function update(node, before, after) {
  const [wanted, had] = [attributes(after), attributes(before)];
  const same = wanted.length === had.length && wanted.every(([name], i) => had[i][0] === name);
  if (!same) for (const [name] of had) node.removeAttribute(name);
  wanted.forEach(([name, value], i) => {
    if (!same || had[i][1] !== value) node.setAttribute(name, value === true ? "" : value);
    if (name === "value" && node.value !== String(value) && node !== document.activeElement)
      node.value = value;
  });
}

export const cls = (...names) => names.filter(Boolean).join(" ");

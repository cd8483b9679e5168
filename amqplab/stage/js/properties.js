// Properties: what is written on a message's envelope, read from the explained bytes of its content header.
//
// Theory
// ------
// The dissector has explained every byte of the header frame (wire.dissect), the properties among them, nested as the
// field tables are. So nothing is decoded a second time here: a value is looked up in the tree of spans.

const HEADER_FRAME = 2;
const BODY_FRAME = 3;
const MOST_TEXT = 4000;

const PROPERTY_MEANINGS = {
  "delivery-mode": (mode) => (mode === 2 ? "persistent: a durable queue writes it to disk" : "transient: a restart of the broker loses it"),
  priority: () => "in a queue with priorities, higher goes first",
  expiration: (ms) => `the message lives ${ms} ms in a queue`,
  "reply-to": () => "the queue where the answer is expected",
  "correlation-id": () => "which call an answer belongs to",
  "content-type": () => "what the body is, for the receiver",
  "content-encoding": () => "how the body is packed, for the receiver",
  timestamp: (seconds) => (Number.isFinite(seconds) ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` : ""),
};

/** The properties in a content header frame: [{name, value, meaning}], in their order on the wire. */
export function propertiesOf(scene, frame) {
  const spans = scene.spans[frame.spans];
  const payload = spans.find(([, , name]) => name === "payload")?.[5] ?? [];
  const flags = payload.findIndex(([, , name]) => name === "property flags");
  if (flags < 0) return [];
  return payload.slice(flags + 1).map((span) => {
    const [name, value] = [span[2], plainValue(span)];
    return { name, value, meaning: PROPERTY_MEANINGS[name]?.(value) ?? "" };
  });
}

/** The value of a span: a text, a number, a list or an object of such. Parts are told by their place, not by their names:
 * a header may be called "type" or "value". */
export function plainValue([, , name, value, meaning, kids]) {
  if (value !== null) return value;
  const isEntry = kids[0]?.[2] === "name length" || (/^\[\d+\]$/.test(name) && kids.length === 2);
  if (isEntry) return plainValue(kids.at(-1));
  const parts = kids.slice(1); // the first is the length of all
  if (/^array/.test(meaning)) return parts.map(plainValue);
  return Object.fromEntries(parts.map((part) => [part[2], plainValue(part)]));
}

/** The frame that tells a message's properties: that in which it was published; of a dead letter that in which it was
 * handed out, or else that of its life before. */
export function headerFrameOf(scene, message) {
  for (let at = message, passed = 0; at && passed < 100; at = scene.lives?.[at]?.message, passed++) {
    const found = scene.framesOfMessage(at).filter(({ type }) => type === HEADER_FRAME);
    if (found.length) return { frame: found.find(({ up }) => up) ?? found[0], of: at };
  }
  return null;
}

/** The text of a message, from its frames; null if it has none, or is no text. */
export function bodyOf(scene, message) {
  const header = headerFrameOf(scene, message);
  if (!header) return null;
  const { command } = header.frame;
  const bodies = (scene.commands[command]?.frames ?? []).map((id) => scene.frames[id]).filter(({ type }) => type === BODY_FRAME);
  const hex = bodies.map((f) => f.hex.slice(14, -2)).join("").slice(0, 2 * MOST_TEXT);
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (two) => parseInt(two, 16));
  const text = new TextDecoder().decode(bytes);
  // eslint-disable-next-line no-control-regex -- control characters are what tells that it is no text
  return /[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text.slice(0, -1)) ? null : text;
}

// Properties: what is written on a message's envelope, read from the explained bytes of its content header.
//
// Theory
// ------
// The dissector has explained every byte of the header frame (wire.dissect), the properties among them, nested as the
// field tables are. So nothing is decoded a second time here: a value is looked up in the tree of spans.
//
// A dead letter has the properties of the life before, and what the broker has written there (amqplab.model.dead_letter):
// headers with the story of its death, and no expiration any more, or it would die at once. If a command hands it out, be it
// later, that one's content header is the truth. Else it is worked out from the death that was recorded.

const HEADER_FRAME = 2;
const BODY_FRAME = 3;
const MOST_TEXT = 4000;
const FARTHEST_LIFE = 100;
const BEFORE_HEADERS = ["content-type", "content-encoding"];

/** The name that asks for direct reply-to; an address given out for it begins with it, too. */
const isPseudoQueue = (name) => /^amq\.rabbitmq\.reply-to/.test(name);

export const PROPERTY_MEANINGS = {
  "delivery-mode": (mode) => (mode === 2 ? "persistent: a durable queue writes it to disk" : "transient: a restart of the broker loses it"),
  priority: () => "in a queue with priorities, higher goes first",
  expiration: (ms) => `the message lives ${ms} ms in a queue`,
  "reply-to": (name) => (isPseudoQueue(name) ? "no queue: the broker puts in an address that leads straight to who asks" : "where the answer is expected"),
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

/** The content header frame of a message: that in which it was published; of a dead letter that in which it was handed out,
 * or else that of its life before. */
export function headerFrameOf(scene, message) {
  for (let at = message, passed = 0; at && passed < FARTHEST_LIFE; at = scene.lives?.[at]?.message, passed++) {
    const found = scene.framesOfMessage(at).filter(({ type }) => type === HEADER_FRAME);
    if (found.length) return { frame: found.find(({ up }) => up) ?? found[0], of: at };
  }
  return null;
}

/** The properties of a message: {rows: [{name, value, meaning}], from}, `from` being "seen" in a frame, "handed out" with what the
 * broker has written there, "later" seen, or "worked out"; null if nobody knows. */
export function propertiesOfMessage(view, message, depth = 0) {
  const { scene, seq } = view;
  const life = scene.lives?.[message];
  const own = scene.framesOfMessage(message).filter(({ type }) => type === HEADER_FRAME);
  const frame = own.find(({ up }) => up) ?? own[0];
  const handed = own.filter((f) => !f.up && (f.sent ?? f.received) <= seq).at(-1);
  if (frame?.up && handed && isOtherwise(scene, handed, frame)) return { rows: propertiesOf(scene, handed), from: "handed out" };
  const isLater = frame && (frame.sent ?? frame.received) > seq;
  if (frame && (!isLater || life)) return { rows: propertiesOf(scene, frame), from: isLater ? "later" : "seen" };
  const before = life && depth < FARTHEST_LIFE ? propertiesOfMessage(view, life.message, depth + 1) : null;
  return before && { rows: buried(view, before.rows, life), from: "worked out" };
}

/** Whether the broker has written something on it, such as the place in a stream. */
const isOtherwise = (scene, one, other) => JSON.stringify(propertiesOf(scene, one)) !== JSON.stringify(propertiesOf(scene, other));

/** What a dead letter carries, by what it carried before and the death that it died. */
function buried({ scene, state }, rows, { message, queue, reason, routing_key: key }) {
  const origin = scene.lives?.[message] ?? state.get(`message/${message}`) ?? {};
  const headers = { ...rows.find(({ name }) => name === "headers")?.value };
  const expiration = rows.find(({ name }) => name === "expiration")?.value;
  const keys = [origin.routing_key ?? "", ...(Array.isArray(headers.CC) ? headers.CC : [])];
  const death = { count: 1, exchange: origin.exchange ?? "", queue, reason, "routing-keys": keys };
  if (expiration !== undefined) death["original-expiration"] = expiration;
  if (!headers["x-death"])
    for (const [name, value] of Object.entries({ exchange: death.exchange, queue, reason })) headers[`x-first-death-${name}`] = value;
  headers["x-death"] = oneMore(headers["x-death"], death);
  delete headers.BCC; // taken off when it came
  if (key !== origin.routing_key) delete headers.CC;
  const sorted = Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)));
  const kept = rows.filter(({ name }) => name !== "headers" && name !== "expiration");
  const at = kept.filter(({ name }) => BEFORE_HEADERS.includes(name)).length;
  return [...kept.slice(0, at), { name: "headers", value: sorted, meaning: "" }, ...kept.slice(at)];
}

/** The deaths with one more, the latest first; the same kind of death is counted. */
function oneMore(deaths, death) {
  if (!Array.isArray(deaths)) return [death];
  const isSame = (one) => one.queue === death.queue && one.reason === death.reason;
  const same = deaths.find(isSame);
  return [same ? { ...same, count: same.count + 1 } : death, ...deaths.filter((one) => !isSame(one)).reverse()];
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

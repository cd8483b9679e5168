// Laws: what holds at every step of every recording. Each takes a view and the marks drawn for it, and calls
// `wrong(words)` for whatever does not hold.
//
// Theory
// ------
// The laws know what a state *means* (tokens, queues, copies) and nothing of how it is drawn: they count what the
// state says and count what the picture shows. So a fault on either side makes the two differ.

const ENDED = /^(acknowledged|delivered|dead-lettered|lost|expired)/;
const encode = (name) => name.replaceAll("%", "%25").replaceAll("/", "%2F");
const decodeName = (name) => name.replaceAll("%2F", "/").replaceAll("%25", "%");
const lastName = (key) => decodeName(key.slice(key.lastIndexOf("/") + 1));
const connectionIn = (key) => decodeName(key.split("/")[1] ?? "");
const isStream = (queue) => String(queue.arguments ?? "").includes("x-queue-type=stream");

/** How many a "+n" stands for; what is written on it may be rounded, what is said is not. */
const countOf = (more) => Number(/^\d+/.exec(more.said)?.[0] ?? NaN);

const sum = (list, value) => list.reduce((n, one) => n + value(one), 0);

const grouped = (list, nameOf) => {
  const found = new Map();
  for (const one of list) found.set(nameOf(one), [...(found.get(nameOf(one)) ?? []), one]);
  return found;
};

/** What one step shows, sorted once for all laws. */
export function seen(view, marks) {
  const messages = marks.filter(({ kind }) => kind === "message");
  const more = marks.filter(({ kind }) => kind === "more");
  const byThing = grouped(marks, ({ kind, id }) => `${kind} ${id}`);
  const tokens = view.state.of("token").map((key) => [key, view.state.get(key)]);
  return { view, marks, messages, more, tokens, find: (kind, id) => byThing.get(`${kind} ${id}`) ?? [] };
}

// --- 1: everything can be drawn ---

export function drawable({ marks }, wrong) {
  const keys = new Set();
  for (const mark of marks) {
    if (!Number.isFinite(mark.x) || !Number.isFinite(mark.y)) wrong(`${mark.key} stands at ${mark.x}, ${mark.y}`);
    for (const name of ["kind", "id", "place", "state", "label", "said"])
      if (typeof mark[name] !== "string" || /undefined|NaN|\[object/.test(mark[name]))
        wrong(`${mark.key}: its ${name} is ${mark[name]}`);
    if (keys.has(mark.key)) wrong(`two marks are called ${mark.key}`);
    keys.add(mark.key);
  }
}

// --- 2: the subject is seen ---

/** Kind and id of the mark that a key of the state must have on the picture; null if it need not have one. */
function markOf(view, key) {
  const { layout, state } = view;
  const [kind, ...names] = key.split("/");
  const name = decodeName(names[0] ?? "");
  if (kind === "host") {
    if (layout.apps[name]) return ["client", name];
    return layout.servers?.[name] ? ["server", name] : null;
  }
  if (!state.has(key) && !layout.nodes[key]?.ghost) return null;
  if (kind === "queue" || kind === "exchange") return layout.nodes[key] ? [kind, key] : null;
  if (kind === "connection") return layout.pipes[name] ? [kind, name] : null;
  if (kind === "channel" && names[1] !== "0") return layout.pipes[name] ? [kind, `${name}/${names[1]}`] : null;
  if (kind === "consumer") return layout.pipes[name] ? [kind, key] : null;
  if (kind === "binding") return layout.edges[key] ? [kind, key] : null;
  if (kind === "alarm") return ["alarm", state.get(key).resource];
  return null;
}

export function subjectSeen(it, wrong) {
  const { view, marks, messages, more, tokens } = it;
  const { subject, seq, scene, state } = view;
  if (seq < 0) return;
  for (const key of subject.keys) {
    const wanted = markOf(view, key);
    if (!wanted) continue;
    const found = it.find(...wanted);
    if (!found.length) wrong(`the sentence speaks of ${key}, which is not drawn`);
    else if (!found.some((mark) => mark.subject)) wrong(`${key} is drawn, and not as the subject`);
  }
  if (subject.message) {
    const copies = tokens.filter(([, token]) => token.message === subject.message).length;
    const drawn = messages.filter(({ id }) => id === String(subject.message));
    if (drawn.some((mark) => !mark.subject)) wrong(`message ${subject.message} is drawn, and not as the subject`);
    if (copies && !drawn.length && !more.some((mark) => mark.subject))
      wrong(`message ${subject.message} is the subject, and neither drawn nor in a count that is marked`);
  }
  if (!marks.some((mark) => mark.subject) && subject.keys.some((key) => markOf(view, key)))
    wrong("nothing is marked as the subject");
  for (const [, { message, command, place }] of tokens) {
    const isMeant = message && (message === subject.message || (command !== null && command === subject.command));
    if (!isMeant || !["link", "consumer", "lost"].includes(place)) continue;
    const isIt = (mark) => mark.subject && mark.id === String(message) && (mark.place === place || mark.place.startsWith(`${place}:`));
    if (!messages.some(isIt)) wrong(`message ${message} is spoken of, and only counted, or not marked`);
  }
  wireSubject(it, wrong);
  loadSeen(it, wrong);
  bareSegmentSeen(it, wrong);
  placeOfSubject(it, wrong);
  void [scene, state];
}

/** What is on the wire is seen at the zooms that look at it. */
function wireSubject({ view, find, marks }, wrong) {
  const { subject, seq, scene, zoom, state, layout } = view;
  const isThere = (conn) => state.has(`connection/${encode(conn)}`) && layout.pipes[conn];
  const isMarked = (kind, id) => find(kind, String(id)).some((mark) => mark.subject);
  const segment = scene.segmentByNumber.get(subject.segment);
  if (segment && zoom === 0 && isThere(segment.conn) && seq >= segment.sent && seq <= (segment.lost_seq ?? segment.arrived ?? Infinity))
    if (!isMarked("segment", segment.n)) wrong(`segment ${segment.n} is the subject, and not drawn as it`);
  wholeCommand({ view, marks, find }, wrong);
  const frame = scene.frames[subject.frame];
  const isOnWay = frame && frame.sent !== null && seq >= frame.sent && (frame.received === null || seq < frame.received);
  if (!frame || subject.command !== undefined || !isOnWay || !isThere(frame.conn) || zoom > 1) return;
  const mates = frame.command === null ? [frame.id] : scene.commands[frame.command].frames;
  const alike = marks.some((mark) => (mark.kind === "frame" || mark.kind === "part") && (mark.group || mark.rest) && mates.includes(+mark.id));
  if (!isMarked("frame", frame.id) && !isMarked("part", frame.id) && !alike) wrong(`frame ${frame.id} is the subject, and not drawn as it`);
}

/** A step that speaks of a command speaks of all its frames: those that are seen are marked, and none is only counted while
 * others have a place of which it does not speak. */
function wholeCommand({ view, marks, find }, wrong) {
  const { subject, scene, zoom } = view;
  const command = scene.commands[subject.command];
  if (!command || zoom > 1) return;
  const seenOf = (id) => [...find("frame", String(id)), ...find("part", String(id))];
  const shown = command.frames.filter((id) => seenOf(id).length);
  for (const id of shown) if (!seenOf(id).every((mark) => mark.subject)) wrong(`frame ${id} of the command that is spoken of is not marked`);
  const isOther = ({ kind, f, s }) => kind === "frame" && !s && f.conn === command.conn && f.up === command.up && f.channel === command.channel && f.command !== command.id;
  const isSummed = marks.some(({ kind, rest, group }) => (kind === "frame" || kind === "part") && (rest || group));
  if (shown.length && shown.length < command.frames.length && !isSummed && marks.some(isOther)) wrong(`of command ${command.id} only ${shown.join(" ")} are seen, and frames of others are`);
}

const LOADS = /^basic\.(publish|deliver|get-ok|return|ack|nack|reject)$/;

/** The segment of which a record tells that it is lost, thrown away or sent again; and those that are sent again with it. */
export function toldSegments({ scene, seq, subject, layout }) {
  const told = scene.segmentByNumber.get(subject.segment);
  const kind = scene.kindOf(seq);
  if (!told || !layout.pipes[told.conn]) return [];
  if (kind === "SegmentLost" || kind === "SegmentDiscarded") return [told];
  if (kind !== "SegmentSent" || !told.again) return [];
  const at = (s) => scene.records.at[s.sent];
  return scene.segments.filter((s) => s.again && s.conn === told.conn && s.up === told.up && s.sent <= seq && at(s) === at(told));
}

const ENDS = { SegmentLost: "lost", SegmentDiscarded: "discarded" };

/** A step of the story speaks of all that is sent again at once, any other one of its record's segment. */
const isSpoken = ({ subject, zoom, visit }, s) => s.n === subject.segment || (zoom === 4 && !visit);

/** Where neither frames nor commands are seen, what a segment carries of which the step speaks is seen in its place, be
 * it the first time or not; and crossed out if the segment was lost or thrown away. */
function loadSeen({ view, marks }, wrong) {
  const { scene, zoom, layout, state } = view;
  if (zoom <= 2) return;
  for (const s of toldSegments(view).filter(({ conn }) => state.has(`connection/${encode(conn)}`))) {
    const place = `link:${layout.pipes[s.conn].app}`;
    const end = ENDS[scene.kindOf(view.seq)];
    const onLink = marks.filter((mark) => mark.subject && mark.place === place && mark.command !== undefined);
    if (onLink.length && marks.some(({ key }) => key.startsWith(`more ${s.conn} ${s.up} `))) continue; // the link is full of them
    for (const id of new Set(s.frames.map(([frame]) => scene.frames[frame].command)))
      if (LOADS.test(scene.commands[id]?.name ?? "")) {
        const isIt = (mark) => mark.place === place && mark.command === id && (mark.subject || !isSpoken(view, s)) && (!end || mark.state === end);
        if (!marks.some(isIt)) wrong(`segment ${s.n} with command ${id} is spoken of, which is not seen ${end ?? "there"}`);
      }
  }
}

/** A segment that is told to be lost, thrown away or sent again, with nothing in it that is drawn by itself, is seen as what
 * it is; crossed out if it was lost or thrown away. */
function bareSegmentSeen({ view, find }, wrong) {
  const { scene, zoom, layout } = view;
  if (zoom <= 2) return;
  for (const s of toldSegments(view)) {
    if (s.frames.some(([frame]) => LOADS.test(scene.commands[scene.frames[frame].command]?.name ?? ""))) continue;
    const end = ENDS[scene.kindOf(view.seq)] ?? "under way";
    const place = `link:${layout.pipes[s.conn].app}`;
    const found = find("segment", String(s.n)).filter((mark) => (mark.subject || !isSpoken(view, s)) && mark.state === end && mark.place === place);
    if (found.length !== 1) wrong(`segment ${s.n} is told to be ${end}, and is not seen`);
  }
}

const QUEUED = (view, mark) => mark.place === `queue:${lastName(view.subject.keys.find((key) => key.startsWith("queue/")))}:ready`;

/** Where a message must be, by what has just happened to it. */
const PLACES = {
  Published: (view, mark) => mark.place.startsWith("exchange:") || mark.state === "held in tx",
  Routed: (view, mark) => mark.place.startsWith("exchange:") || mark.place === "broker" || mark.place.startsWith("queue:"),
  Enqueued: QUEUED,
  Requeued: QUEUED,
  Delivered: (view, mark) => /^(link|consumer):/.test(mark.place) || (mark.place.endsWith(":ghost") && isSentNowhere(view)),
  Replied: (view, mark) => mark.place.startsWith("link:") || mark.place.startsWith("consumer:"),
  Returned: (view, mark) => mark.place.startsWith("link:") || mark.place === "returned",
};

/** Whether nobody sends what a queue hands over, because its client has taken leave: then only the books have it. */
const isSentNowhere = ({ state, subject }) => state.of("token").some((key) => state.get(key).message === subject.message && state.get(key).place === "gone");

function placeOfSubject({ view, messages, more }, wrong) {
  const { scene, seq, subject } = view;
  const fits = PLACES[scene.kindOf(seq)];
  if (!fits || !subject.message) return;
  const meant = messages.filter(({ id }) => id === String(subject.message));
  if (meant.some((mark) => fits(view, mark)) || more.some((mark) => mark.subject)) return;
  wrong(`${scene.kindOf(seq)}: message ${subject.message} is at ${meant.map(({ place }) => place).join(", ") || "no place"}`);
}

// --- 3: a message is where its copies are, and nowhere else ---

export function everyCopyOnce(it, wrong) {
  underTheirTitle(it, wrong);
  queueLines(it, wrong);
  tokensOnce(it, wrong);
  ownersAgree(it, wrong);
  nobodyForgotten(it, wrong);
}

/** What was lost or returned stands in the strip that bears this title, which is there from the start. */
function underTheirTitle({ view, messages }, wrong) {
  const { x, y, w, h } = view.layout.gutter;
  for (const mark of messages)
    if (/^(lost|returned)$/.test(mark.place) && !(mark.x > x && mark.x < x + w && mark.y > y && mark.y < y + h)) wrong(`${mark.key} is ${mark.place}, and not in the strip for it`);
}

/** A reader of a stream stands at the message that it was handed last; before its first one, between those that it does not
 * get and that one, wherever one of its neighbours is seen. */
export function readersInTheirPlaces({ view, marks, messages }, wrong) {
  for (const mark of marks.filter(({ kind }) => kind === "cursor")) {
    const { queue: name, vhost, start, cursor } = view.state.get(mark.id);
    const key = `queue/${encode(vhost)}/${encode(name)}`;
    const { ready, ready_count: count, ready_last: last, first } = view.state.get(key);
    const offsetOf = (id) => first + (ready.includes(id) ? ready.indexOf(id) : id === last ? count - 1 : NaN);
    const places = messages.filter((one) => one.key.startsWith(`ready ${key} `)).map((one) => [offsetOf(+one.id), one.x, +one.id]);
    if (mark.state === "hidden") {
      const isBeside = ([offset, , id]) => (cursor === null ? offset === start || offset === start - 1 : id === cursor);
      if (places.some(isBeside)) wrong(`${mark.key} is hidden, and its place is seen`);
    } else if (cursor === null) {
      const fits = ([offset, x]) => (offset < start ? x > mark.x : x < mark.x); // the head is at the right
      if (!places.every(fits)) wrong(`${mark.key} begins at ${start}, and stands elsewhere`);
    } else if (!places.some(([, x, id]) => id === cursor && Math.abs(x - mark.x) < view.scene.geometry.cell)) wrong(`${mark.key} stands at another message`);
  }
}

function queueLines({ view, messages, more }, wrong) {
  const drawn = new Map();
  for (const mark of messages) {
    const [, line, queue, message] = /^(ready|ghost) (queue\/\S+) (\d+)$/.exec(mark.key) ?? [];
    if (!line) continue;
    const name = `${line} ${queue}`;
    if (mark.place !== `queue:${lastName(queue)}:${line}`) wrong(`${mark.key} is said to be at ${mark.place}`);
    if (mark.id !== message) wrong(`${mark.key} is said to be message ${mark.id}`);
    drawn.set(name, [...(drawn.get(name) ?? []), +message]);
  }
  for (const [key, node] of Object.entries(view.layout.nodes)) {
    const queue = view.state.get(key);
    if (node.kind !== "queue" || !queue) continue;
    for (const [line, list, state] of [["ready", "ready", "ready"], ["ghost", "unacked", "unacked"]]) {
      const shown = drawn.get(`${line} ${key}`) ?? [];
      const hidden = sum(more.filter((mark) => mark.id === key && mark.state === state), countOf);
      if (shown.length + hidden !== queue[`${list}_count`])
        wrong(`${key} has ${queue[`${list}_count`]} ${list}, the picture ${shown.length} and ${hidden} more`);
      const known = [...queue[list], queue.ready_last];
      for (const message of shown) if (!known.includes(message)) wrong(`message ${message} is drawn ${list} in ${key}`);
      if (new Set(shown).size < shown.length) wrong(`${key} shows a message twice: ${shown.join(" ")}`);
    }
    drawn.delete(`ready ${key}`);
    drawn.delete(`ghost ${key}`);
  }
  for (const name of drawn.keys()) wrong(`messages are drawn in a queue that is not there: ${name}`);
}

/** The place that a token's mark must have; "" if it has none. */
function placeOf(view, key, token) {
  const { layout } = view;
  const places = {
    link: () => layout.pipes[token.at] && `link:${layout.pipes[token.at].app}`,
    broker: () => "broker",
    exchange: () => `exchange:${lastName(token.at)}`,
    consumer: () => layout.pipes[connectionIn(token.at)] && `consumer:${layout.pipes[connectionIn(token.at)].app}`,
    client: () => `client:${token.at}`,
    lost: () => "lost",
    returned: () => "returned",
  };
  return places[token.place]?.() ?? "";
}

/** Those of one group share a count of what has no room. */
const groupOf = ({ place, at }) => (place === "lost" || place === "returned" ? "lost" : `${place} ${at}`);
const groupOfMore = ({ state, id, key }) => (ON_WIRE.test(key) ? undefined : { lost: "lost", held: `consumer ${id}`, link: `link ${id.slice("connection/".length)}` }[state]);

/** Counts of segments, frames and commands that have no room. */
const ON_WIRE = /^more (segment|frame|command) /;

function tokensOnce({ view, tokens, messages, more }, wrong) {
  const marks = new Map(messages.map((mark) => [mark.key, mark]));
  const hidden = new Map();
  for (const mark of more) if (groupOfMore(mark)) hidden.set(groupOfMore(mark), (hidden.get(groupOfMore(mark)) ?? 0) + countOf(mark));
  if (view.zoom > 2) // signals share the room of a link
    for (const key of view.state.of("signal")) {
      const signal = view.state.get(key);
      const isDrawn = view.layout.pipes[signal.at] === undefined || hidden.has(`link ${signal.at}`);
      if (isDrawn) marks.set(key, null);
    }
  const missing = new Map();
  for (const [key, token] of tokens.filter(([, { place }]) => place !== "gone")) {
    const mark = marks.get(key);
    if (!mark) missing.set(groupOf(token), [...(missing.get(groupOf(token)) ?? []), key]);
    else if (mark.place !== placeOf(view, key, token)) wrong(`${key} is ${token.place} ${token.at}, and drawn at ${mark.place}`);
    else if (token.message !== null && mark.id !== String(token.message)) wrong(`${key} is drawn as message ${mark.id}`);
    else if (mark.label !== token.label) wrong(`on ${key} is written ${mark.label}, it should be ${token.label}`);
    marks.delete(key);
  }
  for (const [group, keys] of missing) {
    const counted = hidden.get(group) ?? 0;
    const wanted = keys.length;
    const isLink = group.startsWith("link"); // acknowledgements may be among those without room
    if (isLink ? counted < wanted : counted !== wanted) wrong(`${keys.join(", ")}: drawn nowhere, and ${counted} counted`);
  }
  for (const [key, count] of hidden) if (!missing.has(key) && !key.startsWith("link")) wrong(`${count} are counted at ${key}, and none is there`);
  for (const [key, mark] of marks) if (mark && key.startsWith("token/")) wrong(`${key} is drawn, and is no more`);
  for (const [key, mark] of marks) if (mark && !/^(token|ready|ghost)/.test(key)) wrong(`${key} is a message from nowhere`);
}

/** Who holds a copy and whose it is say the same. */
function ownersAgree({ view, tokens }, wrong) {
  const held = new Map();
  for (const [key, token] of tokens) {
    if (!token.queue || token.place === "lost" || token.place === "broker") continue;
    const queue = view.state.get(token.queue);
    if (!queue || isStream(queue)) continue;
    if (token.state !== "done") held.set(token.queue, (held.get(token.queue) ?? 0) + 1);
    if (queue.ready.includes(token.message)) wrong(`${key} is with a consumer, and Ready in ${token.queue}`);
  }
  for (const key of view.state.of("queue")) {
    const queue = view.state.get(key);
    if (!isStream(queue) && (held.get(key) ?? 0) !== queue.unacked_count)
      wrong(`${key} has ${queue.unacked_count} Unacked, ${held.get(key) ?? 0} are held or on the way`);
  }
}

/** A message that has not ended is somewhere. */
function nobodyForgotten({ view, messages, more }, wrong) {
  const ids = new Set(messages.map(({ id }) => id));
  for (const key of view.touched) {
    const entity = key.startsWith("message/") && view.state.get(key);
    if (!entity) continue;
    const fates = Object.values(entity.where ?? {});
    if (fates.length && fates.every((fate) => ENDED.test(fate))) continue;
    const gone = fates.some((fate) => fate === "ready" || fate === "unacked") && more.length;
    const isQueueGone = fates.length && fates.every((fate) => fate === "" || /deleted|purged/.test(fate));
    if (!ids.has(key.slice(8)) && !gone && !isQueueGone) wrong(`${key} is nowhere: ${JSON.stringify(entity.where)}`);
  }
}

// --- 4: nothing arrives that did not arrive ---

export function nothingArrivesThatDidNot({ view, marks, tokens }, wrong) {
  const { scene, seq, state, subject } = view;
  const own = subject.command === undefined ? [subject.frame] : [subject.frame, ...scene.commands[subject.command].frames];
  const isOwn = (kind, { id }) => (kind === "command" ? id === subject.command : own.includes(id));
  for (const [key, token] of tokens) {
    const command = scene.commands[token.command];
    const isSeen = command && scene.linked.has(command.conn);
    if (isSeen && ["consumer", "returned"].includes(token.place) && !(command.received !== null && command.received <= seq))
      wrong(`${key} is ${token.place}, its command has not arrived`);
    if (isSeen && token.place === "link" && command.received !== null && command.received <= seq)
      wrong(`${key} is under way, its command has arrived`);
    if (token.place === "link" && !state.has(`connection/${encode(token.at)}`)) wrong(`${key} is on a connection that is not there`);
  }
  for (const mark of marks) {
    const { kind, s, state: said } = mark;
    if (kind === "segment") {
      const end = endOf(scene, s);
      if (s.sent > seq || (end !== null && end < seq && s.n !== subject.segment)) wrong(`segment ${s.n} is drawn when it is not on the wire`);
      if (said === "arrived" && !isTaken(scene, s, seq)) wrong(`segment ${s.n} is said to have arrived`);
      if (said === "discarded" && thrownAt(scene, s) > seq) wrong(`segment ${s.n} is said to be thrown away before it is`);
      if (s.lost_seq === seq && said !== "lost" && !said.startsWith("lost")) wrong(`segment ${s.n} was lost, it is said to be ${said}`);
    }
    const item = mark.kind === "command" ? mark.c : mark.kind === "frame" ? mark.f : null;
    const whole = kind === "frame" && mark.f.command !== null ? scene.commands[mark.f.command] : item;
    if (item && whole.received !== null && whole.received < seq && !mark.group && !mark.rest && mark.s === undefined && !isOwn(kind, item))
      wrong(`${mark.key} is on the wire after it was read`);
    const hasContent = item && mark.s === undefined && whole.frames?.length > 1 && scene.frames[whole.frames[0]].type === 1;
    if (hasContent && whole.received !== null && whole.received <= seq) wrong(`${mark.key} is on the wire, and its message is there`);
    if (item && (scene.frames[item.frames?.[0]] ?? item).sent > seq) wrong(`${mark.key} is on the wire before it was sent`);
    if (item && said === "arrived" && !(item.received !== null && item.received <= seq) && !lastBytes(scene, item, seq))
      wrong(`${mark.key} is said to have arrived`);
  }
}

/** What was sent is on its link until the receiver has all of it: a frame waits for the rest of its command. */
export function framesStay({ view, marks, find }, wrong) {
  const { scene, seq, state, layout, zoom } = view;
  if (zoom > 1) return;
  const sums = new Set(marks.filter(({ kind, rest, group }) => kind === "more" || rest || group).map(({ place, id, f }) => f?.conn ?? id ?? place));
  for (const f of scene.frames) {
    const { received } = f.command === null ? f : scene.commands[f.command];
    const isOver = f.sent === null || f.sent > seq || (received !== null && received <= seq) || refusedAt(scene, wholeOf(scene, f)) < seq;
    if (isOver || !scene.linked.has(f.conn) || !state.has(`connection/${encode(f.conn)}`) || !layout.pipes[f.conn] || sums.has(f.conn)) continue;
    if (!find("frame", String(f.id)).length && !find("part", String(f.id)).length) wrong(`frame ${f.id} was sent, its command has not come, and it is nowhere`);
  }
}

const wholeOf = (scene, f) => (f.command === null ? f : scene.commands[f.command]);

const thrown = new WeakMap();
const NOBODY_THERE = /no such connection|no program has its socket/;

/** The record that tells that a segment was thrown away where it came; Infinity if none does. */
function thrownAt(scene, { n }) {
  if (!thrown.has(scene)) {
    const found = new Map();
    for (let seq = 0; seq < scene.n; seq++) if (scene.kindOf(seq) === "SegmentDiscarded") found.set(scene.subjectOf(seq).segment, seq);
    thrown.set(scene, found);
  }
  return thrown.get(scene).get(n) ?? Infinity;
}

/** Whether it has come, and not been thrown away there by now. */
const isTaken = (scene, s, seq) => s.lost_seq === null && s.arrived !== null && s.arrived <= seq && !(thrownAt(scene, s) <= Math.min(seq, scene.n));

/** The last record at which a segment is on the wire: the one that tells of its end. */
const endOf = (scene, s) => s.lost_seq ?? (thrownAt(scene, s) < Infinity ? thrownAt(scene, s) : s.arrived);

/** The record at which a segment with bytes of a frame or command came to a host where nobody takes it; Infinity if none. */
function refusedAt(scene, item) {
  if (item.received !== null) return Infinity;
  const carriers = (item.frames ?? [item.id]).flatMap((id) => scene.frames[id].carriers.map(([n]) => scene.segmentByNumber.get(n)));
  const seqs = carriers.filter(({ discarded }) => NOBODY_THERE.test(discarded)).map((s) => thrownAt(scene, s));
  return Math.min(Infinity, ...seqs);
}

/** Where nobody is there to take a segment, what is in it is gone after the record that says so. */
export function thrownAway({ view, marks }, wrong) {
  const { scene, seq } = view;
  for (const mark of marks) {
    const item = mark.kind === "frame" ? wholeOf(scene, mark.f) : mark.kind === "command" ? mark.c : null;
    const isOnLink = /^(message|signal)$/.test(mark.kind) && mark.place.startsWith("link:");
    const carried = item ?? (isOnLink ? scene.commands[mark.command] : null);
    if (carried && mark.state === "discarded" && !carriersOfLast(scene, carried).some((s) => thrownAt(scene, s) <= seq)) wrong(`${mark.key} is said to be thrown away before it is`);
    if (carried && mark.s === undefined && refusedAt(scene, carried) < seq) wrong(`${mark.key} was thrown away, and is on the link`);
  }
}

const carriersOfLast = (scene, item) => scene.lastCarriers(item.frames ? scene.frames[item.frames.at(-1)] : item);

/** The commands that bring a message or an answer. */
const BRINGING = /^basic\.(publish|deliver|get-ok|return|ack|nack|reject)$/;

/** What is in a segment that is under way, and was not there before, is on its link: nobody can know yet that it is lost. */
export function underWayIsThere({ view, tokens }, wrong) {
  const { scene, state, seq } = view;
  if (view.zoom <= 2) return;
  const there = new Set(tokens.filter(([, { place }]) => place === "link").map(([, { command }]) => command));
  for (const key of state.of("signal")) there.add(state.get(key).command);
  scene.commands.forEach((command, number) => {
    if (there.has(number) || !BRINGING.test(command.name) || command.sent === null || command.sent > seq || (command.received ?? Infinity) <= seq) return;
    if (whereabouts(view, scene.frames[command.frames.at(-1)]).isUnderWay) wrong(`${command.name} ${number} is under way, and not on its link`);
  });
}

/** A segment on its way is on a link that is seen, and where segments are seen it is seen, whoever still knows its
 * connection. */
export function segmentsHaveLinks(it, wrong) {
  const { view, marks, find } = it;
  const drawn = new Set(marks.filter(({ kind }) => kind === "segment").map(({ id }) => id));
  const counted = marks.some(({ key }) => key.startsWith("more segment "));
  for (const s of view.scene.segments) {
    const isSeen = drawn.has(String(s.n));
    if (isSeen && !find("connection", s.conn).length) wrong(`segment ${s.n} hangs in the air: there is no link of ${s.conn}`);
    const isOnWire = s.sent <= view.seq && view.seq <= (endOf(view.scene, s) ?? Infinity);
    if (view.zoom === 0 && isOnWire && !isSeen && !counted && view.layout.pipes[s.conn]) wrong(`segment ${s.n} is on the wire, and not seen`);
  }
}

/** What stands at the door has come, and is not said to be under way. */
export function cameAsItCame({ view, messages, marks }, wrong) {
  for (const { key, kind, place, state, command } of [...messages, ...marks.filter(({ kind }) => kind === "signal")]) {
    const item = place.startsWith("link:") && view.scene.commands[command];
    if (!item || state !== "under way") continue;
    const { segment, isUnderWay } = whereabouts(view, view.scene.frames[item.frames.at(-1)]);
    if (!isUnderWay) wrong(`${kind} ${key} is said to be under way, and ${segment ? "its way has ended" : "nobody has sent it, or it has come"}`);
  }
}

/** Whether some segment with the last byte has arrived: it stands at the door, until the rest has come. */
function lastBytes(scene, item, seq) {
  const frame = item.frames ? scene.frames[item.frames.at(-1)] : item;
  return frame.carriers.some(([n, , end]) => {
    const s = scene.segmentByNumber.get(n);
    return end === frame.size && isTaken(scene, s, seq);
  });
}

/** Along each direction of a link things stand in the order of their octets, the first nearest to the receiver. One
 * passes another only where the segment with the other's last octet was lost, or came later than its own. And what has
 * been received never stands behind what has not; while things move, unless it stood there `before`, and comes past. */
export function streamsInOrder({ view, marks, before = [] }, wrong) {
  const { layout, seq } = view;
  const isWide = layout.orientation === "wide";
  const places = new Map(before.map((mark) => [mark.key, isWide ? mark.x : mark.y]));
  const onWire = marks.map((mark) => unitOf(view, mark)).filter(Boolean);
  for (const those of grouped(onWire, ({ tube }) => tube).values()) {
    const pipe = layout.pipes[those[0].conn];
    const [from, to] = isWide ? [pipe.x0, pipe.x1] : [pipe.y0, pipe.y1];
    const ahead = Math.sign(to - from) * (those[0].up ? 1 : -1);
    const wayOf = ({ mark }) => ahead * (isWide ? mark.x : mark.y);
    those.sort((a, b) => a.octet - b.octet);
    those.forEach((first, i) => {
      for (const second of those.slice(i + 1)) {
        const isBehind = wayOf(first) < wayOf(second) - 0.01;
        if (isBehind && !hasPassed(view, first, second)) wrong(`${first.mark.key} was sent before ${second.mark.key}, and stands behind it`);
        const stoodBehind = ahead * (places.get(first.mark.key) - places.get(second.mark.key)) < 0; // and has to come past it
        if (isBehind && !stoodBehind && isRead(first, seq) && !isRead(second, seq)) wrong(`${first.mark.key} is received, and stands behind ${second.mark.key}, which is not`);
      }
    });
  }
}

/** How far from its mouth a link keeps room for a count of what waits. */
const MOUTH = 38;
/** So far from the mouth a count may be moved by the one behind it that is spoken of; in a short tube, to its end. */
const [IN_LINE, SHORT] = [100, 150];

/** Where the last octet of something on a link really is: in which segment, how far, and whether that is under way. */
function whereabouts({ scene, seq, now }, frame) {
  const sent = scene.lastCarriers(frame).filter((s) => s.sent <= seq);
  if (sent.some((s) => isTaken(scene, s, seq))) return { p: 1, isUnderWay: false };
  const s = sent.at(-1);
  if (!s) return { p: 0, isUnderWay: false };
  const isLost = s.lost_seq !== null;
  const [end, most] = isLost ? [s.lost_at, /machine is off/.test(s.lost) ? 1 : 0.5] : [s.arrives, s.arrives === null ? 0.5 : 1];
  const part = s.lost_seq !== null && s.lost_seq <= seq ? 1 : end === null || end <= s.departs ? +(now > s.departs) : Math.min(1, Math.max(0, (now - s.departs) / (end - s.departs)));
  return { p: part * most, segment: s, isUnderWay: seq < (s.lost_seq ?? s.arrived ?? Infinity) };
}

/** How far along its link the middle of a mark is, from where it began its way. */
function wayOf({ layout }, { conn, up }, { x, y }) {
  const { x0, x1, y0, y1 } = layout.pipes[conn];
  const [from, to, at] = layout.orientation === "wide" ? [x0, x1, x] : [y0, y1, y];
  return { way: Math.sign(to - from) * (up ? at - from : to - at), length: Math.abs(to - from) };
}

const breadthOf = ({ layout, scene }, { kind, w }) => (layout.orientation === "wide" && w) || (kind === "frame" ? scene.geometry.chip : scene.geometry.message_w);

/** A count stands no farther than the first of those that it counts is. */
export function countsNeverBefore({ view, marks, more }, wrong) {
  const { scene, seq, state } = view;
  for (const mark of more) {
    const [, what, conn, up, id] = /^more (command |frame |)(\S+) (true|false) .*from (\S+)$/.exec(mark.key) ?? [];
    const command = what === "command " ? scene.commands[+id] : what === "" ? scene.commands[state.get(id)?.command] : null;
    const frame = what === "frame " ? scene.frames[+id] : command && scene.frames[command.frames.at(-1)];
    if (!frame || !scene.linked.has(conn) || (frame.received !== null && frame.received <= seq)) continue;
    const { way, length } = wayOf(view, { conn, up: up === "true" }, mark);
    const { p } = whereabouts(view, frame);
    const isPushed = marks.some((one) => one.subject && isOn(one, conn, up));
    const most = length < SHORT ? length : (isPushed ? IN_LINE : MOUTH) + p * length + scene.geometry.message_w / 2;
    if (way > most + 1) wrong(`${mark.key}: those are ${p.toFixed(2)} of their way, and their count stands at ${(way / length).toFixed(2)}`);
  }
}

/** Whether a mark stands in a direction of a link. */
const isOn = ({ c, f, s, conn, up }, name, way) => [c, f, s, { conn, up }].some((one) => one?.conn === name && String(one.up) === way);

/** On a link nothing stands before the place where it is; it may stand behind, in line. What has not left waits at the
 * mouth, and not at the receiver's door. */
export function neverBefore({ view, marks }, wrong) {
  for (const mark of marks) {
    const unit = unitOf(view, mark);
    if (!unit || mark.s || mark.badge || !view.scene.linked.has(unit.conn)) continue;
    if (unit.frame.received !== null && unit.frame.received <= view.seq) continue;
    const { way, length } = wayOf(view, unit, mark);
    const mates = mark.kind === "frame" && mark.subject ? (view.scene.commands[mark.f.command]?.frames.length ?? 1) - 1 : 0; // in line
    const after = view.zoom > 2 ? marks.filter(({ s }) => s?.again && s.conn === unit.conn && s.up === unit.up) : []; // sent in the same moment
    const back = way - breadthOf(view, mark) / 2 - mates * view.scene.geometry.chip - sum(after, (one) => breadthOf(view, one));
    const { p } = whereabouts(view, unit.frame);
    if (back > MOUTH + p * length) wrong(`${mark.key} is ${p.toFixed(2)} of its way, and stands at ${(way / length).toFixed(2)}`);
  }
}

/** What is lost is not on the way, so it is not counted with what is. */
export function lostIsNotOnTheWay({ view, marks, more }, wrong) {
  if (view.zoom <= 2) return;
  const { scene, state, layout, seq } = view;
  const drawn = new Set(marks.map(({ key }) => key));
  const isLost = ({ command }) => {
    const { p, segment, isUnderWay } = whereabouts(view, scene.frames[scene.commands[command].frames.at(-1)]);
    return p < 1 && !!segment && !isUnderWay && segment.lost_seq <= seq;
  };
  for (const name of Object.keys(layout.pipes)) {
    const those = [...state.of("token"), ...state.of("signal")].map((key) => [key, state.get(key)]);
    const hidden = those.filter(([key, { place, at, command }]) => (place ?? "link") === "link" && at === name && !drawn.has(key) && scene.commands[command]);
    const counts = more.filter(({ state: how, key }) => how === "link" && key.startsWith(`more ${name} `));
    const told = sum(counts.filter(({ said }) => !/lost|thrown away/.test(said)), countOf);
    const onTheWay = hidden.filter(([, token]) => !isLost(token)).length;
    const again = state.of("load").filter((key) => state.get(key).at === name && !drawn.has(key)).length; // what is sent again
    if (told > onTheWay + again) wrong(`on ${name} ${told} more are counted that are not said to be lost, and ${onTheWay} are not`);
  }
}

/** What is on the way in a lane is drawn once or counted once, though two segments carry it: its chips and its counts are
 * together as many as it has tokens; and what was lost or thrown away of the segment that is spoken of comes to that. */
export function countedOnce({ view, marks, more }, wrong) {
  const { scene, state, layout, zoom } = view;
  if (zoom <= 2) return;
  const drawn = new Set(marks.map(({ key }) => key));
  const laneOf = (name, up, channel) => `${name} ${up} ${(layout.pipes[name].lanes.indexOf(channel) + 1) || layout.pipes[name].lanes.length}`;
  const lanes = new Map();
  const at = (lane) => lanes.get(lane) ?? lanes.set(lane, { there: [], loads: [], counted: 0 }).get(lane);
  const channelOf = ({ command }) => scene.commands[command]?.channel ?? 0;
  for (const kind of ["token", "signal", "load"])
    for (const key of state.of(kind)) {
      const one = state.get(key);
      if ((one.place ?? "link") !== "link" || !layout.pipes[one.at]) continue;
      const list = at(laneOf(one.at, one.up, channelOf(one)));
      if (kind !== "load") list.there.push([key, one]);
      else if (isSpokenLoad(view, one)) list.loads.push([key, one]);
    }
  for (const mark of more) {
    const [, name, up, channel] = /^more (\S+) (true|false) (\d+) from /.exec(mark.key) ?? [];
    if (name && layout.pipes[name]) at(laneOf(name, up === "true", +channel)).counted += countOf(mark);
  }
  for (const [lane, { there, loads, counted }] of lanes) {
    const besides = loads.filter(([, load]) => !there.some(([, token]) => token.command === load.command && !isApart(view, load, token)));
    const wanted = [...there, ...besides].map(([key]) => key);
    const shown = wanted.filter((key) => drawn.has(key));
    const twice = loads.filter(([key]) => drawn.has(key) && !wanted.includes(key));
    if (twice.length) wrong(`${twice.map(([key]) => key).join(", ")}: drawn on ${lane} beside what is the same`);
    if (shown.length + counted !== wanted.length) wrong(`on ${lane} are ${wanted.length}, and ${shown.length} are drawn and ${counted} counted`);
  }
}

/** Whether the step speaks of the segment with this load, or sends it again together with that. */
function isSpokenLoad({ scene, subject, seq, state }, load) {
  const spoken = scene.segmentByNumber.get(subject.segment);
  const s = scene.segmentByNumber.get(load.segment);
  if (!spoken || spoken.conn !== load.at || !state.has(`connection/${encode(load.at)}`)) return false;
  return s === spoken || (spoken.sent === seq && spoken.up === s.up);
}

/** Whether a load has ended its way in vain, and the token of the same command is in another segment. */
function isApart({ scene, seq, now }, load, token) {
  const s = scene.segmentByNumber.get(load.segment);
  const isOver = seq >= Math.min(s.lost_seq ?? Infinity, thrownAt(scene, s));
  return isOver && whereabouts({ scene, seq, now }, scene.frames[scene.commands[token.command].frames.at(-1)]).segment !== s;
}

/** What a count says of those on a link for which it stands. */
export function countsSayHow({ view, marks, tokens }, wrong) {
  if (view.zoom <= 2) return;
  const drawn = new Set(marks.map(({ key }) => key));
  const signals = view.state.of("signal").map((key) => [key, view.state.get(key)]);
  for (const { key, id, said } of marks.filter(({ key }) => / (true|false) \d+ from /.test(key))) {
    const name = id.slice("connection/".length);
    const hidden = [...tokens, ...signals].filter(([one, { place, at, up }]) => place === "link" && at === name && !drawn.has(one) && key.includes(` ${up} `));
    const ways = hidden.map(([, { command }]) => (command === null ? { p: 0 } : whereabouts(view, view.scene.frames[view.scene.commands[command].frames.at(-1)])));
    if (/under way/.test(said) && ways.length && !ways.some((way) => way.isUnderWay)) wrong(`${key}: ${said}, and none of them is`);
    if (/waiting|arrived/.test(said) && ways.length && ways.every((way) => way.isUnderWay)) wrong(`${key}: ${said}, and all are under way`);
  }
}

/** From one step to the next nothing under way goes back, unless it was sent again. */
export function neverBack(before, { view, marks }, wrong) {
  const was = new Map(before.marks.map((mark) => [mark.key, mark]));
  for (const mark of marks) {
    const unit = was.has(mark.key) ? unitOf(view, mark) : null;
    if (!unit || mark.s || mark.badge || !view.scene.linked.has(unit.conn)) continue;
    const [old, now] = [whereabouts(before.view, unit.frame), whereabouts(view, unit.frame)];
    if (!old.isUnderWay || !now.isUnderWay || old.segment !== now.segment) continue;
    const gone = wayOf(view, unit, mark).way - wayOf(view, unit, was.get(mark.key)).way;
    if (gone < -0.6) wrong(`${mark.key} is under way, and has gone back by ${-gone.toFixed(1)}`);
  }
}

/** A count stands for what comes between: behind what was sent before those that it counts, before what was sent after. */
export function countsInOrder({ view, marks }, wrong) {
  const { layout, scene, zoom, seq } = view;
  if (zoom !== 1) return;
  const isWide = layout.orientation === "wide";
  const those = marks.filter(({ kind, key }) => kind === "frame" || key.startsWith("more frame "));
  const laneOf = ({ f, x, y, key }) => `${f ? `${f.conn} ${f.up}` : / frame (.*) \S+ from /.exec(key)[1]} ${isWide ? y : x}`;
  for (const [lane, list] of grouped(those, laneOf)) {
    if (!list.some(({ f }) => !f) || !list.some(({ f }) => f)) continue;
    const { conn, up } = list.find(({ f }) => f).f;
    if (scene.segments.some((s) => s.conn === conn && (s.lost_seq !== null || s.discarded))) continue;
    const channels = new Set(list.flatMap(({ f }) => (f ? [f.channel] : [])));
    const shown = new Set(list.flatMap(({ f }) => (f ? [f.id] : [])));
    const all = scene.framesOnLink(seq).filter((f) => f.conn === conn && f.up === up && channels.has(f.channel));
    for (const { f } of list) if (f && !all.includes(f)) all.push(f);
    const expected = [];
    for (const { id } of all.sort((a, b) => a.offset - b.offset))
      if (shown.has(id)) expected.push(id);
      else if (String(expected.at(-1)).startsWith("+")) expected.push(`+${parseInt(expected.pop(), 10) + 1}`);
      else expected.push("+1");
    const pipe = layout.pipes[conn];
    const ahead = Math.sign(isWide ? pipe.x1 - pipe.x0 : pipe.y1 - pipe.y0) * (up ? 1 : -1);
    const found = [...list].sort((a, b) => ahead * (isWide ? b.x - a.x : b.y - a.y)).map(({ f, label }) => f?.id ?? label);
    if (found.join(" ") !== expected.join(" ")) wrong(`on ${lane} stand ${found.join(" ")}, it should be ${expected.join(" ")}`);
  }
}

/** Of two segments the one that was sent earlier stands nearer to the receiver, octets or none: one passes another only
 * if that one was lost, or really came later. And what has come never stands behind what has not. */
export function segmentsInOrder({ view, marks }, wrong) {
  const { layout } = view;
  const isWide = layout.orientation === "wide";
  const those = marks.filter(({ kind, s }) => kind === "segment" && s);
  const wayOf = ({ conn, up }, mark) => {
    const { x0, x1, y0, y1 } = layout.pipes[conn];
    return Math.sign(isWide ? x1 - x0 : y1 - y0) * (up ? 1 : -1) * (isWide ? mark.x : mark.y);
  };
  for (const lane of grouped(those, ({ s }) => `${s.conn} ${s.up}`).values())
    for (const first of lane)
      for (const second of lane) {
        const [a, b] = [first.s, second.s];
        const isLater = a.lost_seq === null && a.arrives !== null && (b.arrives === null || b.arrives >= a.arrives);
        if (a.n < b.n && isLater && wayOf(a, first) < wayOf(b, second) - 0.01) wrong(`${first.key} was sent before ${second.key}, and stands behind it`);
      }
  const waiting = marks.filter(({ kind, s, state }) => kind === "frame" && !s && state === "arrived");
  for (const frame of waiting)
    for (const slab of those.filter(({ s, state }) => s.conn === frame.f.conn && s.up === frame.f.up && state === "under way"))
      if (wayOf(slab.s, frame) < wayOf(slab.s, slab) - 0.01) wrong(`${frame.key} has come, and stands behind ${slab.key}, which has not`);
}

const isRead = ({ frame }, seq) => frame.received !== null && frame.received <= seq;

/** What a mark stands for on a link, by its last frame; null for what stands for nothing, or for a part only. */
function unitOf({ scene, layout, zoom }, mark) {
  const item = mark.kind === "frame" && !mark.rest ? mark.f : mark.kind === "command" ? mark.c : null;
  const number = zoom > 2 && /^(message|signal)$/.test(mark.kind) && mark.place.startsWith("link:") ? mark.command : undefined;
  const command = scene.commands[number] ?? (mark.kind === "command" || mark.group ? item && (scene.commands[item.command] ?? item) : null);
  const frame = command?.frames ? scene.frames[command.frames.at(-1)] : item;
  if (!frame) return null;
  const { lanes } = layout.pipes[frame.conn];
  const lane = lanes.includes(frame.channel) ? lanes.indexOf(frame.channel) : lanes.length - 1;
  const tube = `${frame.conn} ${frame.up} ${lane}`;
  return { mark, frame, tube, conn: frame.conn, up: frame.up, octet: frame.offset + frame.size };
}

/** Whether the second thing's last octet is really ahead of that of the first, though it was sent after it. */
function hasPassed({ scene, seq }, { frame: first }, { frame: second }) {
  const carriersOf = (frame) => scene.lastCarriers(frame).filter(({ sent }) => sent <= seq);
  const [mine, others] = [carriersOf(first), carriersOf(second)];
  if (mine.some((s) => s.lost_seq !== null || s.arrives === null)) return others.length > 0;
  return mine.some((s) => others.some((other) => other.arrives !== null && other.arrives < s.arrives));
}

/** An arrow of the ladder has a tip only if what it stands for arrived. `bands` are drawn elements. */
export function arrowsArrive(scene, bands, wrong) {
  for (const band of bands) {
    const [kind, number] = band.props["data-sel"].split(":");
    const item = { segment: () => scene.segmentByNumber.get(+number), frame: () => scene.frames[+number], command: () => scene.commands[+number] }[kind]();
    const arrived = kind === "segment" ? item.lost_seq === null && item.arrived !== null : item.received !== null;
    const tipped = band.kids.filter((leg) => leg.kids?.some((kid) => /\btip\b/.test(kid.props?.class ?? "")));
    const mayTip = arrived || !scene.linked.has(item.conn) || (kind !== "segment" && lastBytes(scene, item, Infinity));
    if (tipped.length && !mayTip) wrong(`the ladder lets ${kind} ${number} arrive`);
    if (!tipped.length && arrived && item.sent !== null && !item.discarded) wrong(`the ladder does not let ${kind} ${number} arrive`);
    for (const shape of shapesIn(band)) if (runsBack(shape)) wrong(`the ladder lets octets of ${kind} ${number} arrive before they are sent`);
    if (kind === "segment" && tipped.length > 1) wrong(`the ladder lets ${kind} ${number} arrive ${tipped.length} times`);
  }
}

/** What the ladder says of an arrow is how it is at this step, as the picture shows it; of a load the arrow stands for an
 * earlier way, which has ended already. `bands` are drawn elements. */
export function arrowsAreToldAsTheyAre({ scene, seq, zoom }, marks, bands, wrong) {
  const onLink = new Map(marks.filter(({ place, kind }) => place.startsWith("link:") && kind !== "load").map((mark) => [bandOfMark(mark, zoom), mark]));
  for (const { props, kids } of bands) {
    const [kind, number] = props["data-sel"].split(":");
    const item = kind === "segment" ? scene.segmentByNumber.get(+number) : kind === "frame" ? scene.frames[+number] : scene.commands[+number];
    const [said, title] = [props["data-state"], String(kids.find(({ tag }) => tag === "title").kids[0])];
    if (!title.includes(said)) wrong(`${kind} ${number} is ${said}, and its title says ${title}`);
    if ((said === "not sent yet") !== (item.sent ?? item.received) > seq) wrong(`the ladder says of ${kind} ${number}, which was sent at ${item.sent}: ${said}`);
    const has = kind === "segment" ? item.arrived !== null && item.arrived <= seq : (item.received !== null && item.received <= seq) || lastBytes(scene, item, seq);
    if (said === "arrived" && !has) wrong(`the ladder says that ${kind} ${number} has arrived`);
    const shown = onLink.get(`${kind}:${number}`)?.state;
    if (shown === "arrived" && said === "under way") wrong(`${kind} ${number} has arrived, and is under way in the ladder`);
    if (shown === "under way" && /^(arrived|lost|discarded|refused)$/.test(said)) wrong(`${kind} ${number} is under way, and ${said} in the ladder`);
  }
}

/** Which arrow stands for a thing on a link: that of its segment, frame or command. */
const bandOfMark = ({ kind, id, command }, zoom) => (/^(segment|frame)$/.test(kind) ? `${kind}:${id}` : `command:${zoom === 2 && kind === "command" ? id : command}`);

/** The parallelograms of a band. */
const shapesIn = ({ tag, props, kids }) => [...(tag === "polygon" ? [props] : []), ...(kids ?? []).filter((kid) => kid.props).flatMap(shapesIn)];

/** Whether an edge of a parallelogram goes up: its corners are first sent, first arrived, last arrived, last sent. */
function runsBack({ points }) {
  const [sent, came, lastCame, lastSent] = points.split(" ").filter((_, i) => i % 2).map(Number);
  return came < sent || lastCame < lastSent;
}

// --- 6: one number everywhere ---

export function oneNumber({ view, find }, tables, expected, wrong) {
  const { state, scene, seq } = view;
  let [ready, unacked] = [0, 0];
  for (const key of state.of("queue")) {
    const queue = state.get(key);
    ready += queue.ready_count;
    unacked += queue.unacked_count;
    const words = `Ready ${queue.ready_count} · Unacked ${queue.unacked_count} · Total ${queue.total}`;
    const [mark] = find("queue", key);
    if (view.layout.nodes[key] && mark?.state !== words) wrong(`${key}: the state says ${words}, the picture ${mark?.state}`);
    const row = tables?.get(key);
    if (tables && JSON.stringify(row) !== JSON.stringify([queue.ready_count, queue.unacked_count, queue.total].map(String)))
      wrong(`${key}: the state says ${words}, the table ${row}`);
    const python = expected?.[key];
    if (expected && JSON.stringify(python) !== JSON.stringify([queue.ready_count, queue.unacked_count, queue.total]))
      wrong(`${key}: the state says ${words}, lab.table() ${python}`);
  }
  if (expected && Object.keys(expected).length !== state.of("queue").length) wrong("lab.table() has other queues");
  if (view.depth.ready[seq + 1] !== ready || view.depth.unacked[seq + 1] !== unacked)
    wrong(`the depths are ${view.depth.ready[seq + 1]} and ${view.depth.unacked[seq + 1]}, the queues hold ${ready} and ${unacked}`);
  for (const key of state.of("consumer")) handsCount(view, key, find, wrong);
  for (const key of state.of("confirm")) {
    const strip = state.get(key);
    const [mark] = find("confirms", key);
    if (strip.count && mark && mark.state !== `${strip.count} to confirm`) wrong(`${key}: ${strip.count}, drawn ${mark.state}`);
  }
  for (const key of state.of("channel")) traysCount(view, key, find, wrong);
  for (const { id, said } of view.state.of("channel").flatMap((key) => find("hand", key)))
    if (/prefetch|basic/.test(said)) wrong(`${id} has no consumer, and is said to have one: ${said}`);
  void scene;
}

/** What a transaction holds is all in its tray: messages, and what was said of others. */
function traysCount({ state, layout }, key, find, wrong) {
  if (!layout.pipes[connectionIn(key)]) return;
  const messages = state.of("token").filter((one) => state.get(one).state === "held in tx" && state.get(one).channel === key).length;
  const answers = state.get(key).settling_count;
  const told = (find("tray", key)[0]?.said ?? "").match(/\d+ \w+/g) ?? [];
  const numberOf = (word) => parseInt(told.find((one) => one.includes(word)) ?? "0", 10);
  if (numberOf("message") !== messages || numberOf("answer") !== answers)
    wrong(`${key}: ${messages} messages and ${answers} answers are held, the tray says ${told.join(", ") || "nothing"}`);
}

/** What a table says of something that is drawn on its link. */
const ON_ITS_WAY = {
  "not sent": /not sent yet/,
  waiting: /handed to TCP/,
  "under way": /on its way/,
  lost: /lost on its way/,
  discarded: /thrown away/,
  arrived: /arrived, and not read/,
};

/** What is on its way is not told to be delivered, nor to be on its way when it is drawn lost; and what a stream's reader has
 * in hand not to be only ready.
 */
export function toldAsItIs({ view, tokens, messages }, tables, wrong) {
  const told = new Map();
  const visit = (v) => {
    if (typeof v !== "object") return;
    const [, message] = /^message:(\d+)$/.exec(v.props["data-sel"] ?? "") ?? [];
    if (v.tag === "tr" && message) told.set(+message, String(v.kids.at(-1).kids[0]));
    else v.kids.forEach(visit);
  };
  tables.forEach(visit);
  const isForgotten = (message) => tokens.filter(([, one]) => one.message === message && one.place === "consumer").every(([, { state }]) => state === "gone");
  for (const [message, words] of told)
    if (words === "unacked" && isForgotten(message)) wrong(`message ${message} is gone with its program, or in nobody's hand, and told to be unacked`);
  for (const [key, { message, place, up, target, command, state: how }] of tokens) {
    const words = told.get(message);
    const consumer = view.state.get(target);
    const isReader = consumer && (consumer.cursor ?? consumer.start ?? null) !== null;
    const isAlone = tokens.filter(([, one]) => one.message === message).length === 1;
    const drawn = messages.find((mark) => mark.key === key && mark.place.startsWith("link:"))?.state;
    const { sent } = view.scene.commands[command] ?? { sent: null };
    const way = drawn && (sent === null || sent > view.seq) ? "not sent" : drawn;
    if (up === false && isAlone && way in ON_ITS_WAY && /^(handed over|unacked): |^stays in the stream; /.test(words) && !ON_ITS_WAY[way].test(words))
      wrong(`${key} is ${way}, and told to be “${words}”`);
    if (place === "link" && up === false && how === "done" && words === "delivered") wrong(`${key} is on its way, and told to be delivered`);
    if (place === "consumer" && isReader && words === "ready") wrong(`${key} is in a reader's hand, and told to be ready`);
  }
}

/** A machine without power, and a program that was killed, have nothing any more, whatever the broker believes. */
export function deadHandsAreEmpty({ view, marks }, wrong) {
  for (const { kind, key, place, state } of marks) {
    if (kind !== "message" || !place.startsWith("consumer:")) continue;
    if (view.state.get(`host/${encode(place.slice("consumer:".length))}`)?.crashed && state !== "gone") wrong(`${key} is ${state} in a dead machine`);
  }
}

/** What a consumer holds: what its entity says, what is written on its hand, and what is in or on the way to it. */
function handsCount(view, key, find, wrong) {
  const { state } = view;
  const consumer = state.get(key);
  const [mark] = find("consumer", key);
  const isReader = (consumer.cursor ?? consumer.start ?? null) !== null; // whose hand nobody counts but the picture
  const held = isReader ? state.at(`consumer|${key}`).length : consumer.holding_count;
  if (mark && Number(/^\d+/.exec(mark.label)?.[0]) !== held) wrong(`${key} holds ${held}, drawn ${mark.label}`);
  const queue = state.get(`queue/${encode(consumer.vhost)}/${encode(consumer.queue)}`);
  if (consumer.no_ack || !queue || isStream(queue)) return;
  const own = state.of("token").filter((token) => {
    const { target, place, queue: line, state: how } = state.get(token);
    const isInBooks = line !== null; // else the broker has taken it back, or lost it, while it was on its way
    return target === key && isInBooks && place !== "lost" && place !== "broker" && how !== "done";
  });
  if (own.length !== consumer.holding_count) wrong(`${key} holds ${consumer.holding_count}, ${own.length} are there or on the way`);
}

/** The queues' rows in the drawn tables: key -> [ready, unacked, total]. */
export function rowsOf(tables) {
  const found = new Map();
  const visit = (v) => {
    if (typeof v !== "object") return;
    const sel = v.props["data-sel"] ?? "";
    if (v.tag === "tr" && sel.startsWith("entity:queue/"))
      found.set(sel.slice(7), v.kids.slice(1, 4).map((cell) => String(cell.kids[0])));
    else v.kids.forEach(visit);
  };
  tables.forEach(visit);
  return found;
}

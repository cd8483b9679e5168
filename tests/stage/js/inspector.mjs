// The inspector shows what the step is about, whole, and in words that people use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = await stage.decode(readFileSync(process.env.SCENE, "utf8"));
const text = (elements) => elements.map(stage.toMarkup).join(" ");
const words = (elements) => text(elements).replaceAll(/<[^>]*>/g, " ").replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"');
const MOST_STEPS = 150;
const flat = (view, width = 600) => stage.inspector(view, width).flat(4).filter(Boolean);

function everyStep(zoom, look) {
  const player = new stage.Player(scene, { zoom });
  const stride = Math.max(1, Math.floor(player.last / MOST_STEPS));
  for (let k = 0; k <= player.last; k += stride) {
    player.go(k);
    look(player.view(), player);
  }
}

const picked = (seq, selection) => {
  const player = new stage.Player(scene, { zoom: 0 });
  player.jump(seq);
  player.pick(selection);
  return player.view();
};

test("of a host it says what the picture says", () => {
  const conditions = [
    ["killed", { crashed: true }],
    ["powered off", { crashed: true, off: true }],
    ["frozen", { frozen: true }],
    ["not running", { crashed: true, status: "lost its power" }],
    ["finished", { crashed: true, status: "returned" }],
    ["failed", { crashed: true, status: "NotFound: 404" }],
  ];
  for (const [key, change] of conditions.flatMap(([word, change]) =>
    scene.hosts.map((host) => [`host/${host}`, { ...change, word }]),
  )) {
    const view = picked(scene.n - 1, { kind: "entity", id: key });
    const { word, ...more } = change;
    const state = view.state.copy();
    if (!state.has(key)) continue;
    state.set(key, { ...state.get(key), crashed: false, off: false, frozen: false, status: "running", ...more });
    const told = { ...view, state };
    assert.ok(words(flat(told)).includes(word), `${key}: ${word}`);
    const mark = stage.standing(told).find(({ kind, id }) => kind === "client" && `host/${id}` === key);
    if (mark) assert.equal(mark.state, word);
  }
});

test("of nothing that is drawn it says that it is not there", () => {
  for (const zoom of [3, 4])
    everyStep(zoom, (view) => {
      for (const { pick } of stage.standing(view)) {
        if (!pick) continue;
        const shown = words(flat({ ...view, selection: stage.parseSelection(pick) }));
        assert.ok(!shown.includes("Not there at this step"), `${pick} at record ${view.seq}: ${shown}`);
      }
    });
});

test("at every step it shows what the record speaks of, and nothing older", () => {
  for (const zoom of scene.steps.keys())
    everyStep(zoom, (view) => {
      if (view.seq < 0) return;
      const { frame, command, segment, message, keys } = scene.subjectOf(view.seq);
      const shown = words(flat(view));
      const expected =
        frame !== undefined
          ? scene.frames[frame].summary
          : command !== undefined
            ? scene.frames[scene.commands[command].frames[0]].summary
            : segment !== undefined
              ? `Segment ${segment}:`
              : message !== undefined
                ? `Message ${scene.labelOf(message)}`
                : stage.titleOf(scene, keys[0]);
      assert.ok(shown.includes(expected), `record ${view.seq} (${scene.kindOf(view.seq)}): ${expected} is not in ${shown.slice(0, 120)}`);
    });
});

test("of a frame no segment is named that has not been sent yet", () => {
  for (const zoom of [0, 1, 2])
    everyStep(zoom, (view) => {
      if (view.subject.frame === undefined) return;
      for (const [, number] of text(flat(view)).matchAll(/data-sel="segment:(\d+)"/g))
        assert.ok(scene.segmentByNumber.get(+number).sent <= view.seq, `record ${view.seq}: segment ${number}`);
    });
});

test("a step of the story speaks of every queue that gets the message in it", () => {
  everyStep(4, (view) => {
    const chapter = scene.story[view.step - 1];
    if (!chapter || view.visit || scene.kindOf(view.seq) !== "Enqueued") return;
    const queues = [...Array(scene.n).keys()]
      .filter((seq) => chapter[1] <= seq && seq <= view.seq && scene.kindOf(seq) === "Enqueued")
      .filter((seq) => scene.subjectOf(seq).message === view.subject.message)
      .map((seq) => scene.subjectOf(seq).keys.find((key) => key.startsWith("queue/")));
    assert.deepEqual(new Set(view.subject.keys.filter((key) => key.startsWith("queue/"))), new Set(queues), chapter[2]);
  });
});

test("no value is shown as a program would print it", () => {
  for (const zoom of scene.steps.keys())
    everyStep(zoom, (view) => {
      if (scene.frames[view.subject.frame]?.dialect === "http") return; // its body may be JSON
      const found = words(flat(view)).match(/.{0,40}(\{"|\[object|undefined|\bNaN\b|\bnull\b|\boctet).{0,40}/);
      assert.equal(found, null, found?.[0]);
    });
});

test("a thing of the state says what matters, and all its fields fold away", () => {
  everyStep(3, (view) => {
    for (const kind of ["queue", "connection", "channel", "consumer", "exchange", "host", "binding"])
      for (const key of view.state.of(kind)) {
        const drawn = flat({ ...view, selection: { kind: "entity", id: key } });
        assert.equal(drawn.filter(({ tag }) => tag === "details").length, 1, key);
        assert.ok(!/\{"|\[object|undefined|NaN/.test(words(drawn)), key);
      }
  });
});

test("a segment, lost or not, shows the frames whose bytes it carries", () => {
  for (const s of scene.segments) {
    const shown = words(flat(picked(scene.n - 1, { kind: "segment", id: s.n })));
    for (const [id] of s.frames) assert.ok(shown.includes(scene.frames[id].summary), `segment ${s.n}`);
    if (s.lost_seq !== null) assert.ok(shown.includes(s.lost));
    const carries = scene.frames.some((f) => f.carriers.some(([n]) => n === s.n));
    assert.equal(shown.includes("TCP speaks for itself"), !carries && s.end === s.start);
  }
});

test("of a connection the table says what the picture says", () => {
  everyStep(0, (view) => {
    const rows = stage.tables(view).map(stage.toMarkup).join("").split("<tr ").filter((row) => row.includes("entity:connection/"));
    const isKnown = ({ kind, key }) => kind === "connection" && view.state.has(key);
    for (const { id, state } of stage.standing(view).filter(isKnown))
      assert.ok(rows.some((row) => row.includes(`entity:connection/${stage.encode(id)}"`) && row.includes(`>${state}</td>`)), `record ${view.seq}: ${id} is ${state}`);
  });
});

test("a message goes by one name in the table, and so does what it went on as", () => {
  const view = picked(scene.n - 1, { kind: "segment", id: 0 });
  const rows = stage.tables(view).map(stage.toMarkup).join("").split("<tr ").filter((row) => /^[^>]*message:/.test(row));
  for (const row of rows) {
    const label = scene.labelOf(+/message:(\d+)/.exec(row)[1]);
    assert.ok(row.includes(`>${label}</th>`), row);
    const next = /dead-lettered as ([^<]*)</.exec(row)?.[1];
    assert.ok(!next || (next.startsWith(label.replace(/\D+.*/, "")) && next !== label), row);
  }
});

test("of what has been handed out it shows the properties that the broker has written on it", () => {
  for (const f of scene.frames.filter(({ type, up, messages, received }) => type === 2 && !up && messages.length && received !== null)) {
    const { rows } = stage.propertiesOfMessage(picked(f.received, { kind: "frame", id: f.id }), f.messages[0]);
    assert.deepEqual(rows, stage.propertiesOf(scene, f), `message ${f.messages[0]} at record ${f.received}`);
  }
});

test("a segment that is sent again says what it carries in the words of its sentence", () => {
  for (const s of scene.segments.filter(({ again }) => again)) {
    const told = / which (?:is|has) (.* because [^,]*(?:, too, when [^,]*)?),/.exec(scene.sentences[s.sent])?.[1] ?? "again, because it was not acknowledged";
    assert.ok(scene.sentences[s.sent].includes(told), scene.sentences[s.sent]);
    assert.ok(words(flat(picked(scene.n - 1, { kind: "segment", id: s.n }))).includes(told), `segment ${s.n}: ${told}`);
  }
});

test("a message shows its text and every property that was set", () => {
  for (const message of scene.labelByMessage.keys()) {
    const header = stage.headerFrameOf(scene, message);
    if (header?.of !== message) continue; // a dead letter that nobody got
    const drawn = flat(picked(scene.n - 1, { kind: "message", id: message }));
    const shown = words(drawn);
    assert.ok(shown.includes(`Message ${scene.labelOf(message)}`));
    for (const { name, value } of stage.propertiesOf(scene, header.frame)) {
      assert.ok(shown.includes(name.replaceAll("-", "_")), name);
      if (typeof value !== "object") assert.ok(shown.includes(String(value)), `${name} ${value}`);
      else for (const part of Object.keys(value)) assert.ok(shown.includes(part), `${name}: ${part}`);
    }
    const flags = stage.flatten(scene.spans[header.frame.spans], header.frame.size).filter((span) => span.value === true);
    assert.equal(flags.length, stage.propertiesOf(scene, header.frame).length);
  }
});

/** Properties as one text: in their order on the wire, with the names in each table in one order, and no times. */
const asText = (rows) => JSON.stringify(rows.map(({ name, value }) => [name, inOrder(value)]));

function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== "object") return value;
  const names = Object.keys(value).filter((name) => name !== "time").sort();
  return names.map((name) => [name, inOrder(value[name])]);
}

test("of bytes on their way it is not said that they will be lost", () => {
  for (const s of scene.segments.filter(({ lost_seq }) => lost_seq !== null).slice(0, 30)) {
    const [f] = scene.frames.filter(({ carriers }) => carriers.some(([n]) => n === s.n));
    if (!f) continue;
    const titles = (seq) => flat(picked(seq, { kind: "frame", id: f.id })).map(stage.toMarkup).join("").match(/ title="[^"]*"/g) ?? [];
    const said = (seq) => titles(seq).some((title) => title.startsWith(` title="segment ${s.n}`) && title.includes(`, lost: ${s.lost}`));
    assert.ok(!said(s.lost_seq - 1), `segment ${s.n}`);
  }
});

test("a dead letter has what the broker wrote into it, and no expiration; worked out, it is what is handed out", () => {
  for (const [to, life] of Object.entries(scene.lives ?? {})) {
    const view = picked(Math.min(scene.n - 1, life.seq), { kind: "message", id: +to });
    if (!view.state.has(`message/${to}`)) continue;
    const { rows, from } = stage.propertiesOfMessage(view, +to);
    const { value } = rows.find(({ name }) => name === "headers");
    assert.deepEqual([value["x-death"][0].queue, value["x-death"][0].reason], [life.queue, life.reason]);
    assert.ok(!rows.some(({ name }) => name === "expiration"));
    const shown = words(flat(view));
    const by = value["x-death"][0].exchange || "the default exchange";
    assert.ok(shown.includes(`${value["x-death"][0].count} × ${life.reason} in ${life.queue}, where it had come by way of ${by} with key`), "it did not go there after it had died");
    assert.ok(!shown.includes("None were set"));
    const others = (message) => (message === +to ? [] : scene.framesOfMessage(message));
    const unseen = Object.create(scene, { framesOfMessage: { value: others } });
    const worked = stage.propertiesOfMessage({ ...view, scene: unseen }, +to);
    assert.deepEqual([from === "later" || from === "worked out", worked.from], [true, "worked out"]);
    assert.equal(asText(worked.rows), asText(rows));
  }
});

test("a message has a line for each copy, with its fate", () => {
  everyStep(3, (view) => {
    for (const key of view.state.of("message")) {
      const { where } = view.state.get(key);
      const drawn = text(flat({ ...view, selection: { kind: "message", id: +key.split("/")[1] } }));
      for (const queue of Object.keys(where)) assert.ok(drawn.includes(`data-kind="copy" data-id="${queue}"`), `${key} in ${queue}`);
    }
  });
});

test("a dead letter tells its lives, each a jump to the record of a death", () => {
  for (const [to, life] of Object.entries(scene.lives ?? {})) {
    const drawn = text(flat(picked(scene.n - 1, { kind: "message", id: +to })));
    assert.ok(drawn.includes(`data-jump="${life.seq}"`));
    assert.equal(scene.kindOf(life.seq), "DeadLettered");
    assert.ok(text(flat(picked(scene.n - 1, { kind: "message", id: life.message }))).includes(`data-jump="${life.seq}"`));
    if (life.seq > 0) assert.ok(!text(flat(picked(life.seq - 1, { kind: "message", id: life.message }))).includes(`data-jump="${life.seq}"`));
  }
});

test("at every Routed each binding that was asked is there, with its verdict and its words", () => {
  for (const [seq, checked] of Object.entries(scene.routes)) {
    assert.equal(scene.kindOf(+seq), "Routed");
    const player = new stage.Player(scene, { zoom: 3 });
    player.jump(+seq);
    const shown = text(flat(player.view()));
    for (const [key, matched, parts] of checked.slice(0, 40)) {
      const at = shown.indexOf(`data-id="${stage.toMarkup(key)}"`);
      assert.ok(at > 0, key);
      const item = shown.slice(shown.lastIndexOf("<li", at), shown.indexOf("</li>", at));
      assert.ok(item.includes(`data-state="${matched ? "matched" : "failed"}"`));
      const signs = (item.match(/class="word (fits|differs)"/g) ?? []).map((sign) => sign.includes("fits"));
      assert.deepEqual(signs, parts.map(([, , ok]) => ok));
      for (const [wanted, found] of parts) assert.ok(item.includes(stage.toMarkup(wanted || "–")) && item.includes(stage.toMarkup(found || "–")));
    }
  }
});

test("a binding key is called so, and a pattern only where words may stand for others", () => {
  for (const [seq, checked] of Object.entries(scene.routes ?? {})) {
    const { state } = picked(+seq, { kind: "entity", id: `host/${scene.broker}` });
    const exchangeOf = (key) => `exchange/${key.split("/").slice(1, 3).join("/")}`;
    const types = new Set(checked.filter(([, , parts]) => parts.length).map(([key]) => state.get(exchangeOf(key))?.type ?? "direct"));
    const shown = words(stage.drawRoutes({ scene, state }, +seq));
    assert.equal(shown.includes("pattern"), types.has("topic"), `record ${seq}`);
    if (types.has("direct")) assert.ok(shown.includes("binding key"), `record ${seq}`);
  }
});

test("an answer that goes straight to who asked has no binding, and is not said to go nowhere", () => {
  const routed = (exchange, routing_key) =>
    words(stage.drawRoutes({ scene: { routes: { 5: [] }, subjectOf: () => ({ message: 1 }) }, state: new Map([["message/1", { exchange, routing_key }]]) }, 5));
  assert.match(routed("", "amq.rabbitmq.reply-to.g1iel.x"), /address of the channel/);
  assert.match(routed("other", "amq.rabbitmq.reply-to.g1iel.x"), /goes nowhere/);
  assert.match(stage.PROPERTY_MEANINGS["reply-to"]("amq.rabbitmq.reply-to"), /no queue/);
});

test("every word of a pattern has a reason", () => {
  for (const [word, reason] of [
    [["*", "orange", true], "exactly one word"],
    [["*", "", false], "there is none"],
    [["#", "a.b", true], "any number of words: here 2"],
    [["#", "", true], "no word"],
    [["lazy", "quick", false], "lazy is not quick"],
    [["lazy", "lazy", true], "the same word"],
    [["", "rabbit", false], "nothing in the binding key"],
    [["rabbit", "", false], "no such word in the routing key"],
  ])
    assert.ok(stage.reasonOf(word).includes(reason), stage.reasonOf(word));
  assert.equal(stage.reasonOf(["a=1", "", false], "headers"), "the message has no such header");
});

test("bits are spelled out, and what is not on the wire is in brackets", () => {
  assert.equal(stage.valueWords({ start: 1, end: 2, value: true, meaning: ".... ...1" }), "1 set");
  assert.equal(stage.valueWords({ start: 1, end: 2, value: false, meaning: "0..." }), "0 not set");
  assert.equal(stage.valueWords({ start: 1, end: 2, value: true, meaning: "bool" }), "true");
  assert.equal(stage.valueWords({ start: 4, end: 4, value: 7 }), "[7]");
  assert.equal(stage.valueWords({ start: 4, end: 5, value: 0 }), "0");
  assert.equal(stage.valueWords({ start: 4, end: 5, value: null }), "");
});

test("the bytes of a field that is looked at are shown", () => {
  const frame = scene.frames.find(({ type }) => type === 1);
  if (!frame) return;
  const spans = stage.flatten(scene.spans[frame.spans], frame.size);
  for (const { i, start, end } of spans) {
    const view = { ...picked(scene.n - 1, { kind: "frame", id: frame.id }), hot: i };
    if (end > start) assert.ok(/class="b [^"]*hot[^"]*"/.test(text(flat(view, 400))), `field ${i} at ${start}`);
  }
});

test("a header may be called type, value or length, and is not lost", () => {
  const entry = (name, value) => [0, 9, name, value, "longstr", [[0, 1, "name length", 4, "", []], [1, 5, "name", name, "", []], [5, 6, "type", "S", "", []], [6, 9, "value", value, "", []]]];
  const table = [0, 40, "headers", null, "table of 3 entries", [[0, 4, "length", 36, "", []], entry("type", "letter"), entry("value", "x"), entry("length", "9")]];
  assert.deepEqual(stage.plainValue(table), { type: "letter", value: "x", length: "9" });
});

test("looking at a byte moves the list of fields inside its own box, and nothing else", () => {
  const at = (top, bottom) => ({ getBoundingClientRect: () => ({ top, bottom }) });
  const box = { scrollTop: 50, ...at(100, 200) };
  stage.keepInSight(box, at(250, 270));
  assert.equal(box.scrollTop, 120);
  stage.keepInSight(box, at(80, 95));
  assert.equal(box.scrollTop, 100);
  stage.keepInSight(box, at(120, 140));
  assert.equal(box.scrollTop, 100);
  stage.keepInSight(null, null);
});

test("a heartbeat timeout is called a timeout, with how often something is sent in it", () => {
  assert.match(stage.beats(60), /^timeout of 60 s: each end sends something every 30 s, .* after two silent timeouts in a row$/);
  assert.equal(stage.beats(0), "none");
});

test("the table of consumers says whose turn it is, where a queue gives to one at a time", () => {
  const player = new stage.Player(scene, { zoom: 3 });
  for (const seq of scene.steps[3].filter((_, i) => i % Math.ceil(scene.steps[3].length / 16) === 0)) {
    player.arrive(seq);
    const view = player.view();
    const turns = view.state.of("consumer").map((key) => view.state.get(key).active).filter((active) => active !== null);
    const markup = stage.tables(view).map(stage.toMarkup).join("");
    for (const [word, wanted] of [["active", true], ["waits", false]])
      assert.equal([...markup.matchAll(new RegExp(`<td[^>]*>${word}</td>`, "g"))].length, turns.filter((active) => active === wanted).length, `${word} at record ${view.seq}`);
  }
});

test("no name is broken in two: a line ends after a sign", () => {
  const call = "channel.queue_declare(queue='app', durable=True)";
  const parts = stage.breakable(call).filter((part) => typeof part === "string");
  assert.equal(parts.join(""), call);
  assert.ok(parts.includes("queue='app',"), parts.join("|"));
  for (const part of parts.slice(0, -1)) assert.match(part, /[(,./:_-]$|^\s+$|^\S{1,16}$/);
  assert.deepEqual(stage.breakable("a short one"), ["a", " ", "short", " ", "one"]);
});

test("an alarm that is not raised is not missing: the broker has enough", () => {
  const view = picked(scene.n - 1, { kind: "entity", id: "alarm/memory" });
  if (!view.state.has("alarm/memory")) assert.ok(words(flat(view, 400)).includes("the broker has enough memory"));
});

test("where the readers of a stream hold messages, it is said beside its Unacked 0", () => {
  const player = new stage.Player(scene, { zoom: 3 });
  for (const seq of scene.steps[3].filter((at, i) => at >= 0 && i % Math.ceil(scene.steps[3].length / 24) === 0)) {
    player.arrive(seq);
    const { state } = player.view();
    for (const key of state.of("queue").filter((one) => stage.isStream(state.get(one)))) {
      const [, name] = /([^/]*)$/.exec(key);
      const readers = state.of("consumer").filter((one) => state.get(one).queue === name);
      const held = state.of("token").filter((one) => readers.includes(state.get(one).target) && state.get(one).state !== "done").length;
      const said = String(stage.unackedWords(state, state.get(key), key));
      assert.equal(said, held ? `0, for a stream counts none; its readers have yet to acknowledge ${held}` : "0");
      assert.ok(!held || stage.tables(player.view()).map(stage.toMarkup).join("").includes(`(${held} given out)`));
    }
  }
});

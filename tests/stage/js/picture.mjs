// The picture is true: nothing raises, nothing is drawn twice or nowhere, nothing arrives that did not arrive.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = stage.decode(readFileSync(process.env.SCENE, "utf8"));
const zooms = [...stage.ZOOMS.keys()];
const ENOUGH = 200;

/** Views at every record of a short scene, and at some of a long one: others at each zoom. */
const views = function* (every = Math.ceil(scene.n / ENOUGH)) {
  for (const zoom of zooms)
    for (const orientation of ["wide", "tall"]) {
      const player = new stage.Player(scene, { zoom, at: -1 });
      for (let seq = -1 + (zoom % every); seq < scene.n; seq += every) {
        player.arrive(seq);
        yield player.view(orientation);
      }
    }
};
const where = ({ zoom, seq }) => `zoom ${zoom}, record ${seq}: ${scene.sentences[seq]}`;

test("what a drawing refers to is its own, also with many stages on one page", () => {
  const player = new stage.Player(scene, { zoom: 3, at: scene.n - 1 });
  for (const uid of ["one", "two"]) {
    const view = { ...player.view("wide"), uid };
    const markup = stage.picture(view, stage.standing(view)).map(stage.toMarkup).join("");
    const names = [...markup.matchAll(/ id="([^"]*)"|url\(#([^)]*)\)/g)].map(([, id, reference]) => id ?? reference);
    assert.ok(names.length > 2 && names.every((name) => name.startsWith(`${uid}-`)), names.join());
  }
});

test("nothing raises, and every mark has a place and a name of its own", () => {
  for (const view of views(Math.ceil(scene.n / 1000))) {
    const marks = stage.marks(view);
    const keys = new Set();
    for (const mark of marks) {
      assert.ok(Number.isFinite(mark.x) && Number.isFinite(mark.y), `${mark.key}, ${where(view)}`);
      assert.ok(mark.said, mark.key);
      assert.ok(!keys.has(mark.key), `${mark.key} twice, ${where(view)}`);
      keys.add(mark.key);
    }
  }
});

test("of a segment under way, and of an alarm that has blocked nobody yet, nothing is said that comes later", () => {
  const player = new stage.Player(scene, { zoom: 0 });
  for (const s of scene.segments.filter(({ lost_seq }) => lost_seq !== null).slice(0, 100))
    for (const seq of [s.sent, s.lost_seq - 1, s.lost_seq]) {
      player.jump(seq);
      const view = player.view("wide");
      const mark = stage.marks(view).find(({ kind, id }) => kind === "segment" && id === String(s.n));
      if (!mark || s.sent > seq) continue;
      assert.equal(mark.said.endsWith(`: ${s.lost}`), seq >= s.lost_seq, mark.said);
    }
  for (let seq = 0; seq < scene.n; seq++) {
    if (scene.kindOf(seq) !== "AlarmChanged") continue;
    player.jump(seq);
    for (const { said } of stage.marks(player.view("wide")).filter(({ kind }) => kind === "alarm"))
      assert.match(said, /: who publishes is blocked$/);
  }
});

test("what is drawn carries its mark's handles, and no thing that can be picked stands in another", () => {
  for (const view of views(Math.ceil(scene.n / 80))) {
    const marks = stage.marks(view);
    const drawn = [...stage.picture(view, stage.standing(view)), stage.movingLayer(view, stage.movable(view))];
    const found = [];
    const visit = (element, inside) => {
      if (typeof element !== "object") return;
      const isThing = element.props["data-kind"] !== undefined;
      assert.ok(!(isThing && inside), `a ${element.props["data-kind"]} stands in a ${inside}`);
      if (isThing) found.push([element.props["data-kind"], element.props["data-id"], element.props["data-place"] ?? "", element.props["data-state"] ?? ""]);
      for (const kid of element.kids) visit(kid, isThing ? element.props["data-kind"] : inside);
    };
    for (const layer of drawn) visit(layer, "");
    const wanted = marks.map(({ kind, id, place, state }) => [kind, id, place, state]);
    assert.deepEqual(found.map(String).sort(), wanted.map(String).sort());
  }
});

test("every token is drawn once, or is counted where there is no room; nothing else is a message on its way", () => {
  for (const view of views()) {
    const marks = stage.marks(view);
    const tokens = view.state.of("token");
    const drawn = marks.filter(({ kind, key }) => kind === "message" && key.startsWith("token/")).map(({ key }) => key);
    for (const key of drawn) assert.ok(tokens.includes(key), key);
    const left = tokens.filter((key) => !drawn.includes(key));
    const counted = marks.filter(({ kind, state }) => kind === "more" && /held|link|lost/.test(state));
    assert.ok(!left.length || counted.length, `${left}, ${where(view)}`);
  }
});

test("what is drawn in a queue's two lines and what is counted there are its Ready and Unacked", () => {
  for (const view of views()) {
    const marks = stage.movable(view);
    for (const key of view.state.of("queue")) {
      const queue = view.state.get(key);
      const name = stage.nameOf(key);
      const inLine = (line, end) => {
        const told = marks.filter((mark) => mark.kind === "message" && mark.place === `queue:${name}:${end}`).length;
        const more = marks.filter((mark) => mark.key === `more ${key} ${line}`);
        return told + more.reduce((sum, { said }) => sum + parseInt(said, 10), 0);
      };
      if (!view.layout.nodes[key]) continue;
      assert.equal(inLine("ready", "ready"), queue.ready_count, where(view));
      assert.equal(inLine("unacked", "ghost"), queue.unacked_count, where(view));
    }
  }
});

test("the subject is on the picture", () => {
  for (const view of views()) {
    if (view.seq < 0) continue;
    const subjects = stage.marks(view).filter(({ subject }) => subject);
    assert.ok(subjects.length, where(view));
    const { frame, segment, command } = view.subject;
    const { frames, received } = scene.commands[command] ?? { frames: [], received: null };
    const isMessage = frames.length > 1 && received !== null && received <= view.seq; // then that is seen, where it is
    if (view.zoom <= 1 && frame !== undefined && !isMessage)
      assert.ok(subjects.some(({ kind }) => kind === "frame" || kind === "part"), `its frame, ${where(view)}`);
    if (view.zoom === 0 && segment !== undefined)
      assert.ok(subjects.some(({ kind }) => kind === "segment"), `its segment, ${where(view)}`);
  }
});

test("nothing arrives that did not arrive: a frame is at the far door only when all of it is there", () => {
  const at = (seq) => scene.timeOf(seq);
  for (const f of scene.frames) {
    const last = scene.lastCarriers(f);
    for (let seq = f.sent ?? 0; seq < Math.min(scene.n, (f.received ?? scene.n) + 2); seq++) {
      const { p, state } = stage.rideOfFrame(scene, f, seq, at(seq));
      const hasArrived = last.some((s) => s.lost_seq === null && s.arrived !== null && s.arrived <= seq);
      assert.equal(state === "arrived", hasArrived || (f.received !== null && f.received <= seq));
      if (state === "lost") assert.equal(p, stage.lostAt(last.find((s) => s.lost_seq !== null)));
      if (state === "waiting") assert.equal(p, 0);
      assert.ok(p >= 0 && p <= 1);
    }
  }
});

test("what finds a machine without power has come there; anything else is lost half way", () => {
  const lost = (reason) => stage.rideOfSegment({ lost: reason, lost_seq: 5, lost_at: 9, departs: 1, arrives: 9, arrived: null }, 5, 9).p;
  assert.deepEqual(["the machine is off", "loss", "the link is cut"].map(lost), [1, 0.5, 0.5]);
});

test("what is lost in the very moment in which it is sent is lost half way, too", () => {
  const { p, state } = stage.rideOfSegment({ lost: "the link is cut", lost_seq: 5, lost_at: 1, departs: 1, arrives: 9, arrived: null }, 5, 1);
  assert.deepEqual([p, state], [0.5, "lost"]);
});

test("a segment stands at its end at the record that tells of its end; a lost one half way", () => {
  for (const s of scene.segments) {
    const end = stage.endOfSegment(s);
    if (end === Infinity) continue;
    const { p, state } = stage.rideOfSegment(s, end, scene.timeOf(end));
    assert.equal(p, s.lost_seq === null ? 1 : stage.lostAt(s), `segment ${s.n}`);
    assert.equal(state, s.lost_seq !== null ? "lost" : s.discarded ? "discarded" : "arrived");
    let before = 0;
    for (let seq = s.sent; seq <= end; seq++) {
      const here = stage.progressOf(s, scene.timeOf(seq));
      assert.ok(here >= before);
      before = here;
    }
  }
});

/** A name that the broker made up is told by its end. */
const GENERATED = /^amq\.gen-[\w-]{16}([\w-]{6})$/;

test("the story lights every way that its sentence tells of, and no other", () => {
  const player = new stage.Player(scene, { zoom: stage.STORY, at: -1 });
  for (const [last, , sentence] of scene.story) {
    const named = /goes through .* to (?:queue|the queues) (.*)\.$/.exec(sentence);
    if (!named || scene.kindOf(last) !== "Enqueued" || sentence.includes("now stands in")) continue;
    player.jump(last);
    const view = player.view("wide");
    const ends = [...stage.usedEdges(view)].map((key) => view.layout.edges[key].target).filter((key) => key.startsWith("queue/"));
    const isNamed = (name) => named[1].includes(`'${name.replace(GENERATED, "amq.gen-…$1")}'`);
    const drawn = Object.keys(view.layout.nodes).map(stage.nameOf).filter(isNamed);
    for (const name of drawn) assert.ok(ends.some((key) => stage.nameOf(key) === name), `${sentence}: ${ends}`);
    for (const key of ends) assert.ok(isNamed(stage.nameOf(key)), `${sentence}: ${key}`);
  }
});

test("a connection has the name that its client gave it, and where there is little room, the beginning of it", () => {
  const player = new stage.Player(scene, { zoom: 3, at: scene.n - 1 });
  const view = player.view("wide");
  const mark = stage.marks(player.view("wide")).find(({ kind }) => kind === "connection");
  if (!mark) return;
  const state = view.state.copy();
  const key = `connection/${mark.name}`;
  state.set(key, { ...state.get(key), client_name: "orders of the shop", state: "open", blocked: null });
  const named = stage.standing({ ...view, state }).find(({ kind, name }) => kind === "connection" && name === mark.name);
  assert.equal(named.label, "orders of the shop");
  const words = (pipe) => stage.toMarkup(stage.drawConnection(view, { ...named, pipe })).replace(/<[^>]*>/g, "");
  assert.ok(words({ ...mark.pipe, x1: mark.pipe.x0 + 400, words: { ...mark.pipe.words, room: 400 } }).includes("orders of the shop · open"));
  assert.ok(!words({ ...mark.pipe, x1: mark.pipe.x0 + 90 }).includes("orders of the shop"));
});

test("what is written over a connection never reaches into its server", () => {
  const view = new stage.Player(scene, { zoom: 3, at: scene.n - 1 }).view("wide");
  for (const mark of stage.standing(view).filter(({ kind }) => kind === "connection"))
    for (const state of ["open", "SYN-SENT", "ESTABLISHED", "authenticated", "blocked"])
      for (const length of [80, 102, 184, 300]) {
        const ahead = Math.sign(mark.pipe.x1 - mark.pipe.x0);
        const words = { ...mark.pipe.words, x: mark.pipe.x1 - (ahead * length) / 2, room: length };
        const pipe = { ...mark.pipe, x0: mark.pipe.x1 - ahead * length, words };
        const [text] = stage.drawConnection(view, { ...mark, state, pipe }).kids.filter(({ tag }) => tag === "text");
        const said = text.kids.map((kid) => kid.kids?.join("") ?? kid).join("");
        const end = text.props.x + (ahead * stage.widthOf(said, 11)) / 2;
        assert.ok(ahead * (pipe.x1 - end) >= 0, `${said} ends at ${end}, the server begins at ${pipe.x1}`);
        assert.ok(said.includes(state), said);
      }
});

test("things ride in the lane that bears their channel's name", () => {
  const elements = (drawn) => [drawn, ...drawn.kids.filter((kid) => typeof kid === "object").flatMap(elements)];
  for (const view of views(Math.ceil(scene.n / 40))) {
    const isWide = view.layout.orientation === "wide";
    for (const mark of stage.marks(view).filter(({ kind, shown }) => kind === "channel" && shown)) {
      const beds = elements(stage.drawChannel(view, mark)).filter(({ tag }) => tag === "rect");
      for (const [i, up] of [true, false].entries()) {
        const { x, y, width, height } = beds[i].props;
        const at = stage.lanePoint(scene.geometry, mark.pipe, isWide, up, mark.number, 0.5);
        assert.ok(at.x > x && at.x < x + width && at.y > y && at.y < y + height, `${mark.key} ${up}, ${where(view)}`);
      }
    }
  }
});

test("acknowledgements on a link stand beside each other while there is room", () => {
  for (const view of views()) {
    if (view.zoom < 3 || view.layout.orientation !== "wide") continue;
    const riders = stage.marks(view).filter(({ kind, place }) => /signal|message/.test(kind) && place.startsWith("link:"));
    const breadth = ({ kind, label }) => (kind === "signal" ? stage.signalWidth(label) : scene.geometry.message_w);
    for (const a of riders)
      for (const b of riders)
        if (a.y === b.y && a.x < b.x && a.conn === b.conn)
          assert.ok(b.x - a.x >= (breadth(a) + breadth(b)) / 2, `${a.key} on ${b.key}, ${where(view)}`);
  }
});

test("captions of segments that are near each other, or near an end of their link, do not merge", () => {
  let most = 0;
  for (const view of views()) {
    if (view.zoom || view.layout.orientation !== "wide") continue;
    const written = stage.marks(view).filter(({ kind, caption }) => kind === "segment" && caption).map((mark) => {
      const { props, kids } = stage.drawSegment(view, mark).kids.find((kid) => /caption/.test(kid?.props?.class));
      return { key: mark.key, x: mark.x + props.x, y: mark.y + props.y, half: stage.widthOf(kids.join(""), 11) / 2 };
    });
    most = Math.max(most, written.length);
    for (const a of written)
      for (const b of written)
        if (a.key < b.key && a.y === b.y) assert.ok(Math.abs(a.x - b.x) >= a.half + b.half + 2, `${a.key}, ${b.key}: ${where(view)}`);
  }
  assert.ok(most || !scene.segments.length);
});

test("the names of a stream's readers stand below its numbers, free of its name and of each other", () => {
  for (const w of [130, 200, 300]) {
    const node = { x: 500, y: 100, w, h: 40, more: { x: 500, y: 136, anchor: "middle" } };
    const places = [0, 1, 2, 3].map((row) => {
      const label = "a_reader_with_a_long_name";
      const mark = { kind: "cursor", key: `c${row}`, node, row, names: [label, label, label, label], x: 480, y: 112, label, state: "" };
      const { props, kids } = stage.drawCursor({}, mark).kids.find(({ tag }) => tag === "text");
      return { x: 480 + props.x, y: 112 + props.y, end: 480 + props.x + 6 * kids[0].length };
    });
    for (const [i, { x, y, end }] of places.entries()) {
      assert.ok(y >= node.more.y + 14 && x >= node.x - w / 2 && end <= node.x + w / 2 + 8, `${w} ${i}`);
      assert.ok(places.every((other, j) => j <= i || other.y >= y + 12 || other.x >= end), `${w} ${i}`);
    }
  }
});

test("two readers of a stream are named whole where nothing stands beside their queue", () => {
  const names = ["from_the_start", "from_four_on"];
  const node = { x: 500, y: 100, w: 184, h: 40, more: { x: 500, y: 136, anchor: "middle" } };
  const layout = { broker: { x: 218, w: 420 }, nodes: { exchange: { x: 308, y: 100, w: 56 } } };
  const ends = names.map((label, row) => {
    const mark = { kind: "cursor", key: label, node, row, names, x: 480, y: 112, label, state: "" };
    const { props, kids } = stage.drawCursor({ layout }, mark).kids.find(({ tag }) => tag === "text");
    const said = kids[0] + (kids[1]?.kids[0] ?? "");
    assert.equal(said, label);
    return [480 + props.x, 480 + props.x + stage.widthOf(said, 11)];
  });
  assert.ok(ends[0][1] < ends[1][0] - 14 && ends[0][0] > 370 && ends[1][1] < 630, ends.join());
});

test("the name of a lane stands at its other end while something stands where it was", () => {
  for (const view of views(Math.ceil(scene.n / 40))) {
    const riders = stage.movable(view);
    const bare = stage.picture(view, stage.standing(view)).map(stage.toMarkup).join("");
    const drawn = stage.picture(view, stage.standing(view), undefined, riders).map(stage.toMarkup).join("");
    const names = (markup) => markup.split("lane-name").length;
    assert.equal(names(drawn), names(bare), where(view));
    for (const channel of stage.standing(view).filter(({ kind }) => kind === "channel")) {
      const turned = stage.turnedNames(view, channel, riders);
      assert.ok(!turned || riders.some(({ x, y }) => Math.hypot(x - channel.x, y - channel.y) < 200), where(view));
      assert.equal(stage.turnedNames(view, channel, []), "");
    }
  }
});

test("a lost segment shows its frames, and they stand at the × until another one carries them", () => {
  const lost = scene.segments.filter((s) => s.lost_seq !== null && s.end > s.start && s.frames.length);
  const player = new stage.Player(scene, { zoom: 0, at: -1 });
  for (const s of lost) {
    player.arrive(s.lost_seq);
    const marks = stage.movable(player.view());
    const slab = marks.find((mark) => mark.key === `segment ${s.n}`);
    assert.equal(slab?.state, "lost");
    assert.ok(marks.some((mark) => (mark.kind === "frame" || mark.kind === "part") && mark.s === s));
  }
});

test("on a link the number of a message is written once, and only on what carries it", () => {
  for (const view of views()) {
    if (view.zoom > 1) continue;
    const marks = stage.marks(view);
    const frames = marks.filter(({ kind }) => kind === "frame" || kind === "part" || kind === "more");
    for (const badge of marks.filter((mark) => mark.badge && !mark.covered))
      for (const mark of frames) {
        const isOn = Math.abs(mark.x - badge.x) < 9 && Math.abs(mark.y - badge.y) < 9.5;
        assert.ok(!isOn || (mark.f?.command === badge.command && !mark.group), `${badge.key} on ${mark.key}, ${where(view)}`);
      }
  }
});

/** Of what was lost, or may be, another copy has left since: it has not moved, it begins anew, or is back at once. */
function isSentAgain(mark, from, to) {
  const command = mark.c ?? (mark.conn === undefined ? undefined : scene.commands[mark.command]);
  const frame = mark.kind === "frame" ? mark.f : command && scene.frames[command.frames.at(-1)];
  if (!frame) return false;
  const [early, late] = [Math.min(from, to), Math.max(from, to)];
  const rides = scene.lastCarriers(frame);
  return rides.some((s) => s.sent <= early && !(s.lost_seq === null && s.arrived !== null && s.arrived <= late)) && rides.some((s) => s.sent > early && s.sent <= late);
}

/** How far from the sender's end of its link a mark is, along the link. */
function fromSender(view, { x }, conn, up) {
  const pipe = view.layout.pipes[conn];
  const along = (p) => stage.lanePoint(scene.geometry, pipe, true, up, 0, p, scene.geometry.mouth);
  return Math.abs(x - along(0).x) / Math.abs(along(1).x - along(0).x);
}

test("what is lost and sent again does not slide back: it begins anew at its sender, and goes forward only", () => {
  let found = 0;
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    let shown = stage.movable(player.view("wide"));
    for (let step = 0; step < Math.min(player.last, 400); step++) {
      player.move(1, true);
      const view = player.view("wide");
      const rest = stage.movable(view);
      const plan = player.motion && stage.planMotion(view, shown, rest, player.motion.trail, player.motion.from);
      for (const was of plan ? shown : []) {
        if (!isSentAgain(was, player.motion.from, view.seq)) continue;
        const { conn, up } = was.c ?? was.f ?? was;
        const seen = [0, 0.2, 0.4, 0.6, 0.8].map((t) => plan.at(t).find(({ key }) => key === was.key)).filter(Boolean);
        const ways = seen.filter(({ place }) => place === was.place).map((mark) => fromSender(view, mark, conn, up));
        if (seen.length === 5) assert.ok(ways[0] < 0.3, `${was.key} begins at ${ways[0]}, ${where(view)}`);
        ways.forEach((way, i) => assert.ok(!i || way >= ways[i - 1] - 0.01, `${was.key} goes back, ${where(view)}`));
        for (const { state } of seen) assert.notEqual(state, "lost", `${was.key}, ${where(view)}`);
        found++;
      }
      shown = rest;
    }
  }
  assert.ok(found || !process.env.AGAIN, "nothing that is drawn is sent again");
});

test("motion begins where things were, ends exactly at the picture at rest, and takes its time but no more", () => {
  for (const zoom of zooms) {
    const player = new stage.Player(scene, { zoom, at: -1 });
    let shown = stage.movable(player.view());
    const steps = Math.min(player.last, 120);
    for (const by of [...Array(steps).fill(1), ...Array(Math.min(steps, 40)).fill(-1)]) {
      player.move(by, true);
      const view = player.view();
      const rest = stage.movable(view);
      const plan = player.motion && stage.planMotion(view, shown, rest, player.motion.trail, player.motion.from);
      if (plan) {
        assert.ok(plan.ms > 0 && plan.ms <= 1200);
        assert.equal(plan.at(1), rest);
        const was = new Map(shown.map((mark) => [mark.key, mark]));
        const begins = plan.at(0);
        for (const mark of begins)
          if (was.has(mark.key) && !isSentAgain(mark, player.motion.from, view.seq)) assert.ok(Math.hypot(mark.x - was.get(mark.key).x, mark.y - was.get(mark.key).y) < 1, `${mark.key}, ${where(view)}`);
        for (const t of [0.2, 0.5, 0.8])
          for (const mark of plan.at(t)) assert.ok(Number.isFinite(mark.x) && Number.isFinite(mark.y), mark.key);
        const ends = new Map(plan.at(1 - 1e-9).map((mark) => [mark.key, mark]));
        for (const mark of rest) {
          const end = ends.get(mark.key);
          assert.ok(end && Math.hypot(end.x - mark.x, end.y - mark.y) < 1, `${mark.key}, ${where(view)}`);
        }
      }
      shown = rest;
    }
  }
});

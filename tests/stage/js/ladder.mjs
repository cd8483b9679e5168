// The ladder tells the truth: nothing arrives that did not arrive, time runs down, what is shown is in sight.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";

const stage = await import(process.env.STAGE);
const scene = await stage.decode(readFileSync(process.env.SCENE, "utf8"));
const zooms = [...scene.steps.keys()];
const WIDTH = 440;
const SIZE = 11.5; // px, of its letters
const STRIDE = Math.max(1, Math.floor(scene.n / 300));

const things = [
  ...scene.segments.map((item) => ["segment", item]),
  ...scene.frames.map((item) => ["frame", item]),
  ...scene.commands.map((item) => ["command", item]),
];
const markup = (elements) => elements.map(stage.toMarkup).join("");

function viewAt(zoom, seq) {
  const player = new stage.Player(scene, { zoom });
  player.jump(seq);
  return player.view();
}

/** All elements of a drawing with a class. */
function withClass(drawn, name, found = []) {
  for (const v of drawn) {
    if (typeof v !== "object") continue;
    if (String(v.props.class ?? "").split(" ").includes(name)) found.push(v);
    withClass(v.kids, name, found);
  }
  return found;
}

/** What crosses, by what kind it is and its number. */
const ITEM = { segment: (id) => scene.segmentByNumber.get(+id), frame: (id) => scene.frames[id], command: (id) => scene.commands[id] };

const textsWith = (row, name) => withClass([row], name).filter(({ tag }) => tag === "text");

test("what was done from outside stands at whom it was done to", () => {
  for (let seq = 0; seq < scene.n; seq++) {
    if (scene.kindOf(seq) !== "Intervened") continue;
    const [target] = scene.subjectOf(seq).keys.filter((key) => key.startsWith("host/")).map(stage.nameOf);
    if (scene.hosts.includes(target)) assert.equal(stage.hostOf(scene, seq), target);
  }
});

test("a row for each step, each lower than the one before, and every record between its neighbours", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    assert.deepEqual([...plan.seqs], [...scene.steps[zoom]].slice(1));
    assert.ok(plan.ys.every((y, k) => k === 0 || y > plan.ys[k - 1]));
    plan.seqs.forEach((seq, k) => assert.equal(plan.yOf(seq), plan.ys[k]));
    for (let seq = 0; seq < scene.n; seq++) assert.ok(plan.yOf(seq) >= plan.yOf(seq - 1), `zoom ${zoom}, record ${seq}`);
  }
});

test("a visited record has a row of its own between its neighbours, with room", () => {
  for (const zoom of zooms) {
    const plain = stage.ladderPlan(scene, zoom);
    for (let seq = 0; seq < scene.n; seq += STRIDE) {
      if (plain.seqs.includes(seq)) continue;
      const plan = plain.visiting(seq);
      const { k, y } = plan.visit;
      assert.equal(plan.yOf(seq), y);
      if (k >= 0) assert.ok(y - plan.yOfRow(k) >= 12, `zoom ${zoom}, record ${seq}`);
      if (k + 1 < plan.count) assert.ok(plan.yOfRow(k + 1) - y >= 9, `zoom ${zoom}, record ${seq}`);
      for (let other = Math.max(0, seq - 5); other < Math.min(scene.n, seq + 5); other++)
        assert.ok(plan.yOf(other) >= plan.yOf(other - 1), `zoom ${zoom}, visit ${seq}, record ${other}`);
    }
  }
});

test("a way ends as the record says: it arrives only where something arrived", () => {
  for (const [kind, item] of things) {
    const ways = stage.waysOf(scene, item);
    assert.ok(ways.length, `${kind} without a way`);
    const end = kind === "segment" ? item.arrived : item.received;
    const arrived = ways.filter(({ outcome }) => outcome === "arrived");
    const taken = end !== null && !(kind === "segment" && (item.discarded || item.lost_seq !== null));
    assert.equal(arrived.length, taken ? 1 : 0, `${kind} ${JSON.stringify(ways)}`);
    if (taken) assert.equal(arrived[0].read ?? arrived[0].to, end);
    for (const way of ways) {
      if (way.outcome === "lost") assert.ok((way.p < 1 || way.reason === "the machine is off") && way.reason, JSON.stringify(way));
      if (["cut off", "waiting"].includes(way.outcome)) assert.ok(way.p < 1, JSON.stringify(way));
      assert.ok(way.to >= way.from, JSON.stringify(way));
      assert.ok(way.share >= 0 && way.share <= 1);
    }
    assert.ok(ways.slice(1).every(({ again, outcome }) => again || outcome === "arrived"));
  }
});

test("every lost segment of a frame is a way of its own, and what brought it in the end is marked again", () => {
  for (const f of scene.frames) {
    const lost = scene.lastCarriers(f).filter((s) => s.lost_seq !== null && (f.received === null || s.sent < f.received));
    const ways = stage.waysOf(scene, f);
    assert.equal(ways.filter(({ outcome }) => outcome === "lost").length, lost.length);
    if (lost.length && f.received !== null) assert.ok(ways.at(-1).again);
  }
});

test("the head of an arrow is drawn only where a way ends in one, a cross only where it was lost", () => {
  const pointed = ["arrived", "unread", "sent"];
  for (const zoom of zooms.slice(0, 3))
    for (const band of stage.bandsBetween(scene, zoom, 0, scene.n - 1)) {
      const place = [100, 300, (seq) => seq * 10, { top: -1e9, bottom: 1e9 }];
      const drawn = [stage.drawBand, stage.wordsOfBand].map((draw) => draw(viewAt(zoom, scene.n - 1), band, ...place)).filter(Boolean);
      const count = (outcomes) => band.legs.filter(({ outcome }) => outcomes.includes(outcome)).length;
      assert.equal(withClass(drawn, "tip").length, count(pointed));
      assert.equal(withClass(drawn, "cross").length, count(["lost"]));
      assert.equal(withClass(drawn, "again").filter(({ tag }) => tag === "text").length, band.legs.filter(({ again }) => again).length);
    }
});

test("what crosses, crosses between the two hosts of its connection", () => {
  const { pipes } = scene.layouts.wide;
  for (const zoom of zooms)
    for (const { a, b, item } of stage.bandsBetween(scene, zoom, 0, scene.n - 1)) {
      assert.ok(scene.hosts.includes(a) && scene.hosts.includes(b) && a !== b);
      const pipe = pipes[item.conn];
      if (pipe) assert.deepEqual(item.up ? [a, b] : [b, a], [pipe.app, pipe.server]);
    }
});

test("at every step, and on every visit, exactly one row is marked as here, inside what is drawn", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    for (let seq = 0; seq < scene.n; seq += STRIDE) {
      const view = viewAt(zoom, seq);
      const own = view.visit ? plan.visiting(seq) : plan;
      const y = own.yOf(seq);
      const drawn = stage.drawLadder(view, own, WIDTH, Math.max(0, y - 150), y + 150);
      const here = withClass(drawn, "here");
      assert.equal(here.length, 1, `zoom ${zoom}, record ${seq}`);
      assert.equal(here[0].props["data-id"], seq);
    }
  }
});

test("words stay inside the ladder, whole or with their end cut and the whole in a title", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    for (const width of [300, WIDTH, 700]) {
      const part = stage.ladderPart(viewAt(zoom, scene.n - 1), plan, width, 0, plan.height);
      const { columns } = part;
      const drawn = stage.drawLadder(viewAt(zoom, scene.n - 1), plan, width, 0, Math.min(plan.height, 4000));
      for (const row of withClass(drawn, "rung")) {
        const title = row.kids.find(({ tag }) => tag === "title").kids[0];
        assert.ok(title, "a row without words");
        for (const name of ["note", "band-label"])
          for (const { props, kids } of textsWith(row, name)) {
            const length = stage.widthOf(String(kids[0]), SIZE);
            const [left, right] = props["text-anchor"] === "end" ? [props.x - length, props.x] : [props.x, props.x + length];
            assert.ok(left > -20 && right < columns.width + 8, `${kids[0]} at ${left}…${right} of ${columns.width}`);
          }
      }
    }
  }
});

test("labels stand in lines of their own", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    const drawn = stage.drawLadder(viewAt(zoom, scene.n - 1), plan, WIDTH, 0, plan.height);
    const heightOf = ({ props }) => +/translate\(0 (.*)\)/.exec(props.transform)[1];
    const baselines = withClass(drawn, "rung").map((row) => [...textsWith(row, "note"), ...textsWith(row, "band-label")].map(({ props }) => heightOf(row) + props.y)).filter((ys) => ys.length);
    baselines.forEach((ys, i) => i && assert.ok(Math.min(...ys) - Math.max(...baselines[i - 1]) >= 11, `zoom ${zoom}: ${baselines[i - 1]} ${ys}`));
  }
});

/** What happened between the two records of a break, and stands above it or below it. */
function besideItsTime(plan, gap) {
  const { y0, y1 } = plan.placed(gap);
  const within = Array.from({ length: gap.last - gap.first - 1 }, (_, i) => gap.first + 1 + i);
  return within.filter((seq) => plan.yOf(seq) < y0 || plan.yOf(seq) > y1);
}

test("a silence is a break with its length, and nothing happened in it; what happened in any other stands in it", () => {
  const { at } = scene.records;
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    const gaps = [...plan.seqs.slice(1)].map((seq, k) => at[seq] - at[plan.seqs[k]]);
    const some = [...gaps].filter((gap) => gap > 0).sort((a, b) => a - b);
    const usual = some[(some.length - 1) >> 1];
    gaps.forEach((gap, k) => {
      const found = plan.breakAfter(k);
      assert.equal(Boolean(found), gap > Math.max(20 * usual, 5e6), `zoom ${zoom}, row ${k}: ${gap}`);
      if (!found) return;
      const silent = found.words.endsWith("of silence");
      assert.deepEqual([found.first, found.last], silent ? [found.first, found.first + 1] : [plan.seqs[k], plan.seqs[k + 1]]);
      assert.deepEqual(besideItsTime(plan, found), []);
      assert.ok(found.y0 >= plan.ys[k] && found.y1 <= plan.ys[k + 1]);
      assert.ok(plan.yOf(found.first) <= found.y0 && plan.yOf(found.last) >= found.y1);
      if (silent) assert.ok(at[found.last] - at[found.first] >= 0.9 * gap);
    });
  }
});

test("a visit divides the time that goes by in a break: it is inside no break, nor is what happened before or after it", () => {
  for (const zoom of zooms) {
    const plain = stage.ladderPlan(scene, zoom);
    for (const { k, silent } of plain.breaks.slice(0, 20)) {
      const [from, to] = [plain.seqs[k], plain.seqs[k + 1]];
      for (let seq = from + 1; seq < to && !silent; seq += Math.ceil((to - from) / 20)) {
        const plan = plain.visiting(seq);
        const gap = plan.breakAfter(k);
        const { y0, y1 } = plan.placed(gap);
        assert.ok(plan.visit.y < y0 || plan.visit.y > y1, `zoom ${zoom}, visit ${seq}`);
        assert.ok(seq <= gap.first || seq >= gap.last, `zoom ${zoom}, visit ${seq}: ${gap.words}`);
        assert.deepEqual(besideItsTime(plan, gap), []);
        for (let other = from + 1; other <= to; other++) assert.ok(plan.yOf(other) >= plan.yOf(other - 1), `visit ${seq}, record ${other}`);
      }
    }
  }
});

test("no word of a row is cut while there is room for it up to the ladder's edge", () => {
  for (const zoom of zooms.slice(0, 4)) {
    const plan = stage.ladderPlan(scene, zoom);
    const view = new stage.Player(scene, { zoom, at: scene.n - 1 }).view("wide");
    const width = 440;
    const { left } = stage.columnsOf(scene.hosts, width);
    for (const rung of withClass(stage.drawLadder(view, plan, width, 0, 600), "rung"))
      for (const { props, kids } of [...textsWith(rung, "note"), ...textsWith(rung, "band-label")]) {
        if (!String(kids[0]).endsWith("…") || scene.hosts.length > 3) continue;
        const room = props["text-anchor"] === "end" ? props.x - left : width - props.x;
        assert.ok(stage.widthOf(`${kids[0]} m`, 1.1 * SIZE) > room - 13, `zoom ${zoom}: ${kids[0]} has ${room}`);
      }
  }
});

test("a sentence of the story stands beside the lifelines, over no arrow, and is cut only if all its lines are full", () => {
  for (const width of [300, WIDTH, 580, 900]) {
    const plan = stage.ladderPlan(scene, stage.STORY, width);
    for (const seq of [-1, ...plan.seqs.slice(0, 40)]) {
      const part = stage.ladderPart(viewAt(stage.STORY, seq), plan, width, 0, plan.height);
      assert.ok(scene.hosts.every((host) => part.columns.x(host) > part.columns.left));
      for (const row of withClass(stage.drawLadder(viewAt(stage.STORY, seq), plan, width, 0, plan.height), "rung")) {
        const notes = textsWith(row, "note");
        const lines = notes.map(({ kids }) => String(kids[0]));
        for (const { props, kids } of notes)
          assert.ok(props.x + stage.widthOf(String(kids[0]), 1.1 * SIZE) <= part.columns.left, kids[0]);
        assert.ok(!lines.at(-1).endsWith("…") || lines.length > 4, lines.join(" / "));
      }
    }
  }
});

test("a sentence that is visited has a row as high as its lines", () => {
  const plain = stage.ladderPlan(scene, stage.STORY);
  for (let seq = 0; seq < scene.n; seq += STRIDE) {
    if (plain.seqs.includes(seq)) continue;
    const plan = plain.visiting(seq);
    const { k, y } = plan.visit;
    if (k + 1 < plan.count) assert.ok(plan.yOfRow(k + 1) - y >= stage.LINE * plan.linesOf(seq).length + 4);
    if (k >= 0 && !plan.breakAfter(k)) assert.ok(y - plan.yOfRow(k) >= stage.LINE * plan.linesOf(plan.seqs[k]).length + 4);
  }
});

test("words are broken into lines without losing a letter, and a long word goes on in the next", () => {
  const words = "worker declares the queue 'a_name_that_is_longer_than_any_line_of_this_ladder' once more.";
  const lines = stage.wrapped(words, 120, SIZE, 20);
  assert.equal(lines.join("").replaceAll(" ", ""), words.replaceAll(" ", ""));
  assert.ok(lines.length > 4 && lines.every((line) => stage.widthOf(line, SIZE) <= 120), lines.join(" / "));
  assert.ok(stage.wrapped(words, 120, SIZE, 2).at(-1).endsWith("…"));
});

test("names over the lifelines stand side by side in one line, or in two", () => {
  for (const width of [300, WIDTH, 900]) {
    const columns = stage.columnsOf(scene.hosts, width, undefined, 200);
    const drawn = stage.drawHeads(scene.hosts, columns, 0, width);
    const heads = drawn.map(({ props }) => /left:(.*)px;width:(.*)px;bottom:(.*)px/.exec(props.style).slice(1).map(Number));
    drawn.forEach(({ props }, i) => {
      const [[left, room], x] = [heads[i], columns.x(props.key)];
      assert.ok(left <= x + 1 && left + room >= x - 1, `${props.key} from ${left} to ${left + room} is not over ${x}`);
    });
    for (const [left, , line] of heads)
      for (const [other, room, its] of heads)
        assert.ok(other >= left || its !== line || other + room <= left + 1, `${other} + ${room} at ${left}`);
  }
});

test("up to five lifelines that are in sight have their names, however close they stand", () => {
  const hosts = ["publisher", "broker", "from_the_start", "from_four_on", "archivist"];
  for (const busy of [[], ["broker"], hosts])
    for (const width of [270, 290, 440]) {
      const columns = stage.columnsOf(hosts, width, new Set(busy), 150);
      const drawn = stage.drawHeads(hosts, columns, 0, width, ["broker"]);
      assert.deepEqual(drawn.map(({ props }) => props.key), hosts.filter((host) => columns.x(host) < width));
      for (const { props } of drawn) assert.ok(parseFloat(/width:(.*)px;b/.exec(props.style)[1]) >= stage.widthOf(props.key, 13), props.style);
    }
});

test("at the story zoom the rows say the story's sentences", () => {
  const plan = stage.ladderPlan(scene, stage.STORY);
  plan.seqs.forEach((seq, k) => assert.equal(stage.rowWords(scene, stage.STORY, seq), scene.story[k][2]));
});

test("a message that is picked lights the rows that are about it", () => {
  const [message] = scene.labelByMessage.keys();
  if (message === undefined) return;
  const player = new stage.Player(scene, { zoom: 3 });
  player.go(player.last);
  player.pick({ kind: "message", id: message });
  const plan = stage.ladderPlan(scene, 3);
  const drawn = stage.drawLadder(player.view(), plan, WIDTH, 0, plan.height);
  const lit = new Set(withClass(drawn, "rung").filter(({ props }) => props.class.includes("lit")).map(({ props }) => props["data-id"]));
  plan.seqs.forEach((seq) => scene.subjectOf(seq).message === message && assert.ok(lit.has(seq), `record ${seq}`));
  plan.seqs.forEach((seq) => scene.subjectOf(seq).message > message && assert.ok(!lit.has(seq), `record ${seq}`));
});

test("what is yet to come lies under the veil, and no line tells before how it will end", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom, WIDTH);
    for (let seq = 0; seq < scene.n; seq += STRIDE) {
      const view = viewAt(zoom, seq);
      const own = plan.seqs.includes(seq) ? plan : plan.visiting(seq);
      const y = own.yOf(seq);
      const drawn = stage.drawLadder(view, own, WIDTH, Math.max(0, y - 150), y + 150).filter((v) => typeof v === "object");
      const veil = drawn.findIndex(({ props: { key } }) => key === "veil");
      assert.ok(drawn[veil].props.y >= y && drawn[veil].props.y <= y + 8, `the veil begins at ${drawn[veil].props.y}, below ${y}`);
      assert.ok(drawn.every(({ props: { key } }, i) => !/^b(segment|frame|command)\d/.test(key) || i < veil), "an arrow lies on the veil");
      assert.ok(drawn.every(({ props }, i) => !/^(rung|gap|band-words)/.test(props.class ?? "") || i > veil), "words lie under the veil");
      for (const band of withClass(drawn, "band").filter(({ props }) => props["data-kind"] in ITEM)) {
        const legs = stage.waysOf(scene, ITEM[band.props["data-kind"]](band.props["data-id"]));
        for (const leg of withClass([band], "leg"))
          assert.equal(/is-under-way/.test(leg.props.class), legs[leg.props.key].over > seq, `leg ${leg.props.key} of ${band.props.key} at ${seq}: ${leg.props.class}`);
      }
    }
  }
});

test("at the coarse zooms a message has its arrow, also one that never got a number", () => {
  for (const zoom of [3, 4]) {
    const arrows = new Set(stage.bandsBetween(scene, zoom, -1, scene.n - 1).filter(({ kind }) => kind === "command").map(({ id }) => id));
    for (const command of scene.commands.slice(-100))
      if (/^basic\.(publish|deliver|get-ok|return)$/.test(command.name)) assert.ok(arrows.has(command.id), `${command.name} ${command.id} has none`);
  }
});

test("what came again when it was there already brought nothing: no arrow ends later for it, and no band is thicker", () => {
  for (const frame of scene.frames.filter(({ received }) => received !== null)) {
    const whole = frame.carriers.map(([n, first, end]) => [scene.segmentByNumber.get(n), first, end]).filter(([s, first, end]) => s && s.lost_seq === null && !s.discarded && s.arrived !== null && first === 0 && end === frame.size);
    if (!whole.length) continue;
    const at = Math.min(...whole.map(([s]) => s.arrived));
    assert.equal(stage.bringersOf(scene, frame).filter((s) => s.arrived > at).length, 0, `frame ${frame.id}`);
    const { to, read } = stage.waysOf(scene, frame).at(-1);
    if (read !== null) assert.equal(to, at, `frame ${frame.id} waits to be read since ${to}, and has come at ${at}`);
  }
});

test("only what is in sight is drawn", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    for (const y of [0, plan.height / 2, plan.height]) {
      const drawn = stage.drawLadder(viewAt(zoom, scene.n - 1), plan, WIDTH, Math.max(0, y - 300), y + 300);
      assert.ok(withClass(drawn, "rung").length < 90, markup(drawn).length);
    }
  }
});

test("moments that differ read differently, in the clock, in the lists and in the margin", () => {
  const times = [...new Set(scene.records.at)];
  const near = times.flatMap((ns) => [ns, ns + 137, ns + 3e11, ns + 3e11 + 200_000, ns + 4e12, ns + 4e12 + 1]).sort((a, b) => a - b);
  for (const list of [times, near, near.map((ns) => ns * 1000 + 1)])
    for (const words of [stage.timeText, stage.clockText]) {
      const said = list.map((ns, i) => stage.momentText(ns, [list[i - 1], list[i + 1]].filter((one) => one !== undefined && one !== ns), words));
      list.forEach((ns, i) => assert.ok(!i || ns === list[i - 1] || said[i] !== said[i - 1], `${ns} and ${list[i - 1]} are ${said[i]}`));
    }
  times.forEach((ns, i) => assert.equal(scene.moment(ns), stage.momentText(ns, [times[i - 1], times[i + 1]].filter((one) => one !== undefined))));
  assert.equal(stage.momentText(330.0104e9, [330.0102e9, 330.0106e9]), "5 min 30.0104 s");
  assert.equal(stage.momentText(330.0104e9, [300e9, 360e9]), "5 min 30.01 s");
  assert.equal(stage.momentText(330.0104e9, [330.0102e9], stage.clockText), "5:30.0104");
});

test("every moment of which the ladder has words has its clock, once", () => {
  for (const zoom of zooms) {
    const plan = stage.ladderPlan(scene, zoom);
    const bottom = Math.min(plan.height, 4000);
    const drawn = withClass(stage.drawLadder(viewAt(zoom, scene.n - 1), plan, WIDTH, 0, bottom), "rung");
    const clocks = new Map();
    for (const { props, kids } of drawn) {
      const at = scene.timeOf(props["data-id"]);
      if (/\bquiet\b/.test(props.class)) continue;
      const said = withClass(kids, "clock").some((clock) => clock.kids.join(""));
      clocks.set(at, (clocks.get(at) ?? 0) + said);
    }
    for (const [at, said] of clocks) assert.equal(said, 1, `${at} ns at ${stage.ZOOMS[zoom]} is said ${said} times`);
  }
});

test("the margin's clock is short, and never rounds up", () => {
  const words = [[119e9, "119 s"], [120e9, "2:00"], [150.01e9, "2:30.01"], [180.5e9, "3:00.5"], [610e9, "10:10"], [3599.999e9, "59:59.99"], [7261e9, "2:01:01"]];
  for (const [ns, text] of words) assert.equal(stage.clockText(ns), text);
});

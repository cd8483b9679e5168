"""Faults that the stage has had, or could have: each of them must make a law fail.

Theory
------
A law that nothing can break says nothing. So faults are put back, one at a time, into a copy of the code, and
the law that is there to find it must cry out. A mutation is a file, a text that occurs in it once, what stands
there instead, the law (`LAWS` in ``truth.py``), and a scene small enough to show it at once.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTATIONS", "Mutation"]

JS = "amqplab/stage/js"


class Mutation(NamedTuple):
    """One fault. `zooms` are those at which it is looked for; `again` are the modules that are to be loaded anew
    because they use the mutated one; `page`: it shows only when the whole page is run.
    """

    fault: str
    file: str
    old: str
    new: str
    law: str
    scene: str
    zooms: str = "3"
    again: tuple[str, ...] = ()
    page: bool = False


FOLD = ("amqplab.trace.fold", "amqplab.stage.scene")
SCENE = ("amqplab.stage.scene",)

MUTATIONS = (
    # --- 1: nothing raises ---
    Mutation("the last record must be a step", f"{JS}/player.js",
             "return this.scene.steps[this.zoom][this.step] !== this.seq;",
             "return this.scene.story[this.seq].visit;", "1", "ttl_at_the_end", "3"),
    Mutation("a queue without a place in the layout", f"{JS}/fixtures.js",
             "x: node.x, y: node.y, node, queue,", "x: node.left, y: node.y, node, queue,", "1", "hello"),
    # --- 2: the subject is seen ---
    Mutation("only the first thing that a sentence names is the subject", f"{JS}/mark.js",
             "= view.subject.keys.includes(entity);", "= view.subject.keys[0] === entity;", "2", "hello"),
    Mutation("a message is never the subject", f"{JS}/mark.js",
             "mark.subject = number !== null && subject === number;", "", "2", "hello"),
    Mutation("the inspector shows the frame before", f"{JS}/inspector.js",
             "return drawFrame(view, scene.frames[id], width);",
             "return drawFrame(view, scene.frames[Math.max(0, id - 1)], width);", "2", "hello", "1"),
    Mutation("the sentence is that of the step before", f"{JS}/controls.js",
             "const sentence = sentenceOf(view);", "const sentence = sentenceOf({ ...view, seq: view.seq - 1 });",
             "2", "hello"),
    Mutation("a message is drawn nowhere when it is published", "amqplab/trace/whereabouts.py",
             "    e.Published: Whereabouts._published,\n", "", "2", "two_channels", again=SCENE),
    Mutation("what is handed over for good is drawn nowhere", "amqplab/trace/whereabouts.py",
             "if event.no_ack or event.stays:", "if event.stays:", "2", "hello", again=SCENE),
    Mutation("what the step speaks of is only counted on its link", f"{JS}/riders.js",
             "meant: isSpokenOf(view, token) ||", "meant:", "2", "topics"),
    Mutation("what the step speaks of is only counted in a hand", f"{JS}/messages.js",
             "withMeant(view, tokens, tokens.slice(0, slots), slots - 1)", "tokens.slice(0, slots)", "2",
             "queue_of_500", "4"),
    Mutation("what is lost again, though it had arrived, is not seen", f"{JS}/riders.js",
             "riders.push(...loadsOn(view, name, pipe, riders));", "", "2", "loss_20_percent", "3"),
    Mutation("a lost segment with nothing in it is told of, and not seen", f"{JS}/riders.js",
             "[...riders, ...bareSegmentsOn(view, name, pipe)]", "riders", "2", "loss_20_percent", "4"),
    Mutation("of what is sent again at once only the last is seen", f"{JS}/riders.js",
             "if (!told.again || told.sent !== seq) return [told];", "return [told];", "2", "again_at_once", "4"),
    Mutation("of what is sent again at once only the last is spoken of", f"{JS}/riders.js",
             "zoom === STORY && !visit && toldSegments(view)", "false && toldSegments(view)", "2",
             "again_at_once", "4"),
    Mutation("of a command's frames the first one is spoken of", f"{JS}/wire.js",
             "f.id === subject.frame || (f.command !== null && f.command === subject.command);",
             "f.id === subject.frame;", "2", "hello", "1"),
    Mutation("who alone has a connection is cut short", f"{JS}/pipes.js",
             'state.replace(ONE_END, "$1 end only")', "state", "1", "broker_without_power", "4"),
    # --- 3: where its copies are, and nowhere else ---
    Mutation("lost messages are not drawn", f"{JS}/messages.js",
             "if (!lost.length) return [];", "if (lost.length) return [];", "3", "returned_and_rejected"),
    Mutation("what is lost with its connection has no strip", "amqplab/stage/needs.py",
             "= reader.needs.loses or any(map(reader.leaves_something, reader.dead))", "= reader.needs.loses", "3",
             "killed_on_the_way", again=SCENE),
    Mutation("a ghost is said to be ready", f"{JS}/messages.js",
             "place: place[line],", "place: place.ready,", "3", "crash"),
    Mutation("on frames and commands no message is drawn", f"{JS}/riders.js",
             "riders.filter(({ token }) => !isSignal(token))", "riders.filter(isSignal)", "3", "hello", "2"),
    Mutation("a message is both Ready and with its consumer", "amqplab/trace/whereabouts.py",
             "                self._take_back(draft, record, name, token)\n", "                pass\n", "3", "crash",
             again=SCENE),
    Mutation("a dead machine holds what it held", "amqplab/trace/at_work.py",
             'draft.put(key, {**token, "state": GONE})', "pass", "3", "power_off",
             again=("amqplab.trace.whereabouts", *SCENE)),
    Mutation("a dead letter is drawn nowhere", "amqplab/trace/whereabouts.py",
             "    e.DeadLettered: Whereabouts._dead_lettered,\n", "", "3", "dead_letter_retry", again=SCENE),
    Mutation("a motion does not end in the picture at rest", f"{JS}/motion.js",
             "if (t >= 1) return after;", "if (t >= 1) return before;", "3", "dead_letter_retry", "3"),
    Mutation("what is sent again while it is on the way is counted twice", f"{JS}/riders.js",
             "one.token.command === load.command && (one.ride.segment === s || !isOver(ride.state))",
             "one.token.command === load.command && one.ride.segment === s", "3", "loss_20_percent", "4"),
    Mutation("a reader that has read nothing stands at the end of its stream", f"{JS}/messages.js",
             "beforeCell(cells, start - first)", "beforeCell(cells, Infinity)", "3", "stream", "4"),
    Mutation("a reader that has read nothing is hidden, though its place is seen", f"{JS}/geometry.js",
             "if (passed === many) return i - 0.5;", "if (passed === many) return HIDDEN;", "3", "stream", "4"),
    # --- 4: nothing arrives that did not arrive ---
    Mutation("a message is with its consumer as soon as the queue hands it over", "amqplab/trace/whereabouts.py",
             'new_token(int(number), self.label(int(number)), "link", new["connection"])',
             'new_token(int(number), self.label(int(number)), "consumer", holder_of(new))',
             "4", "cut_on_the_way", again=SCENE),
    Mutation("a lost segment is said to have arrived", f"{JS}/ride.js",
             's.lost_seq !== null ? "lost" : s.discarded', "s.discarded", "4", "lost_batch", "0"),
    Mutation("frames stay on the wire when they are read", f"{JS}/scene.js",
             "item.received === null ? (gone ?? Infinity) : item.received - 1", "Infinity", "4", "hello", "1"),
    Mutation("a frame that is read is gone, though the rest of its command is on its way", f"{JS}/scene.js",
             "to: this.lifeOf(this.wholeOf(item)).to", "to: this.lifeOf(item).to", "4", "hello", "1"),
    Mutation("a message is with its receiver, and its frames are still on the link", f"{JS}/wire.js",
             "received !== null && received <= seq;", "received === null;", "4", "hello", "1"),
    Mutation("what came to nobody stays on the link", f"{JS}/scene.js",
             "item.received === null ? (gone ?? Infinity)", "item.received === null ? Infinity", "4",
             "killed_on_the_way", "1"),
    Mutation("a last segment hangs in the air when its connection is forgotten", f"{JS}/fixtures.js",
             "(inUse.has(name) ? FORGOTTEN : undefined)", "undefined", "4", "killed_on_the_way", "0"),
    Mutation("a segment is not seen when its connection is forgotten", f"{JS}/wire.js",
             'name !== "segments" && !meant', "!meant", "4", "killed_on_the_way", "0"),
    Mutation("what stands at the door is still under way", f"{JS}/ride.js",
             '|| !token.state || token.state === "under way" ? ride.state : token.state',
             '? ride.state : token.state || "under way"', "4", "blocked_connection"),
    Mutation("a message that came to nobody stays on the link", "amqplab/trace/whereabouts.py",
             "self._journeys.gone.get(seq - 1, ())", "()", "4", "killed_on_the_way", again=SCENE),
    Mutation("what is thrown away is said to have arrived", f"{JS}/ride.js",
             "hasReached(s, seq) && !s.discarded", "hasReached(s, seq)", "4", "killed_on_the_way", "2"),
    Mutation("an arrow arrives at the end of the record, whatever became of it", f"{JS}/legs.js",
             'return leg(from, scene.n - 1, "cut off", {', 'return leg(from, scene.n - 1, "arrived", {',
             "4 ladder", "cut_on_the_way", "0"),
    Mutation("an arrow of a lost segment has a head", f"{JS}/legs.js",
             'leg(s.sent, s.lost_seq, "lost", {', 'leg(s.sent, s.lost_seq, "arrived", {', "4 ladder",
             "lost_batch", "0"),
    Mutation("a confirm has no arrow in the ladder", f"{JS}/bands.js",
             "|return|ack|nack|reject)", "|return)", "4 ladder", "publisher_confirms", "3"),
    Mutation("a lost SYN has a × in the ladder, and no arrow", f"{JS}/bands.js",
             ", ...lossesBetween(scene, zoom, low, high)", "", "4 ladder", "loss_20_percent", "4"),
    Mutation("an arrow has arrived before what it stands for", f"{JS}/legs.js",
             'if (seq < to) return "under way";', "", "4 ladder", "transactions", "4"),
    Mutation("an arrow is under way before anything was sent", f"{JS}/legs.js",
             'if (seq < from) return "not sent yet";', "", "4 ladder", "loss_20_percent", "0"),
    Mutation("what waits to be read is still on its way", f"{JS}/legs.js",
             "scene.timeOf(received) > scene.timeOf(whole);", "false;", "4 ladder", "blocked_connection", "1"),
    Mutation("what comes again is a part of what was there already", f"{JS}/legs.js",
             "if (!parts.some(({ first, end }) => first <= part.first && part.end <= end)) parts.push(part);",
             "parts.push(part);", "4 ladder", "loss_20_percent", "1"),
    Mutation("what the record speaks of stands last on the link, whenever it was sent", f"{JS}/wire.js",
             "|| hasCome(b) - hasCome(a) || (hasCome(a) ? 0 : bySending(a, b)) || a.octet - b.octet;", ";",
             "4 order", "loss_20_percent", "2"),
    Mutation("what has no octets stands before what was sent earlier", f"{JS}/wire.js",
             "(a && b ? a.n - b.n :", "(a && b ? b.n - a.n :", "4 order", "connection_reset", "0"),
    Mutation("what waits on a link stands before what has come", f"{JS}/wire.js",
             "b.ride.p - a.ride.p || hasCome", "a.ride.p - b.ride.p || hasCome",
             "4 order", "publisher_confirms", "1"),
    Mutation("while things move, what appears stands before what was sent before it", f"{JS}/convoy.js",
             "if (!newcomers.length) return marks;", "if (newcomers) return marks;",
             "4 order", "channel_error", "2"),
    Mutation("one count stands for what was sent before and after what is spoken of", f"{JS}/crowd.js",
             "[...open.keys()] : [lane, undefined])", "[...open.keys()] : [undefined])", "4 order",
             "max_length", "1"),
    # --- 4 place: everything is where it is ---
    Mutation("what waits to be sent stands at the receiver's door", f"{JS}/crowd.js",
             "let middle = Math.min(at, length - moving.of(lane) - width / 2);",
             "let middle = length - moving.of(lane) - width / 2;", "4 place", "publisher_confirms", "2"),
    Mutation("things step back when more come", f"{JS}/crowd.js",
             "let middle = Math.min(at, length - moving.of(lane) - width / 2);",
             "let middle = Math.min(at, length - moving.of(lane) - width / 2) - 5 * things.length;", "4 place",
             "publisher_confirms", "3"),
    Mutation("what is lost is counted with what is under way", f"{JS}/riders.js",
             "stuck: isStuck(ride), sent", "stuck: false, sent", "4 place", "loss_20_percent", "3"),
    # --- 5: a jump lands on its record ---
    Mutation("a jump lands on the step before its record", f"{JS}/player.js",
             "this.arrive(between(-1, seq, this.scene.n - 1), glide);",
             "this.arrive(this.scene.steps[this.zoom][this.scene.stepOf(this.zoom, seq)], glide);", "5", "hello"),
    Mutation("the way back from a visit is lost", f"{JS}/player.js",
             "this.arrive(this.home ?? this", "this.arrive(this", "5", "hello"),
    Mutation("a visit tells the sentence of the chapter", f"{JS}/player.js",
             "if (zoom === STORY && !visit &&", "if (zoom === STORY && step > 0 &&", "5", "hello", "4"),
    Mutation("every script of a page counts the stages anew", f"{JS}/stage.js",
             "(document.amqplabStages = (document.amqplabStages ?? 0) + 1)", "1", "2", "hello", "4", page=True),
    Mutation("why follows the segment, and not the frame in it", f"{JS}/causes.js",
             "if (READ.has(scene.kindOf(at))) frame =", "if (at < 0) frame =", "5", "publisher_confirms", "0"),
    Mutation("what is lost by chance came of having been sent", f"{JS}/causes.js",
             'if (scene.kindOf(seq) === "SegmentLost") return', 'if (seq < 0) return', "5", "loss_20_percent", "0"),
    Mutation("of calls that fail together the first is the cause of all", f"{JS}/causes.js",
             "(at <= begin || endsCall(scene, seq, at))", "at <= begin", "5", "calls_after_the_end", "4"),
    Mutation("because leads to what happened just before", f"{JS}/causes.js",
             "namedCause(scene, zoom, step);", "namedCause(scene, zoom, seq - 1);", "5", "two_channels", "3"),
    # --- 6: one number everywhere ---
    Mutation("the picture takes Ready for Unacked", f"{JS}/fixtures.js",
             "`Unacked ${queue.unacked_count}`", "`Unacked ${queue.ready_count}`", "6", "hello"),
    Mutation("the table takes Ready for Unacked", f"{JS}/tables.js",
             "=> [queue.unacked_count,",
             "=> [queue.ready_count,",
             "6", "hello"),
    Mutation("the depth forgets what was there before", f"{JS}/scene.js",
             'r += difference(what, "ready_count");', 'r = difference(what, "ready_count");', "6", "two_channels"),
    Mutation("a hand counts what was ever delivered", f"{JS}/fixtures.js",
             "? held : consumer.holding_count", "? held : consumer.delivered", "6", "dead_letter_retry"),
    Mutation("what is on its way is told to be delivered", f"{JS}/fate.js",
             "riding.length ? `sent, ${wayInWords(view, riding)}` : words;", "words;", "6", "hello", "2"),
    Mutation("what is lost is told to be on its way", f"{JS}/fate.js",
             'lost: "lost on its way"', 'lost: "on its way"', "6", "cut_on_the_way"),
    Mutation("what a stream's reader has in hand is told to be only ready", f"{JS}/fate.js",
             "filter((/** @type {any} */ token) => isRead(state, token));",
             "filter(() => false);", "6", "stream", "2"),
    Mutation("what a transaction holds of answers is not in its tray", f"{JS}/messages.js",
             "state.get(channel)?.settling_count ?? 0;", "0;", "6", "transactions", "2"),
    # --- 7: back is the inverse of forward ---
    Mutation("a splice is not taken back", f"{JS}/state.js",
             "? spliced(next[name], at, inserted, removed)", "? spliced(next[name], at, removed, inserted)",
             "7", "dead_letter_retry"),
    Mutation("who came last stands last, whichever way one came", f"{JS}/state.js",
             "while (at > 0 && order(key, list[at - 1]) < 0) at--;", "", "7", "publisher_confirms"),
    Mutation("what is no more stays on the page", f"{JS}/elements.js",
             "for (const { node } of byKey.values()) node.remove();", "", "7", "ttl_at_the_end", "3", page=True),
    Mutation("an attribute that is no more stays on the page", f"{JS}/elements.js",
             "if (isWritten(name, value) !== isWritten(name, was)) return false;", "", "7", "dead_letter_retry", "3",
             page=True),
    # --- 8: all forms agree ---
    Mutation("what one end has lost is closed, though the other one knows of nothing", f"{JS}/connection.js",
             "  if (onlyEnd(connection)) return onlyEnd(connection);\n", "", "8", "broker_without_power"),
    Mutation("a blocked connection is not drawn as blocked", f"{JS}/connection.js",
             'if (connection.blocked) return "blocked";', "", "8", "blocked_connection"),
    Mutation("the static picture forgets who is the active consumer", "amqplab/stage/marks_fixtures.py",
             'return "" if active is None else "active" if active else "waiting"', 'return ""',
             "8", "single_active_consumer", again=("amqplab.stage.marks",)),
    Mutation("after a loss nothing is said to be lost", f"{JS}/ride.js",
             "if (latest.lost_seq !== null && latest.lost_seq <= seq)", "if (latest.lost_seq === -1)",
             "8", "lost_batch", "1"),
    Mutation("the legend has hatched messages where only one is that was refused", f"{JS}/legend.js",
             "!mark.badge && isHatched(mark)", 'isHatched(mark) || mark.state === "refused"', "8",
             "dead_letter_retry"),
    Mutation("the way that a dead letter takes is not lit", f"{JS}/fixtures.js",
             "if (message) for (const key of policiesOf(view, message)) found.add(key);", "", "8",
             "dead_letter_retry"),
    Mutation("a dead letter changes its number", "amqplab/trace/whereabouts.py",
             "self._labels.get(message, str(message))", "str(message)", "8", "dead_letter_retry", again=SCENE),
)  # fmt: skip

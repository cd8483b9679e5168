// Made from amqplab/stage/contract.py and contract_layout.py: `python -m amqplab.stage.contract` writes it anew.
//
// What Python sends, as it is sent. What the scripts make of it is in view.d.ts.

declare namespace Sent {
  interface Records {
    at: number[];
    where: number[];
    cause: number[];
    kind: number[];
    zoom: number[];
    keys: number[];
    frame: number[];
    command: number[];
    segment: number[];
    message: number[];
  }

  interface Server {
    host: string;
    kind: string;
  }

  interface Kind {
    level: string;
    label: string;
    mark: string;
    chapter: string;
    hold: number;
  }

  interface Segment {
    n: number;
    conn: string;
    up: boolean;
    flags: string;
    start: number;
    end: number;
    sent: number;
    arrived: number | null;
    lost: string;
    lost_seq: number | null;
    lost_at: number | null;
    discarded: string;
    discarded_seq: number | null;
    refused: number | null;
    departs: number;
    arrives: number | null;
    again: boolean;
    seq: number;
    ack: number;
    window: number;
  }

  type Carrier = [segment: number, first: number, end: number];

  interface Frame {
    conn: string;
    up: boolean;
    channel: number;
    type: number;
    offset: number;
    hex: string;
    sent: number | null;
    received: number | null;
    dialect: string;
    summary: string;
    spans: number;
    carriers: Carrier[];
    command: number | null;
    messages: number[];
  }

  interface Command {
    conn: string;
    up: boolean;
    channel: number;
    name: string;
    frames: number[];
    sent: number | null;
    received: number | null;
    messages: number[];
  }

  interface Token {
    message: number | null;
    label: string;
    text: string;
    place: "link" | "broker" | "exchange" | "consumer" | "client" | "lost" | "returned";
    at: string;
    state: string;
    up: boolean | null;
    command: number | null;
    queue: string | null;
    target: string;
    channel: string | null;
    delivery: number | null;
    redelivered: boolean;
    reason: string;
  }

  interface Signal {
    kind: string;
    label: string;
    place: "link";
    at: string;
    up: boolean;
    command: number;
    messages: number[];
  }

  interface Life {
    message: number;
    seq: number;
    queue: string;
    reason: string;
    exchange: string;
    routing_key: string;
  }

  type Word = [wanted: string, found: string, ok: boolean];

  type CheckedBinding = [key: string, matched: boolean, words: Word[]];

  interface Change {
    "+"?: Record<string, any>;
    "-"?: Record<string, any>;
    "="?: Record<string, any[]>;
  }

  type ChangeOf = [key: string, change: Change];

  type Chapter = [last: number, first: number, sentence: string];

  type Span = [start: number, end: number, name: string, value: any, meaning: string, kids: Span[]];

  interface Geometry {
    title: number;
    name: number;
    body: number;
    small: number;
    letter: number;
    smallest: number;
    message_w: number;
    message_h: number;
    chip: number;
    chip_w: number;
    chip_h: number;
    frames_shown: number;
    lane: number;
    tube_gap: number;
    max_lanes: number;
    mouth: number;
    cell: number;
    cell_w: number;
    cell_h: number;
    cell_margin: number;
    slot: number;
    most_slots: number;
    hand_row: number;
    strip_row: number;
    strip_chip: number;
    strip_shown: number;
    rows_shown: number;
    dock: number;
    dock_shown: number;
    capsule_h: number;
    capsule_pad: number;
    capsule_most: number;
    gutter: number;
    lost_left: number;
    lost_pitch: number;
  }

  interface AppPlace {
    x: number;
    y: number;
    r: number;
    side: "left" | "right";
    name: string;
    roles: string;
    label: string;
    words: WordsPlace;
    hands: Record<string, RowPlace>;
    strips: Record<string, RowPlace>;
    left_out: number;
    tray: Point;
  }

  interface Box {
    x: number;
    y: number;
    w: number;
    h: number;
  }

  interface EdgePlace {
    source: string;
    target: string;
    ghost: boolean;
    label: string;
    words: string;
    curve: number[];
    at: number[] | null;
    w: number;
    fold: string | null;
  }

  interface FoldPlace {
    source: string;
    target: string | null;
    keys: string[];
    at: number[];
    w: number;
  }

  interface Layout {
    orientation: "wide" | "tall";
    width: number;
    height: number;
    broker: Box;
    servers: Record<string, ServerPlace>;
    gutter: Box;
    apps: Record<string, AppPlace>;
    pipes: Record<string, PipePlace>;
    nodes: Record<string, NodePlace>;
    edges: Record<string, EdgePlace>;
    folds: Record<string, FoldPlace>;
    policies: Record<string, PolicyPlace>;
    subscriptions: Record<string, SubscriptionPlace>;
  }

  interface NodePlace {
    x: number;
    y: number;
    w: number;
    h: number;
    kind: "exchange" | "queue";
    server: string;
    ghost: boolean;
    label: string;
    words: WordsPlace;
    more: WordsPlace;
    cells: number;
  }

  interface PipePlace {
    app: string;
    server: string;
    side: "left" | "right";
    x0: number;
    y0: number;
    x1: number;
    y1: number;
    lanes: number[];
    left_out: number;
    thickness: number;
    words: WordsPlace;
    lead: number[];
    dock: Point;
  }

  interface Point {
    x: number;
    y: number;
  }

  interface PolicyPlace {
    source: string;
    target: string;
    kind: "dead-letter" | "alternate";
    words: string;
    curve: number[];
    at: number[] | null;
    w: number;
  }

  interface RowPlace {
    x: number;
    y: number;
    anchor: "start" | "middle" | "end";
    room: number;
    label: string;
  }

  interface ServerPlace {
    x: number;
    y: number;
    w: number;
    h: number;
    kind: string;
    label: string;
    title: WordsPlace;
    note: WordsPlace;
  }

  interface SubscriptionPlace {
    queue: string;
    connection: string;
    curve: number[];
  }

  interface WordsPlace {
    x: number;
    y: number;
    anchor: "start" | "middle" | "end";
    room: number;
  }

  interface Scene {
    format: number;
    title: string;
    broker: string;
    servers: Server[];
    hosts: string[];
    who: Record<string, string>;
    roles: Record<string, string>;
    kinds: Record<string, Kind>;
    methods: string[];
    zooms: string[];
    geometry: Geometry;
    palette: Record<string, any>;
    layouts: Record<"wide" | "tall", Layout>;
    records: Records;
    names: string[];
    keys: string[][];
    labels: string[];
    sentences: string[];
    story: Chapter[];
    opening: number;
    patches: ChangeOf[][];
    routes: Record<string, CheckedBinding[]>;
    lives: Record<string, Life>;
    again: Record<string, string>;
    segments: Segment[];
    frames: Frame[];
    commands: Command[];
    spans: Span[][];
  }
}

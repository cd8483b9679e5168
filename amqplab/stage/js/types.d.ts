// Made from amqplab/stage/contract.py: `python -m amqplab.stage.contract` writes it anew.

interface Records {
  at: number[];
  where: number[];
  cause: number[];
  kind: number[];
  zoom: number[];
  subject: number[];
}

interface Subject {
  keys: string[];
  frame?: number;
  command?: number;
  segment?: number;
  message?: number;
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
  departs: number;
  arrives: number | null;
  again: boolean;
  seq: number;
  ack: number;
  window: number;
}

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
  carriers: number[][];
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
  place: "link" | "broker" | "exchange" | "consumer" | "lost" | "returned";
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

interface Scene {
  format: number;
  title: string;
  broker: string;
  servers: Server[];
  hosts: string[];
  who: Record<string, string>;
  roles: Record<string, string>;
  kinds: Record<string, Kind>;
  zooms: string[];
  geometry: Record<string, any>;
  palette: Record<string, any>;
  layouts: Record<string, any>;
  records: Records;
  names: string[];
  subjects: Subject[];
  labels: string[];
  sentences: string[];
  story: any[];
  opening: number;
  patches: any[][][];
  routes: Record<string, any[][]>;
  lives: Record<string, Life>;
  segments: Segment[];
  frames: Frame[];
  commands: Command[];
  spans: any[][];
}

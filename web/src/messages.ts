// What gateways say, read field by field: what makes no sense counts as absent.

import type { Push } from './types.js';

/** A day: longer than anything a gateway has reason to ask for, and well within what timers take. */
const LONGEST = 86_400_000;

/** How each field is read. One that is not listed is not seen. */
const shape = {
  // Cadence: undefined where nothing was said.
  push: (value: unknown) => (STATES.includes(value as Push) ? (value as Push) : undefined),
  poll_ms: number(100),
  fast_ms: number(100),
  heartbeat_ms: number(100),
  gap_ms: number(0, 1000),
  jitter: number(0, undefined, 0.9),
  // Events.
  spread_ms: number(0, 0),
  token_expires_in_s: number(0),
  versions: numbers,
  unknown: names,
  waiting: names,
  project: text,
  version: readVersion,
  prev: readVersion,
  writer: raw,
  data: raw,
  traceparent: some,
  reset: (value: unknown) => value === true,
  reason: text,
  after_ms: number(0, 0),
  // The answer of /poll-interval.
  ttl_ms: number(1000),
  connect_after_ms: number(0, 0),
  denied: names,
  off: names,
  refusing: Boolean,
  anonymous: Boolean,
  caller: some,
  // A refusal.
  code: raw,
  detail: (value: unknown) => (value ? text(value).replace(/eyJ[\w.-]*/g, 'TOKEN') : ''), // for the console, where no token may stand
};

const STATES: Push[] = ['healthy', 'degraded', 'down', 'off'];

/** Anything that a gateway says: the data of an event, or the body of an answer. */
export type Message = { readonly [K in keyof typeof shape]: ReturnType<(typeof shape)[K]> };

/** What the page tells a gateway: a version that push did not announce as it should, */
export interface MissedReport {
  readonly project: string;
  readonly version: number;
  readonly named: number | undefined;
  readonly kind: string | undefined;
}

/** and sums of what polls in shadow saw. */
export interface ShadowReport {
  readonly first: boolean | undefined;
  readonly polls: number;
  readonly empty: number;
  readonly news: number;
  readonly missed: number;
  readonly lead_ms: number;
  readonly projects: Readonly<Record<string, number>>;
}

/** Reads JSON, or what JSON has already become. Never throws: what cannot be read says nothing. */
export function read(said: unknown): Message {
  try {
    return fields(Object(typeof said === 'string' ? JSON.parse(said) : said));
  } catch {
    return fields({});
  }
}

function fields(from: any): Message {
  return Object.fromEntries(Object.entries(shape).map(([name, take]) => [name, take(from[name])])) as Message;
}

/** The ids of projects that gateways take. */
export const PROJECT_ID = /^[\w.~:-]{1,128}$/;

/** A version: an integer, or its decimal digits as databases give them. Undefined for anything else. */
export function readVersion(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? +value : value;
  return Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) : undefined;
}

/** Versions by project; without those that cannot be read. */
function numbers(value: unknown): Map<string, number> {
  const read = Object.entries(Object(value)).map(([id, version]) => [id, readVersion(version)] as const);
  return new Map(read.filter((pair): pair is [string, number] => pair[1] !== undefined));
}

/** A list of names, or none. */
export function names(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** An object, which may not even become text, is none. */
function text(value: unknown): string {
  return Object(value) === value ? '' : String(value);
}

function some(value: unknown): string | undefined {
  return value ? text(value) : undefined;
}

function raw(value: unknown): unknown {
  return value;
}

/** Reads a number from `least` up, cut at `most`. */
function number<T = undefined>(least: number, otherwise?: T, most?: number): (value: unknown) => number | T;
function number(least: number, otherwise?: unknown, most = LONGEST) {
  return (value: unknown) => (typeof value === 'number' && value >= least ? Math.min(value, most) : otherwise);
}

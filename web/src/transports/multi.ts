import type { Push, StreamHandle, Transport } from '../types.js';
import { eventSource } from './eventsource.js';
import { guard } from './guard.js';
import { divide, has, type Hello, parse, type Projects, updated } from './shared-stream.js';

const enum Ms {
  /** As for any stream: only an event so long after its hello proves a part. */
  Proof = 500,
  /** After the first hello the other parts have so long. A later one joins when it comes. */
  Gather = 2000,
  /** If a timer is later than this, the page was asleep. Events that have queued up then have so long to arrive. */
  Late = 1000,
  /** A part that cannot be opened is tried again after so long, doubled each time up to the longest; half of it is random. */
  Again = 1000,
  Longest = 300_000,
  /** A gateway that names no heartbeat has this one, as has one whose heartbeat makes no sense. */
  Heartbeat = 25_000,
  Shortest = 100,
  /** Nothing is longer than this, which timers take. */
  Day = 86_400_000,
}

/** What it needs of a window. */
export interface MultiEnv {
  readonly Date: { now(): number };
  readonly Math: { random(): number };
  setTimeout(ring: () => void, ms: number): unknown;
  clearTimeout(id: any): void;
}

/** A stream for some of the projects. */
interface Part {
  readonly projects: Projects;
  handle?: StreamHandle;
  /** What it last said of its projects. */
  hello?: Hello | undefined;
  helloAt: number;
  expiresAt: number;
  proven?: boolean;
  /** It cannot be opened for now, and the others go on. It counts again once it is proven. */
  out?: boolean | undefined;
  /** How often it could not be opened. */
  tries: number;
  /** Events that queued up while the page slept have had their time. */
  drained?: boolean;
  timer?: unknown;
}

const WORSE: Push[] = ['healthy', 'degraded', 'down', 'off'];

/**
 * For a page with more projects than one stream takes, which are 64: `createNudge({ transport: multi(tabs({ scope })), … })`.
 * It opens as many streams as necessary, and the page hears them as one: proven when all are, lost when one is. If a gateway
 * refuses one, the others go on without it until it can be opened. Over HTTP/1.1 a browser has six connections to a host, so
 * serve the gateway over HTTP/2.
 */
export function multi(own: Transport = eventSource(), env: MultiEnv = globalThis as any): Transport {
  const transport = guard(own);
  const now = () => env.Date.now();

  const open: Transport = (request, on) => {
    const parts: Part[] = divide(request.projects).map((projects) => ({ projects, helloAt: 0, expiresAt: 0, tries: 0 }));
    if (parts.length < 2) return transport(request, on);
    let over = false;
    let gathering: unknown;
    let proof: unknown;

    function start(part: Part) {
      part.handle = transport(
        { ...request, projects: part.projects },
        {
          event: (name, data) => over || heard(part, name, parse(data)),
          lost: (status, ms) => over || lost(part, () => on.lost(status, ms), ms),
        },
      );
    }

    function close() {
      over = true;
      env.clearTimeout(gathering);
      env.clearTimeout(proof);
      for (const { handle, timer } of parts) {
        env.clearTimeout(timer);
        handle?.close();
      }
    }

    /** A part has ended. If others go on, it is tried again. Otherwise all end. */
    function lost(part: Part, tell: () => void, atLeast = 0, mayGo = !part.hello) {
      if (!(mayGo || part.out) || parts.every((other) => other === part || other.out)) {
        close();
        return tell();
      }
      part.handle?.close();
      part.out = true;
      part.hello = undefined;
      part.proven = part.drained = false;
      wait(part, Math.max(atLeast * (1 + env.Math.random() / 5), Math.min(Ms.Longest, Ms.Again * 2 ** part.tries++) * (0.5 + env.Math.random() / 2)), () => {
        start(part);
        watch(part, 2 * Ms.Heartbeat);
      });
      greet();
    }

    function heard(part: Part, name: string, said: any) {
      if (name === 'goodbye') {
        const { reason } = said;
        const ms = Number(said.after_ms) || 0;
        // Only its own projects may be meant. If all are, each part is told so.
        const alone = reason === 'off' || reason === 'revoked';
        return lost(part, () => on.event(name, said), alone ? Math.max(ms, Ms.Longest) : ms, alone || !part.hello);
      }
      let joins = name === 'hello';
      if (joins) {
        if (!part.hello) part.helloAt = now();
        part.hello = { ...said, versions: { ...said.versions } } as Hello;
        part.expiresAt = now() + said.token_expires_in_s * 1000;
        gathering ??= env.setTimeout(gathered, Ms.Gather);
      } else if (!part.hello) return;
      else {
        part.hello = updated(part.hello, name, said);
        part.proven ||= now() - part.helloAt >= Ms.Proof;
        joins = !!part.out && part.proven;
        part.out &&= !part.proven;
      }
      part.drained = false;
      watch(part, 2 * (part.hello.heartbeat_ms >= Ms.Shortest ? part.hello.heartbeat_ms : Ms.Heartbeat));
      // Until all parts are proven, news becomes another hello, which proves nothing.
      if (joins || !proven()) return greet();
      on.event(name, name === 'heartbeat' ? { ...said, ...cadence() } : said);
    }

    /** A part that has not said hello by now joins later. */
    function gathered() {
      const late = parts.filter(({ hello, out }) => !hello && !out);
      if (!late.length) return;
      for (const part of late) {
        part.out = true;
        watch(part, 2 * Ms.Heartbeat);
      }
      greet();
    }

    /** Whether all parts that count are proven. */
    function proven() {
      return parts.every(({ proven, out }) => proven || out);
    }

    function wait(part: Part, ms: number, act: () => void) {
      env.clearTimeout(part.timer);
      part.timer = env.setTimeout(act, Math.min(ms, Ms.Day));
    }

    /** Ends a part that falls silent, which the core cannot see while it hears the others. */
    function watch(part: Part, ms: number) {
      const due = now() + ms;
      wait(part, ms, () => {
        if (part.drained || now() - due <= Ms.Late) return lost(part, () => on.lost());
        part.drained = true;
        watch(part, Ms.Late);
      });
    }

    /** The hellos of the parts that count. */
    function hellos(): Hello[] {
      return parts.flatMap(({ hello, out }) => (hello && !out ? hello : []));
    }

    /** The cadence that all of them allow. */
    function cadence() {
      const all = hellos();
      return {
        push: WORSE[Math.max(...all.map(({ push }) => WORSE.indexOf(push)))],
        poll_ms: Math.min(...all.map(({ poll_ms }) => poll_ms)),
      };
    }

    /** Says hello for all parts, once each of them has. What a hello asks of the page is told once. */
    function greet() {
      if (!parts.every(({ hello, out }) => hello || out)) return;
      const all = hellos();
      if (!all.length) return;
      const lists = new Map<string, unknown[]>();
      for (const hello of all) {
        for (const [field, value] of Object.entries(hello)) if (Array.isArray(value)) lists.set(field, [...(lists.get(field) ?? []), ...value]);
      }
      const hello = {
        ...Object.assign({}, ...all),
        ...Object.fromEntries(lists),
        ...cadence(),
        versions: Object.fromEntries(all.flatMap(({ versions }) => Object.entries(versions))),
        spread_ms: Math.max(...all.map(({ spread_ms }) => spread_ms)),
        token_expires_in_s: (Math.min(...parts.flatMap(({ expiresAt, out }) => (out ? [] : expiresAt))) - now()) / 1000,
      };
      for (const part of parts) {
        const { hello, out, projects } = part;
        if (!hello || out) continue;
        // The page now polls for the projects whose version is unknown. From then on 0 stands for it, which asks nothing.
        const unknown = (Array.isArray(hello.unknown) ? hello.unknown : []).filter((id) => has(projects, id));
        const versions = { ...Object.fromEntries(unknown.map((id) => [id, 0])), ...hello.versions };
        part.hello = { ...hello, versions, unknown: [], spread_ms: 0 };
      }
      on.event('hello', hello);
      // If they were proven before, the core needs a proof of its own: an event that comes later than the hello.
      env.clearTimeout(proof);
      if (!over) proof = env.setTimeout(() => proven() && on.event('heartbeat', {}), 2 * Ms.Proof);
    }

    for (const part of parts) start(part);
    return {
      close,
      get role() {
        return parts[0]!.handle!.role ?? 'solo';
      },
    };
  };
  return Object.assign(open, { bearer: transport.bearer });
}

import { type Reply, request } from '../gateway-requests.js';
import type { Lifetime } from '../stream-lifetime.js';
import type { Env, Transport } from '../types.js';
import { MAX_PROJECTS, projectQuery } from './url.js';

/** For how many seconds a gateway is asked to hold a request: half of the time after which something ends it, if anything does. */
const LONGEST = 25;
/** The answer may take this many ms longer. */
const PATIENCE = 15_000;

/**
 * Streams for where streams do not get through: requests to `/versions`, which the gateway holds until a version differs. The
 * first answer becomes a hello, after 25 s at the latest. So does an answer that leaves out other projects than the last one.
 * Any other becomes versions and a heartbeat.
 * Where something ends every answer at an age, requests are held for less than that.
 */
export function heldTransport(env: Env, lifetime: Lifetime): Transport {
  const open: Transport = ({ gateway, projects, headers }, on) => {
    const life = new AbortController();
    const { signal } = life;
    const init: RequestInit = { signal, ...(headers && { credentials: 'same-origin', headers }) };
    const marks = new Map(Object.entries(projects).slice(0, MAX_PROJECTS));
    let leftOut = ''; // the projects without a version in the last answer, by reason
    let timer: unknown;

    function wait(ms: number, act: () => void) {
      env.clearTimeout(timer);
      timer = env.setTimeout(act, ms);
    }

    function close() {
      env.clearTimeout(timer);
      life.abort();
    }

    function lose(reply?: Reply) {
      if (signal.aborted) return;
      close();
      on.lost(reply?.status, reply?.retryAfter);
    }

    async function ask() {
      const askedAt = env.now();
      const seconds = Math.min(LONGEST, Math.floor((lifetime.cut() ?? Infinity) / 2000));
      wait(seconds * 1000 + PATIENCE, lose);
      const reply = await request(env, `${gateway}/versions?${projectQuery(Object.fromEntries(marks))}&wait=${seconds}s`, init).catch(() => undefined);
      if (signal.aborted) return;
      // A proxy answers 504 where it gives a request no more time. And who names no cadence is no gateway.
      if (reply?.status !== 200 || !reply.message.fast_ms) {
        lifetime.broke(env.now() - askedAt);
        return lose(reply);
      }
      const { message } = reply;
      if (message.push === 'off') {
        close();
        return on.event('goodbye', { reason: 'off' });
      }
      const { unknown, waiting, denied, off, gap_ms, spread_ms } = message;
      const news = [...message.versions].filter(([project]) => marks.has(project));
      const advances = news.map(([project, version]) => ({ project, version, spread_ms, reset: version < marks.get(project)! }));
      for (const [project, version] of news) marks.set(project, version);
      const lists = [unknown, waiting, denied, off];
      const before = leftOut;
      leftOut = JSON.stringify(lists);
      wait(gap_ms * (1 + env.random()), () => void ask().catch(() => lose()));
      if (leftOut !== before) {
        return on.event('hello', { ...message, versions: Object.fromEntries([...marks].filter(([id]) => !lists.flat().includes(id))) });
      }
      for (const advance of advances) signal.aborted || on.event('version', advance);
      signal.aborted || on.event('heartbeat', message);
    }

    ask().catch(() => lose());
    return { close };
  };
  return Object.assign(open, { held: true });
}

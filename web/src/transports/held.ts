import type { Env, Transport } from '../types.js';
import { MAX_PROJECTS, projectQuery } from './url.js';

const enum Ms {
  /** A gateway answers after 25 s at the latest. */
  Patience = 40_000,
  /** Between two requests, where the gateway names no gap, or one that makes no sense. */
  Gap = 1000,
  LongestGap = 60_000,
  Hour = 3_600_000,
}

/**
 * Streams for where streams do not get through: requests to `/versions`, which the gateway holds until a version differs. The
 * first answer becomes a hello, after 25 s at the latest. So does an answer that leaves out other projects than the last one.
 * Any other becomes versions and a heartbeat. With `bearer` the token goes into a header, else the cookie has it.
 */
export function heldTransport(env: Pick<Env, 'setTimeout' | 'clearTimeout' | 'random' | 'fetch'>, bearer?: boolean): Transport {
  const open: Transport = ({ gateway, projects, token }, on) => {
    const life = new AbortController();
    const { signal } = life;
    const headers: Record<string, string> = bearer && token ? { Authorization: `Bearer ${token}` } : {};
    const init: RequestInit = { headers, signal, cache: 'no-store', credentials: bearer ? 'omit' : 'include' };
    const marks = new Map(Object.entries(projects).slice(0, MAX_PROJECTS));
    let leftOut: string | undefined; // the projects without a version in the last answer, by reason
    let why: [status?: number, retryAfter?: number] = []; // what the newest answer says, should it end the stream
    let timer: unknown;

    function wait(ms: number, act: () => void) {
      env.clearTimeout(timer);
      timer = env.setTimeout(act, ms);
    }

    function close() {
      env.clearTimeout(timer);
      life.abort();
    }

    function lose() {
      if (signal.aborted) return;
      close();
      on.lost(...why);
    }

    async function ask() {
      why = [];
      wait(Ms.Patience, lose);
      const response = await env.fetch(`${gateway}/versions?${projectQuery(Object.fromEntries(marks))}&wait=25s`, init);
      why = [response.status, Math.min(Math.max(Number(response.headers.get('Retry-After')) * 1000 || 0, 0), Ms.Hour)];
      const answer: any = await response.json();
      if (signal.aborted) return;
      if (response.status !== 200) return lose();
      const { versions, unknown, waiting, denied, off, spread_ms, gap_ms, push } = answer;
      if (push === 'off') {
        close();
        return on.event('goodbye', { reason: 'off' });
      }
      const news: unknown[] = [];
      for (const [project, version] of Object.entries<any>(versions)) {
        if (!marks.has(project) || !Number.isSafeInteger(version) || version < 0) continue;
        news.push({ project, version, spread_ms, reset: version < marks.get(project)! });
        marks.set(project, version);
      }
      const lists = [unknown, waiting, denied, off];
      const left = JSON.stringify(lists);
      const greets = leftOut !== left;
      leftOut = left;
      wait((typeof gap_ms === 'number' ? Math.min(Math.max(gap_ms, 0), Ms.LongestGap) : Ms.Gap) * (1 + env.random()), next);
      if (greets) return on.event('hello', { ...answer, versions: Object.fromEntries([...marks].filter(([id]) => !lists.flat().includes(id))) });
      for (const advance of news) signal.aborted || on.event('version', advance);
      signal.aborted || on.event('heartbeat', answer);
    }

    const next = () => void ask().catch(lose);
    next();
    return { close, role: 'solo' };
  };
  return Object.assign(open, { bearer: !!bearer, held: true });
}

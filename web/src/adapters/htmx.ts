import type { Nudge, Options, PollResult } from '../nudge.js';
import { lease } from './lease.js';
import { marks } from './marks.js';

const EVERY = /\bevery\s+([\d.]+)(ms|s|m)?\s*(\[[^\]]*\])?/;
const UNITS: Record<string, number> = { s: 1_000, m: 60_000 };

/**
 * Polls each element with `hx-trigger="every 5s"` that is in an element with `data-nudge-projects="42@123"`, in the place of
 * htmx: at its own pace, rarely while push is proven, and at once for news of its projects. With options instead of an
 * instance, one is created for the first element. To be called before htmx has read the page, else with htmx. Returns the undo.
 */
export function nudgeHtmx(nudge: Nudge | Options = {}, htmx = (globalThis as any).htmx): () => void {
  const [every, stop] = lease(nudge);
  const life = new AbortController();
  const loops = new Map<any, { key: string; end(): void }>();

  const drop = (element: any) => {
    loops.get(element)?.end();
    loops.delete(element);
  };

  const begin = (element: any, ms: number) => {
    const { ids, versions } = marks(element.closest('[data-nudge-projects]').dataset.nudgeProjects);
    const key = `${ms} ${ids}`;
    if (loops.get(element)?.key === key) return;
    drop(element);
    const poll = async () => {
      const answer = element.isConnected && (await request(element));
      if (!element.isConnected || answer?.status === 286) drop(element);
      else if (!answer) {
        // Nothing was asked, as a condition of the trigger may have it. A new loop waits no longer than the interval.
        drop(element);
        begin(element, ms);
      }
      return answer || undefined;
    };
    loops.set(element, { key, end: every(ms, poll, { projects: versions ?? ids }) });
  };

  /** Puts our event in the place of htmx's timer, before htmx reads the attribute. True if there was one. */
  const take = (element: any) => {
    const name = ['hx-trigger', 'data-hx-trigger'].find((name) => element.hasAttribute?.(name));
    if (!name || !element.closest('[data-nudge-projects]')) return;
    const trigger = element.getAttribute(name);
    const [, n, unit = 'ms'] = EVERY.exec(trigger) ?? [];
    if (n) {
      element.dataset.nudgeEvery = +n * (UNITS[unit] ?? 1); // for a page that is restored from the history
      element.setAttribute(name, trigger.replace(EVERY, 'nudge$3'));
    }
    if (element.dataset.nudgeEvery > 0) begin(element, +element.dataset.nudgeEvery);
    return n;
  };

  const hear = (type: string, act: (element: any) => void) => document.addEventListener(type, ({ target }) => act(target), life);
  for (const type of ['htmx:beforeProcessNode', 'htmx:before:init']) hear(type, take); // of htmx 2 and 4
  for (const type of ['htmx:beforeCleanupElement', 'htmx:before:cleanup']) hear(type, drop);
  for (const element of document.querySelectorAll('[hx-trigger], [data-hx-trigger]')) if (take(element)) htmx?.process(element, true);
  return () => {
    life.abort();
    loops.forEach((loop) => loop.end());
    stop();
  };
}

/** Lets htmx make the request of an element. Gives nothing if it makes none. */
async function request(element: Element): Promise<(PollResult & { status: number }) | undefined> {
  const life = new AbortController();
  let ours: any;
  try {
    return await new Promise((resolve, reject) => {
      const end = (good: boolean, status: number, headers: PollResult['headers']) => (good ? resolve({ status, headers }) : reject({ status, headers }));
      const begun = ({ target, detail }: any) => target === element && (ours ??= detail.ctx ?? detail.xhr);
      const ended = ({ detail: { xhr, ctx, successful } }: any) => {
        if (!ours || ours !== (ctx ?? xhr)) return;
        if (xhr) end(successful, xhr.status, { get: (name) => xhr.getResponseHeader(name) });
        else end(ctx.response?.status < 400, ctx.response?.status, ctx.response?.headers);
      };
      for (const type of ['htmx:beforeRequest', 'htmx:before:request']) element.addEventListener(type, begun, life);
      element.addEventListener('htmx:afterRequest', ended, life);
      document.addEventListener('htmx:finally:request', ended, life); // the element may be gone by then
      element.dispatchEvent(new CustomEvent('nudge'));
      setTimeout(() => ours ?? resolve(undefined));
    });
  } finally {
    life.abort();
  }
}

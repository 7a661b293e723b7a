import type { PollEvent } from './global.js';
import { createNudge } from './nudge.js';
import type { Env, Nudge, Options, PollContext, PollResult } from './types.js';

const UNHEARD = `nudge: nobody polls; document.addEventListener('nudge:poll', (event) => event.waitUntil(load(event.detail)))`;

/**
 * Starts what a script element asks for: `data-projects="42@123 7@3"`, and by further attributes the options of the same
 * names. The gateway is where the script came from, unless `data-gateway` says otherwise. Without projects: nothing.
 */
export function startScript(script: HTMLOrSVGElement & { src?: string }, page: EventTarget, parts?: Partial<Env>): Nudge | undefined {
  const { projects, gateway, fast, hidden, push, writer } = script.dataset;
  if (projects === undefined) return;
  let told = false;

  async function poll(context: PollContext): Promise<PollResult> {
    const results: Parameters<PollEvent['waitUntil']>[0][] = [];
    const waitUntil: PollEvent['waitUntil'] = (result) => void results.push(result);
    page.dispatchEvent(Object.assign(new CustomEvent('nudge:poll', { detail: context, bubbles: true }), { waitUntil }));
    if (!results.length) {
      if (!told) console.error(UNHEARD);
      told = true;
      throw new Error(UNHEARD);
    }
    const done = (await Promise.all(results)).map((result) => result ?? {});
    return { versions: Object.assign({}, ...done.map(({ versions }) => versions)), headers: done.find(({ headers }) => headers)?.headers! };
  }

  return createNudge(
    {
      projects: Object.fromEntries(projects.split(/[\s,]+/).filter(Boolean).map(project)),
      poll,
      gateway: gateway ?? new URL('.', script.src).href,
      fast: Number(fast),
      ...(hidden && { hidden: Number(hidden) }),
      push: push as Options['push'] & string,
      writer: writer!,
    },
    parts,
  );
}

function project(text: string): [string, number] {
  const [id, version] = text.split('@');
  return [id!, Number(version ?? 0)];
}

import { PROJECT_ID } from './messages.js';
import { createNudge } from './nudge.js';
import type { Env, Nudge, Options, PollContext, PollResult } from './types.js';

const UNHEARD = `nudge: nobody polls; document.addEventListener('nudge:poll', (event) => event.waitUntil(load(event.detail)))`;

/**
 * Starts what a script element asks for: `data-projects="42@123 7@3"`, and by further attributes the options of the same
 * names. The gateway is where the script came from, unless `data-gateway` says otherwise. Without projects: nothing.
 */
export function startScript(script: HTMLOrSVGElement & { src?: string }, dispatch: (event: Event) => void, parts?: Partial<Env>): Nudge | undefined {
  const { gateway, push, writer } = script.dataset;
  const projects = versions(script.dataset.projects);
  if (!projects.length) {
    const ours = ['project', 'gateway', 'push', 'writer', 'interval', 'fast', 'immediate', 'hidden'].some((name) => name in script.dataset);
    if (ours && !('projects' in script.dataset)) console.error('nudge: without data-projects, such as "42@123", nothing starts');
    return;
  }
  let told = false;

  async function poll(context: PollContext): Promise<PollResult> {
    const results: (Promise<PollResult | undefined | void> | PollResult)[] = [];
    const waitUntil = (result: (typeof results)[number]) => void results.push(result);
    dispatch(Object.assign(new CustomEvent('nudge:poll', { detail: context, bubbles: true }), { waitUntil }));
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
      projects: Object.fromEntries(projects),
      poll,
      gateway: gateway ?? (script.src ? new URL('.', script.src).href : undefined)!,
      interval: milliseconds(script.dataset, 'interval')!,
      fast: milliseconds(script.dataset, 'fast')!, // the old name
      immediate: 'immediate' in script.dataset,
      hidden: milliseconds(script.dataset, 'hidden')!,
      push: push as Options['push'] & string,
      writer: writer!,
    },
    parts,
  );
}

/** Projects with versions. One that is none would cost the others their push: it is left out, and told. */
function versions(text = ''): [string, number][] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .flatMap((one) => {
      const [, id, version] = /^(.+?)(?:@(\d+))?$/.exec(one) ?? [];
      if (id && PROJECT_ID.test(id)) return [[id, Number(version ?? 0)]];
      console.error(`nudge: data-projects: "${one}" is no project with a version, such as 42@123; it is left out`);
      return [];
    });
}

function milliseconds(data: DOMStringMap, name: string): number | undefined {
  const text = data[name];
  if (text === undefined) return;
  if (Number(text) >= 1000) return Number(text);
  console.error(`nudge: data-${name}: "${text}" is no time in milliseconds from 1000 on; the default is taken`);
  return;
}

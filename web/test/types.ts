// Nothing here runs. It compiles only if the published types are those of the source, and are as an application uses them.

import type * as published from '../dist/nudge.js';
import type * as publishedFetch from '../dist/nudge.fetch.js';
import type * as publishedInspect from '../dist/nudge.inspect.js';
import type * as publishedMulti from '../dist/nudge.multi.js';
import type * as publishedTabs from '../dist/nudge.tabs.js';
import type * as publishedWide from '../dist/nudge.wide.js';
import type * as sourceInspect from '../src/observers/inspect.js';
import type * as source from '../src/nudge.js';
import type * as sourceFetch from '../src/transports/fetch.js';
import type * as sourceMulti from '../src/transports/multi.js';
import type * as sourceTabs from '../src/transports/shared.js';
import type * as sourceWide from '../src/transports/wide-old-name.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const same: [
  Same<Parameters<typeof published.createNudge>, Parameters<typeof source.createNudge>>,
  Same<ReturnType<typeof published.createNudge>, ReturnType<typeof source.createNudge>>,
  Same<published.Options, source.Options>,
  Same<published.Snapshot, source.Snapshot>,
  Same<published.PollContext, source.PollContext>,
  Same<published.Env, source.Env>,
  Same<Parameters<typeof publishedFetch.fetchStream>, Parameters<typeof sourceFetch.fetchStream>>,
  Same<Parameters<typeof publishedInspect.inspect>, Parameters<typeof sourceInspect.inspect>>,
  Same<Parameters<typeof publishedMulti.multi>, Parameters<typeof sourceMulti.multi>>,
  Same<Parameters<typeof publishedWide.wide>, Parameters<typeof sourceWide.wide>>,
  Same<ReturnType<typeof publishedTabs.tabs>, ReturnType<typeof sourceTabs.tabs>>,
] = [true, true, true, true, true, true, true, true, true, true, true];

declare const createNudge: typeof published.createNudge;

export function usage(): void {
  using nudge = createNudge({
    projects: { 42: 123 },
    async poll({ reason, projects, signal }) {
      const { have, want } = projects['42']!;
      const response = await fetch(`/projects/42?since=${have}&why=${reason}&want=${want ?? ''}`, { signal });
      if (!response.ok) throw response;
      return { versions: { 42: Number(await response.text()) }, headers: response.headers };
    },
  });
  const undo: () => void = nudge.subscribe(() => nudge.getSnapshot().behind.toFixed() + nudge.getServerSnapshot().reason);
  undo();
  createNudge({ projects: {}, poll() {}, gateway: 'https://push.test', interval: 5000, getToken: async () => null });
  createNudge({ projects: {}, poll: () => ({}) }, { now: () => 0 });
  const every = createNudge({ gateway: 'https://push.test', immediate: true, interval: 5000, server: true });
  const end: () => void = every.every(30_000, async ({ signal }) => void (await fetch('/badge', { signal })), { projects: '42', immediate: true });
  end();
  every.addEventListener('poll', ({ detail }) => detail.failed && every.interval(5000).toFixed());
  every.addEventListener('news', ({ detail: { project, version } }) => every.ack(project, version));
  // @ts-expect-error a version is a number, or its digits
  createNudge({ projects: { 42: true }, poll() {} });
}

declare const tabs: typeof publishedTabs.tabs;

export function sharing(own: published.Transport): published.Transport {
  tabs({ scope: 'alice', transport: own });
  // @ts-expect-error without it, users would hear each other's news
  tabs({});
  const handle = tabs({ scope: 'alice' })(
    { gateway: 'https://push.test', projects: { 42: 123 } },
    { event: (name, data: unknown) => name + data, lost: (status?: number) => status },
  );
  const role: 'solo' | 'leader' | 'follower' | undefined = handle.role;
  handle.close();
  return own.bearer && role ? own : tabs({ scope: 'alice' });
}

declare const inspect: typeof publishedInspect.inspect;

export function looking(nudge: published.Nudge): () => void {
  inspect(nudge)();
  // @ts-expect-error one instance each
  inspect([nudge]);
  return inspect(nudge, { parent: document.body, open: true, name: 'Board' });
}

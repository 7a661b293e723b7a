// Nothing here runs. It compiles only if what the adapters give fits the types of the libraries. (Those of Inertia need others.)

import { QueryClient, useInfiniteQuery, useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { createElement } from 'react';
import { from } from 'solid-js';
import { derived, type Readable } from 'svelte/store';
import useSWR, { SWRConfig, useSWRConfig } from 'swr';
import { ref } from 'vue';
import { useEvery as useReactEvery } from '../../src/adapters/react.js';
import { store } from '../../src/adapters/store.js';
import * as swr from '../../src/adapters/swr.js';
import * as query from '../../src/adapters/tanstack-query.js';
import { useEvery } from '../../src/adapters/vue.js';
import type { Nudge } from '../../src/types.js';

interface Project {
  version: number;
  done: boolean;
}

export function queries(): (number | undefined)[] {
  const client = new QueryClient();
  query.nudgeClient(client, { gateway: '/push' })();
  query.pollQueries(client, { queryKey: ['projects'] });
  const queryKey = ['project', 42];
  const one = useQuery({
    queryKey,
    queryFn: query.json<Project>(({ signal }) => fetch('/projects/42', { signal })),
    ...query.nudged('42', { every: 5_000, versions: (data: Project) => ({ 42: data.version }) }),
  });
  const two = useSuspenseQuery({
    queryKey,
    queryFn: async (): Promise<Project> => ({ version: 1, done: false }),
    ...query.nudged([42, '7'], { every: (query) => !query.state.data?.done && 2_000 }),
  });
  const three = useInfiniteQuery({
    queryKey,
    queryFn: async () => 1,
    initialPageParam: 0,
    getNextPageParam: (page) => page + 1,
    ...query.nudged(42, { every: 5_000 }),
  });
  return [one.data?.version, two.data.version, three.data?.pages[0]];
}

export function keys(): (number | undefined)[] {
  swr.pollKeys(useSWRConfig(), ['/projects/42']);
  createElement(SWRConfig, { value: { ...swr.nudgeConfig({ gateway: '/push' }), dedupingInterval: 3 } });
  const one = useSWR('/projects/42', swr.json<Project>(fetch), swr.nudged('42', { every: 5_000 }));
  const two = useSWR<Project>('/projects/42', { suspense: false, ...swr.nudged('42', { every: (data) => (data?.done ? 0 : 5_000) }) });
  return [one.data?.version, two.data?.version];
}

export function stores(nudge: Nudge): [Readable<number>, string | undefined] {
  useReactEvery(nudge, 5_000, ({ projects }) => ({ versions: { 42: projects['42']!.have } }), { projects: [42] });
  useEvery(nudge, ref(5_000), async () => ({ versions: { 42: '3' } }), { projects: ref('42') });
  useEvery(nudge, () => false, () => {}, { projects: { 42: 1 } });
  return [derived(store(nudge), ({ mode }) => mode.length), from(store(nudge, ({ mode }) => mode))()];
}

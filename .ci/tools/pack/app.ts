// An application that imports all there is, as those who install the package do.

import { createNudge, type Nudge, type Snapshot } from '@nudge-gateway/nudge';
import { fetchStream } from '@nudge-gateway/nudge/fetch';
import '@nudge-gateway/nudge/global';
import { nudgeHtmx } from '@nudge-gateway/nudge/htmx';
import { nudged as visited, nudgeRouter } from '@nudge-gateway/nudge/inertia';
import { inspect } from '@nudge-gateway/nudge/inspect';
import { multi } from '@nudge-gateway/nudge/multi';
import { useEvery, useNudge } from '@nudge-gateway/nudge/react';
import { store } from '@nudge-gateway/nudge/store';
import { json, nudgeConfig, nudged as refreshed, pollKeys } from '@nudge-gateway/nudge/swr';
import { tabs } from '@nudge-gateway/nudge/tabs';
import { createNudge as createFake, type FakeNudge } from '@nudge-gateway/nudge/testing';
import { nudgeClient, nudged, pollQueries } from '@nudge-gateway/nudge/tanstack-query';
import { nudgeFrames, pollPage } from '@nudge-gateway/nudge/turbo';
import { useEvery as useVueEvery } from '@nudge-gateway/nudge/vue';
import { wide } from '@nudge-gateway/nudge/wide';

using nudge = createNudge({ projects: { 42: 123 }, poll: pollPage(), transport: multi(tabs({ scope: 'alice', transport: fetchStream() })) });
export const old = wide();
export const fake: FakeNudge = createFake({ projects: { 42: 123 }, poll() {} });
export const announced: Promise<void> = fake.announce('42', 124);
export const undo: () => void = inspect(nudge, { open: true });
export const page: Nudge | undefined = globalThis.Nudge.page;
export const shown = (): [Snapshot, string] => [useNudge(nudge), useNudge(nudge, (s) => s.mode)];

declare const swr: Parameters<typeof pollKeys>[0];
declare const client: Parameters<typeof pollQueries>[0];
createNudge({ projects: {}, poll: pollKeys(swr, ['/projects/42']) });
createNudge({ projects: {}, poll: pollQueries(client, { queryKey: ['project', 42] }) });

nudgeClient(client, { gateway: '/push', getToken: () => null })();
export const query: { refetchInterval: unknown } = nudged('42', { every: 5_000, versions: (data: { version: number }) => ({ 42: data.version }) });
export const key: { use: unknown[] } = refreshed([42, '7'], { every: () => 5_000 });
export const context: {} = nudgeConfig(nudge);
export const fetched: Promise<{ title: string }> = json<{ title: string }>(fetch)('/projects/42');
nudgeRouter({ reload() {}, poll: () => ({ start() {}, stop() {} }) }, nudge);
export const visit: { autoStart?: boolean } = visited('42');
nudgeFrames(nudge)();
nudgeHtmx({ gateway: '/push' })();
useEvery(nudge, 5_000, () => {}, { projects: '42' });
useVueEvery(nudge, () => 5_000, () => ({ versions: { 42: 124 } }), { projects: () => '42' });
store(nudge, (s) => s.mode).subscribe((mode) => mode.length)();

// @ts-expect-error what is not in the map is nobody's to import
import('nudge/dist/nudge.js');
// @ts-expect-error the types are there, so a mistake is one
createNudge({ projects: {}, poll: 'no function' });

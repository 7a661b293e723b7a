// An application that imports all there is, as those who install the package do.

import { createNudge, type Nudge, type Snapshot } from 'nudge';
import { fetchStream } from 'nudge/fetch';
import 'nudge/global';
import { inspect } from 'nudge/inspect';
import { multi } from 'nudge/multi';
import { useNudge } from 'nudge/react';
import { pollKeys } from 'nudge/swr';
import { tabs } from 'nudge/tabs';
import { pollQueries } from 'nudge/tanstack-query';
import { pollPage } from 'nudge/turbo';
import { wide } from 'nudge/wide';

using nudge = createNudge({ projects: { 42: 123 }, poll: pollPage(), transport: multi(tabs({ scope: 'alice', transport: fetchStream() })) });
export const old = wide();
export const undo: () => void = inspect(nudge, { open: true });
export const page: Nudge | undefined = globalThis.Nudge.page;
export const shown = (): [Snapshot, string] => [useNudge(nudge), useNudge(nudge, (s) => s.mode)];

declare const swr: Parameters<typeof pollKeys>[0];
declare const client: Parameters<typeof pollQueries>[0];
createNudge({ projects: {}, poll: pollKeys(swr, ['/projects/42']) });
createNudge({ projects: {}, poll: pollQueries(client, { queryKey: ['project', 42] }) });

// @ts-expect-error what is not in the map is nobody's to import
import('nudge/dist/nudge.js');
// @ts-expect-error the types are there, so a mistake is one
createNudge({ projects: {}, poll: 'no function' });

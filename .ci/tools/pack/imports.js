// Imports each entry that is named on the command line, as a server does: what a declaration says is a function must be one, and
// the process must end by itself.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import manifest from '@nudge-gateway/nudge/package.json' with { type: 'json' };

if (manifest.name !== '@nudge-gateway/nudge') throw new Error(`this is ${manifest.name}`);

const require = createRequire(import.meta.url);
for (const name of process.argv.slice(2)) {
  const entry = await import(name);
  const types = readFileSync(new URL(import.meta.resolve(name).replace(/\.js$/, '.d.ts')), 'utf8');
  for (const [, declared] of types.matchAll(/^export declare function (\w+)/gm)) {
    if (typeof entry[declared] !== 'function') throw new Error(`${name} declares ${declared}, and does not export it`);
    if (typeof require(name)[declared] !== 'function') throw new Error(`require('${name}') lacks ${declared}`);
  }
}

// An instance of a module that is also rendered on a server.
const { createNudge } = await import('@nudge-gateway/nudge');
const poll = () => process.exit(3);
const nudge = createNudge({ gateway: 'http://127.0.0.1:1', projects: { 42: 123 }, interval: 100, immediate: true, poll });
nudge.every(100, poll, { projects: '42', immediate: true });
nudge.watch({ 7: 3 });

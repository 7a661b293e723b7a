// Imports each entry that is named on the command line; what a declaration says is a function must be one.

import { readFileSync } from 'node:fs';
import manifest from 'nudge/package.json' with { type: 'json' };

if (manifest.name !== 'nudge') throw new Error(`this is ${manifest.name}`);

for (const name of process.argv.slice(2)) {
  const entry = await import(name);
  const types = readFileSync(new URL(import.meta.resolve(name).replace(/\.js$/, '.d.ts')), 'utf8');
  for (const [, declared] of types.matchAll(/^export declare function (\w+)/gm)) {
    if (typeof entry[declared] !== 'function') throw new Error(`${name} declares ${declared}, and does not export it`);
  }
}

// Each file of the shim can be understood after those that it imports: no import leads back to where it came from, types included.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';

/** What a source imports or exports from other sources, by name. */
function imports(file, text) {
  const names = [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)\.js'|\bimport\('(\.[^']+)\.js'\)|^import '(\.[^']+)\.js'/gm)];
  return names.map(([, from, lazy, bare]) => `${posix.join(posix.dirname(file), from ?? lazy ?? bare)}.ts`);
}

/** A path along imports that comes back to where it began; nothing if there is none. */
function circle(graph) {
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...path, file]);
      if (found) return found;
    }
    done.add(file);
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found) return found;
  }
}

test('no file imports itself through others', () => {
  const root = new URL('../src/', import.meta.url);
  const files = readdirSync(root, { recursive: true }).filter((name) => name.endsWith('.ts'));
  const graph = new Map(files.map((file) => [file, imports(file, readFileSync(new URL(file, root), 'utf8'))]));
  assert.ok(graph.size > 20);
  for (const [file, names] of graph) for (const name of names) assert.ok(graph.has(name), `${file} imports ${name}`);
  assert.equal(circle(graph)?.join(' → '), undefined);
});

test('a circle would be found', () => {
  const sources = {
    'a.ts': "import type { B } from './in/b.js';",
    'in/b.ts': "export {\n  c,\n} from '../c.js';",
    'c.ts': "import './d.js';",
    'd.ts': "import('./a.js');",
  };
  const graph = new Map(Object.entries(sources).map(([file, text]) => [file, imports(file, text)]));
  assert.deepEqual(circle(graph), ['a.ts', 'in/b.ts', 'c.ts', 'd.ts', 'a.ts']);
});

// What is committed, as pages and debuggers get it.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import test from 'node:test';
import { brotliDecompressSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const names = await readdir(dist);
const read = (name) => readFile(new URL(name, dist), 'utf8');

for (const name of names.filter((name) => names.includes(`${name}.map`))) {
  test(`the source map of ${name} leads from strings to the lines of TypeScript that have them`, async () => {
    const script = await read(name);
    const map = new SourceMap(JSON.parse(await read(`${name}.map`)));
    const { sources, sourcesContent } = map.payload;
    const strings = [...script.matchAll(/"([\w :/-]{3,})"/g)];
    const astray = strings.filter(({ 1: text, index }) => {
      const before = script.slice(0, index).split('\n');
      const { originalSource, originalLine } = map.findEntry(before.length - 1, before.at(-1).length);
      return !sourcesContent[sources.indexOf(originalSource)]?.split('\n')[originalLine].includes(text);
    });
    // A constant that was put where it is used, or joined with another, leads elsewhere.
    assert.ok(astray.length <= strings.length / 10 && (strings.length > 0 || script.length < 500), `astray: ${astray.map(([quoted]) => quoted)} of ${strings.length}`);
  });
}

test('what is served with brotli is the script', async () => {
  const packed = names.filter((name) => name.endsWith('.br'));
  assert.deepEqual(packed, names.filter((name) => /^nudge.*\.js$/.test(name)).map((name) => `${name}.br`));
  for (const name of packed) {
    const script = brotliDecompressSync(await readFile(new URL(name, dist)));
    assert.equal(script.toString(), await read(name.replace('.br', '')));
  }
});

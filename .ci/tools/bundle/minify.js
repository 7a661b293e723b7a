// Shortens scripts with terser. In and out, as JSON: [{ name, code, map }], where map is the source map as text, or empty.

import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { minify } from 'terser';

const options = {
  module: true,
  ecma: 2020,
  compress: { passes: 3 }, // nothing that terser calls unsafe is on
  format: { comments: false },
};

// Properties that the core alone sees get short names. A name is kept if anybody else may see it: if it stands in a file that says
// what applications, transports or gateways see; in quotes anywhere; or in terser's list of what platforms have. So is one that does
// not begin with a small letter, such as a header.
const OTHERS_SEE = ['types.ts', 'messages.ts', 'global.ts'];
const PLATFORM = ['unref']; // of timers in Node
const SHORT_NAMES = ['nudge.js', 'nudge.global.js']; // what tabs tell each other may be read by another build

const source = (name) => readFile(`src/${name}`, 'utf8');
const words = (code) => code.replace(/\/\*[^]*?\*\/|\s\/\/ .*/g, '').match(/\w+/g);
const quoted = (code) => Array.from(code.matchAll(/['"](\w+)['"]/g), ([, word]) => word);
const all = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'));
const reserved = [...PLATFORM];
for (const name of OTHERS_SEE) reserved.push(...words(await source(name)));
for (const name of all) reserved.push(...quoted(await source(name)));
const mangle = { properties: { regex: /^[a-z]\w*$/, reserved } };

const shorten = async ({ name, code, map }) => {
  if (!map) return { name, code: (await minify(code, options)).code, map };
  const sourceMap = { content: map, filename: name, url: `${name}.map`, includeSources: true };
  const { code: shorter, map: chained } = await minify({ [name]: code }, { ...options, sourceMap, mangle: SHORT_NAMES.includes(name) ? mangle : true });
  return { name, code: `${shorter}\n`, map: `${chained}\n` };
};

const scripts = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await Promise.all(scripts.map(shorten))));

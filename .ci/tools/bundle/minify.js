// Shortens scripts with terser. In and out, as JSON: [{ name, code, map }], where map is the source map as text, or empty.

import { text } from 'node:stream/consumers';
import { minify } from 'terser';

const options = {
  module: true,
  ecma: 2020,
  compress: { passes: 3 }, // nothing that terser calls unsafe is on
  format: { comments: false },
};

const shorten = async ({ name, code, map }) => {
  if (!map) return { name, code: (await minify(code, options)).code, map };
  const sourceMap = { content: map, filename: name, url: `${name}.map`, includeSources: true };
  const { code: shorter, map: chained } = await minify({ [name]: code }, { ...options, sourceMap });
  return { name, code: `${shorter}\n`, map: `${chained}\n` };
};

const scripts = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await Promise.all(scripts.map(shorten))));

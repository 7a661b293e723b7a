// A page for the adapters: an instance without a poll of its own in the fake world, and a gateway that serves its streams.

import { World, answer, cadence, hello, terms } from '../world.js';

const moment = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Waits, in real time, until an assertion holds: libraries render when they like. Throws what it throws after 20 s. */
export async function eventually(holds) {
  for (const end = performance.now() + 20_000; ; await moment()) {
    try {
      return holds();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

export async function page({ gateway = false } = {}) {
  const world = new World();
  world.random = () => 0.5; // intervals are exact
  const versions = {}; // what the gateway knows
  let alive = gateway; // there is one that answers
  let loops = 0;
  let running = 0;
  for (const [path, answers] of Object.entries(world.routes)) {
    world.routes[path] = (...asked) => {
      if (!alive) throw new TypeError('no gateway');
      return answers(...asked);
    };
  }
  const nudge = world.start({ projects: {}, poll: undefined });
  const { every } = nudge;
  nudge.every = (ms, run, options) => {
    const end = every(ms, async (context) => {
      running++;
      try {
        const result = await run(context);
        world.answers = [...(world.answers ?? []), result];
        return result;
      } catch (error) {
        world.failed = error;
        throw error;
      } finally {
        running--;
      }
    }, options);
    loops++;
    return () => {
      loops--;
      end();
    };
  };

  /** What the gateway has to say on its streams by now. */
  function serve() {
    for (const source of world.sources.filter((one) => !one.closed)) {
      const { saidAt, said = 0 } = source;
      if (!alive) source.fail();
      else if (!said) source.send('hello', { ...hello, versions: Object.fromEntries(projects(source).map((id) => [id, versions[id] ?? 1])) });
      else if (world.now - saidAt >= (said === 1 ? 1_000 : 20_000)) source.send('heartbeat', cadence);
      else continue;
      source.said = said + 1;
      source.saidAt = world.now;
    }
  }
  const projects = (source) => new URL(source.url).searchParams.getAll('project').map((mark) => mark.split('@')[0]);

  async function pass(ms) {
    for (let left = ms; left > 0; left -= 250) {
      serve();
      await world.pass(Math.min(left, 250));
    }
    serve();
    await world.calm();
  }

  await world.calm();
  return {
    world,
    nudge,
    pass,
    /** The gateway comes, and its push is proven. Then polls are 30 times as rare. */
    async push() {
      alive = true;
      for (let i = 0; nudge.getSnapshot().stream !== 'proven'; i++) {
        if (i > 240) throw new Error(`no push: ${JSON.stringify(nudge.getSnapshot())}`);
        await pass(250);
      }
    },
    async news(id, version) {
      versions[id] = version;
      for (const source of world.sources) if (projects(source).includes(id)) source.send('version', { project: id, version, spread_ms: 0 });
      await pass(1_250); // the gap between two polls for news
    },
    /** The gateway dies. */
    async kill() {
      alive = false;
      await pass(250);
    },
    /** Waits, in real time, until no poll is under way. */
    async idle() {
      while (running) await moment();
    },
    get loops() {
      return loops;
    },
  };
}

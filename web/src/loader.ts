import type { createNudge, Nudge, Options, PollContext } from './types.js';

/** The options of `createNudge`, and where to find it. */
export interface LoaderOptions extends Options {
  /** The URL of nudge.js. The gateway is the folder that it is in, unless `gateway` says otherwise. */
  readonly src: string;
}

declare global {
  /**
   * Polls at the page's own interval until nudge.js can be loaded, however long that takes. Then `createNudge` goes on, with
   * these options and the versions that the page has by then. Gives its instance; nothing if the signal was aborted before.
   * Never rejects.
   */
  var nudge: (options: LoaderOptions) => Promise<Nudge | undefined>;
}

globalThis.nudge = async ({ src, ...options }) => {
  const interval = options.interval! > 0 ? options.interval! : 10_000;
  const versions = { ...options.projects };
  let create: typeof createNudge | undefined;
  let loading = false;
  let attempts = 0;
  let pause = 0; // until when nothing is loaded
  let waiting = 0; // since when
  let hurry = () => {}; // ends the wait

  async function load() {
    if (loading || performance.now() < pause) return;
    loading = true;
    await within(20_000, async (signal) => {
      // An import that hangs cannot be given up and keeps its connection, so the file is fetched first. An import that has failed
      // fails again in many browsers, unless the URL has another fragment.
      await (await fetch(src, { signal })).text();
      create = (await import(`${src}#${attempts}`)).createNudge;
    });
    loading = false;
    pause = performance.now() + Math.min(1000 * 2 ** attempts++, 60_000);
    // Later, the next poll is due before the instance would make its first one.
    if (create && performance.now() - waiting < interval / 5) hurry();
  }

  async function poll() {
    const projects: Record<string, PollContext['projects'][string]> = {};
    for (const id in versions) projects[id] = { have: Number(versions[id]) };
    const result = await within(60_000, (signal) => options.poll?.({ reason: 'interval', projects, signal }));
    for (const id in versions) {
      const version = result?.versions?.[id];
      if (Number(version) > Number(versions[id])) versions[id] = version!;
    }
  }

  load();
  for (let due = !!options.immediate; !options.signal?.aborted; ) {
    if (due && !create) {
      await poll();
      due = false;
    }
    // Either the instance makes the poll that is due, or there has just been one.
    if (create) return create({ gateway: src.replace(/[^/]*$/, ''), ...options, projects: versions, immediate: due });
    waiting = performance.now();
    load();
    due = await new Promise<boolean>((end) => {
      hurry = () => end(false);
      setTimeout(end, interval, true);
    });
  }
  return;
};

/** What `act` gives; nothing if it fails, or takes longer. */
async function within<T>(ms: number, act: (signal: AbortSignal) => T): Promise<Awaited<T> | void> {
  const controller = new AbortController();
  let late;
  try {
    return await Promise.race([
      act(controller.signal),
      new Promise<void>((end) => {
        late = setTimeout(() => end(controller.abort()), ms);
      }),
    ]);
  } catch (error) {
    console.warn('nudge:', error);
  } finally {
    clearTimeout(late);
  }
}

import type { createNudge, Nudge, Options, PollContext, Versions } from './types.js';

/** The options of `createNudge`, and where to find it. */
export interface LoaderOptions extends Omit<Options, 'projects'> {
  /** The projects on the page, each with the version it was rendered at. */
  readonly projects?: Versions;
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
  let attempts = 0;
  let pause = 0; // until when nothing is loaded
  let waiting = 0; // since when
  let end: ((due: boolean) => void) | undefined; // of the wait

  async function load() {
    if (performance.now() < pause) return;
    pause = Infinity;
    await within(20_000, async (signal) => {
      // An import that hangs cannot be given up and keeps its connection, so the file is fetched first. An import that has failed
      // fails again in many browsers, unless the URL has another fragment.
      await (await fetch(src, { signal })).text();
      create = (await import(`${src}#${attempts}`)).createNudge;
    });
    pause = performance.now() + Math.min(1000 * 2 ** attempts++, 60_000);
    // Later, the next poll is due before the instance would make its first one.
    if (create && performance.now() - waiting < interval / 5) end?.(false);
  }

  load();
  for (let due = options.immediate; !options.signal?.aborted; ) {
    if (due && !create) {
      await within(60_000, async (signal) => {
        const projects: Record<string, PollContext['projects'][string]> = {};
        for (const id in versions) projects[id] = { have: Number(versions[id]) };
        const result = await options.poll?.({ reason: 'interval', projects, signal });
        for (const id in versions) {
          const version = result?.versions?.[id];
          if (Number(version) > Number(versions[id])) versions[id] = version!;
        }
      });
      due = false;
    }
    if (create) {
      try {
        // Either the instance makes the poll that is due, or there has just been one.
        return create({ gateway: src.replace(/[^/]*$/, ''), ...options, projects: versions, immediate: due });
      } catch (error) {
        console.warn('nudge:', error);
        create = undefined;
      }
    }
    waiting = performance.now();
    load();
    due = await new Promise<boolean>((over) => {
      end = over;
      setTimeout(over, interval, true);
    });
  }
  return;
};

/** Ends when `act` has, well or not, or after this time. */
function within(ms: number, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  return new Promise((end) => {
    const controller = new AbortController();
    const late = setTimeout(() => end(controller.abort()), ms);
    Promise.resolve(controller.signal)
      .then(act)
      .catch((error) => console.warn('nudge:', error))
      .then(end)
      .finally(() => clearTimeout(late));
  });
}

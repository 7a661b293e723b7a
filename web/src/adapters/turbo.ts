import type { Nudge, Options, PollContext, PollResult } from '../nudge.js';
import { lease } from './lease.js';
import { marks } from './marks.js';

/**
 * Polls each `<turbo-frame data-nudge-every="5000" data-nudge-projects="42@123">` of the page: reloads it at its own pace in
 * ms, rarely while push is proven, and at once for news of its projects. A poll that fails leaves the frame as it is. With
 * options instead of an instance, one is created for the first frame. Returns the undo.
 */
export function nudgeFrames(nudge: Nudge | Options = {}): () => void {
  const [every, stop] = lease(nudge);
  const loops = new Map<any, { key: string; end(): void }>();
  const scan = () => {
    const frames = new Set(document.querySelectorAll('turbo-frame[data-nudge-every]'));
    for (const frame of new Set([...loops.keys(), ...frames])) {
      const ms = frames.has(frame) ? +frame.dataset.nudgeEvery : 0;
      const { ids, versions } = marks(frame.dataset.nudgeProjects);
      const key = `${ms} ${ids}`;
      const loop = loops.get(frame);
      if (loop?.key === key) continue;
      loop?.end();
      loops.delete(frame);
      if (ms > 0) loops.set(frame, { key, end: every(ms, () => reload(frame), { projects: versions ?? ids }) });
    }
  };
  const changes = new MutationObserver(scan);
  changes.observe(document, { subtree: true, childList: true, attributeFilter: ['data-nudge-every', 'data-nudge-projects'] });
  scan();
  return () => {
    changes.disconnect();
    loops.forEach((loop) => loop.end());
    stop();
  };
}

async function reload(frame: any): Promise<PollResult> {
  if (frame.hasAttribute('busy')) throw new Error('busy');
  const life = new AbortController();
  let headers: Headers | undefined;
  let requests = 0;
  try {
    await new Promise((resolve, reject) => {
      const hear = (type: string, act: (event: any) => void) =>
        frame.addEventListener(type, (event: Event) => event.target === frame && act(event), life);
      // Turbo would put an error page, or "Content missing", in the place of what is shown.
      const refuse = (event: Event, why: unknown) => {
        event.preventDefault();
        reject(why);
      };
      hear('turbo:before-fetch-request', () => requests++ && reject(new Error('busy'))); // of the user, in the place of ours
      hear('turbo:before-fetch-response', (event) => {
        const { response } = event.detail.fetchResponse;
        headers = response.headers;
        if (!response.ok) refuse(event, response);
      });
      hear('turbo:frame-missing', (event) => refuse(event, new Error('the answer lacks the frame')));
      hear('turbo:fetch-request-error', ({ detail }) => reject(detail.error));
      // Turbo takes over what is in the new frame, and not its attributes.
      hear('turbo:before-frame-render', ({ detail: { newFrame } }) => {
        const { nudgeProjects } = newFrame.dataset;
        if (nudgeProjects) frame.dataset.nudgeProjects = nudgeProjects;
      });
      frame.reload().then(resolve);
    });
  } finally {
    life.abort();
  }
  return { headers, versions: marks(frame.dataset.nudgeProjects).versions };
}

/**
 * A `poll` for createNudge: fetches the page that is shown, and lets Turbo put it in place, by morphing if the page has
 * `<meta name="turbo-refresh-method" content="morph">`.
 *
 * Not by `Turbo.session.refresh`: that leaves the page for the browser's error page when the network is away, shows the error
 * page of a server that has one, aborts a form that is being sent, and waits for a pause in the calls. Here such a poll fails,
 * and the page stays.
 *
 * `versions` tells which versions the page has then, for instance out of its own elements.
 */
export function pollPage(versions?: () => PollResult['versions']): (context: PollContext) => Promise<PollResult> {
  return async ({ signal }) => {
    const { Turbo, location } = window as any; // loaded by now, whoever came first
    const at = location.href; // of this moment: a visit may have changed it
    const response = await Turbo.fetch(at, { headers: { Accept: 'text/html' }, signal });
    if (!response.ok) throw response;
    const { headers, redirected, status: statusCode, url } = response;
    const responseHTML = await response.text();
    const { currentVisit, formSubmission } = Turbo.navigator;
    // A visit of ours would end these.
    if (at !== location.href || currentVisit || /ing$/.test(formSubmission?.state)) throw new Error('busy');
    // As a session that has ended leads to the login.
    if (redirected) Turbo.visit(url, { action: 'replace' });
    else Turbo.visit(at, { action: 'replace', shouldCacheSnapshot: false, response: { statusCode, responseHTML, redirected } });
    const visit = Turbo.navigator.currentVisit;
    await new Promise<void>((resolve) => {
      const heard = () => {
        if (visit?.state === 'started' && !signal.aborted) return; // that was another visit
        document.removeEventListener('turbo:load', heard);
        resolve();
      };
      document.addEventListener('turbo:load', heard);
      signal.addEventListener('abort', heard);
    });
    return { headers, versions: versions?.() };
  };
}

import type { PollContext, PollResult } from '../nudge.js';

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

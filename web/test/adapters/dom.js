// A light DOM as the globals of this process, for libraries that look for a browser when they are loaded: import it first.

import { Window } from 'happy-dom';

export const window = new Window({ url: 'https://app.test/projects/42', settings: { disableJavaScriptFileLoading: true } });

// What Node has already, such as Response and AbortController, stays Node's, but for what a document takes from
// its own window only.
for (const name of Object.getOwnPropertyNames(window)) {
  if (!(name in globalThis) || /^(Custom)?Event(Target)?$|^FormData$/.test(name)) globalThis[name] = window[name];
}
globalThis.window = window;
globalThis.document = window.document;
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

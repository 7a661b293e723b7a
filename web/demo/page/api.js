// The application's endpoints, as the page calls them.

const board = '/app/projects/42';
const counter = '/app/projects/counter';

// Tags this window's own changes, so that it does not take them for news.
// getRandomValues, unlike randomUUID, exists on plain HTTP too.
export const writer = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');

async function call(path, init) {
  const response = await fetch(path, init).catch((error) => {
    if (init?.signal?.aborted) throw error;
    throw new Error('The demo does not answer. Start it again with make run; nothing was changed.');
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(body.detail || `${path} answered ${response.status}`);
  }
  return body;
}

const post = (path, body) => call(path, {
  method: 'POST',
  headers: {'Content-Type': 'application/json'},
  body: JSON.stringify(body),
});

export const settings = () => call('/app/settings');
export const snapshot = () => call(board);
export const count = () => call(counter);

export const changes = (since, run, signal) => call(`${board}/changes?since=${since}&run=${run}`, {signal});
export const countChanges = (since, signal) => call(`${counter}/changes?since=${since}`, {signal});

export const add = (title) => post(`${board}/stories`, {title, writer});
export const move = (id, column, position) => post(`${board}/stories/${id}/move`, {column, position, writer});
export const rename = (id, title) => post(`${board}/stories/${id}/rename`, {title, writer});

export const token = async () => (await post('/app/token', {})).token;
export const push = async () => (await call('/app/push')).on;
export const setPush = (on) => post('/app/push', {on});

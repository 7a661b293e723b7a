// The application's endpoints, as the page calls them.

const board = '/app/projects/42';

// newWriter makes a tag by which a board knows its own changes. getRandomValues, unlike randomUUID, exists on plain HTTP too.
export const newWriter = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');

async function call(path, init) {
  const response = await fetch(path, init).catch((error) => {
    if (init?.signal?.aborted) throw error;
    throw new Error('The demo does not answer. Start it again with make run: both boards go on by themselves.');
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

// ahead is by how many milliseconds this clock is ahead of the application's, as the quickest answer told. Both are the same
// clock where the browser runs beside the demo: then it is 0.
let ahead = 0;
let quickest = Infinity;

function compareClocks(asked, now) {
  const took = Date.now() - asked;
  if (took >= quickest) return;
  quickest = took;
  const difference = asked + took / 2 - now;
  ahead = Math.abs(difference) <= took / 2 + 1 ? 0 : difference;
}

// lateness is how long ago a change was committed, in milliseconds.
export const lateness = (event) => Math.max(0, Date.now() - ahead - event.at_ms);

// changes is the poll: what happened since a version?
export async function changes(since, run, signal) {
  const asked = Date.now();
  const delta = await call(`${board}/changes?since=${since}&run=${run}`, {signal});
  compareClocks(asked, delta.now_ms);
  return delta;
}

export const settings = () => call('/app/settings');
export const snapshot = () => call(board);
export const move = (id, column, position, writer) => post(`${board}/stories/${id}/move`, {column, position, writer});
export const token = async () => (await post('/app/token', {})).token;
export const switches = () => call('/app/switches');
export const turn = (name, on) => post('/app/switches', {[name]: on});

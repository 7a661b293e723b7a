// Wires the page: two boards of the same application. One polls, the other one has Nudge.

import * as api from './api.js';
import {drawOutage} from './chart.js';
import {listCommands} from './commands.js';
import {inspect} from './nudge.inspect.js';
import {createNudge} from './nudge.js';
import {Panel, write} from './panel.js';
import {Switches} from './switches.js';

const byId = (id) => document.getElementById(id);
const stillness = matchMedia('(prefers-reduced-motion: reduce)');

let toastTimer;
function say(text) {
  const toast = byId('toast');
  write(toast, text); // the same again is not announced again
  toast.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove('shown'), 6000);
}

function complain(error) {
  say(error.message);
}

// describe puts an event into words, for those who listen.
function describe(event, model) {
  const title = model.stories.get(event.story)?.title ?? 'A story';
  if (event.kind === 'added') return `New in ${model.columnName(event.column)}: ${title}`;
  if (event.kind === 'moved') return `Moved to ${model.columnName(event.column)}: ${title}`;
  return `Renamed: ${title}`;
}

async function start() {
  const [settings, state] = await Promise.all([api.settings(), api.snapshot()]);
  const {fast_ms: fast, slow_ms: slow} = settings;

  const panels = [];
  const announce = (text) => write(byId('news'), text);
  function arrived(panel, events) {
    const same = panels.filter(({model}) => model.run === panel.model.run);
    const newest = Math.max(...same.map(({model}) => model.version));
    for (const each of same) each.count(newest);
    if (panel === right && events.length > 0) announce(events.map((event) => describe(event, panel.model)).join('. '));
  }

  // restarted shows what the new process says of itself. A command line of the old one may not work any more.
  async function restarted() {
    say('The demo was restarted; both boards start afresh.');
    try {
      listCommands(byId('commands'), await api.settings(), announce);
      await switches.read();
    } catch (error) {
      complain(error);
    }
  }
  const left = new Panel({id: 'polling', state, slow, complain, arrived, restarted});
  const right = new Panel({id: 'nudge', state, slow, complain, arrived, restarted});
  panels.push(left, right);
  for (const panel of panels) panel.count(state.version);

  // The left board: a timer.
  left.pace(fast);
  setInterval(() => left.poll(left.model.version).catch(complain), fast);
  left.ask = () => left.poll(left.model.version).catch(complain);

  // The right board: the same poll, and Nudge decides when.
  const switches = new Switches({fast, slow, complain, changed});
  await switches.read();
  const nudge = createNudge({
    projects: {42: right.model.version},
    interval: fast,
    getToken: api.token,
    writer: right.writer,
    apply: ({data}) => right.apply(data),
    poll: async ({projects, signal}) => ({versions: {42: await right.poll(projects[42].have, signal)}}),
  });
  window.nudge = nudge; // for tests and the curious
  right.ask = () => nudge.refresh();
  right.own = (version, prev) => nudge.ack('42', version, prev);

  function changed(name, on) {
    // A page that leaves the network of such a proxy is told so by its browser.
    if (name === 'events' && on) window.dispatchEvent(new Event('online'));
  }
  let push;
  function follow() {
    const snapshot = nudge.getSnapshot();
    if (push && push !== snapshot.push) switches.read(); // another window may have turned one
    push = snapshot.push;
    right.pace(snapshot.interval);
    switches.tell(snapshot);
  }
  nudge.subscribe(follow);
  follow();

  let undo;
  byId('inspect').addEventListener('click', () => {
    undo?.(); // it may have been put away
    undo = inspect(nudge, {open: true});
  });

  (function tick() {
    if (!document.hidden) for (const {lane} of panels) lane.draw();
    setTimeout(tick, stillness.matches ? 1000 : 100);
  })();
  listCommands(byId('commands'), settings, announce);
  drawOutage(byId('chart')).catch(complain);
}

start().catch((error) => complain(new Error(`The page could not start: ${error.message.replace(/\.$/, '')}. Reload it.`)));

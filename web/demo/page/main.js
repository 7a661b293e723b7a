// Wires the page: the application's poll, Nudge, the board and the strip.

import * as api from './api.js';
import {Model} from './model.js';
import {Board} from './board.js';
import {Strip} from './strip.js';
import {listCommands, offerWindows} from './extras.js';

const byId = (id) => document.getElementById(id);
const inFrame = window.self !== window.top;
document.documentElement.classList.toggle('framed', inFrame);

let toastTimer;
function say(text) {
  const toast = byId('toast');
  toast.textContent = text;
  toast.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove('shown'), 6000);
}

function complain(error) {
  say(error.message);
}

function tell(text) {
  byId('news').textContent = text;
}

// describe puts an event from elsewhere into words, for those who listen.
function describe(event, model) {
  const {title} = model.stories.get(event.story);
  if (event.kind === 'added') return `New in ${model.columnName(event.column)}: ${title}`;
  if (event.kind === 'moved') return `Moved to ${model.columnName(event.column)}: ${title}`;
  return `Renamed: ${title}`;
}

async function start() {
  const [settings, state, count] = await Promise.all([api.settings(), api.snapshot(), api.count()]);
  const model = new Model(state);
  let counter = count.version;
  let nudge;

  const strip = new Strip({fast: settings.fast_ms, setPush: api.setPush, push: api.push, complain});
  const board = new Board({model, maxTitle: settings.max_title, change});
  board.render();
  strip.counter(counter, false);

  // change sends one of this window's own changes. The answer carries its
  // event; a gap before it means that others were faster, so ask.
  async function change(request) {
    try {
      const {event} = await request;
      if (event && !model.apply(event) && event.version > model.version) nudge?.refresh();
      board.render();
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  }

  // restarted shows what the new process says of itself: a command line of the
  // old one may not work any more.
  async function restarted() {
    say('The demo was restarted; the board starts afresh.');
    try {
      listCommands(byId('commands'), await api.settings(), tell);
    } catch (error) {
      complain(error);
    }
  }

  // poll is all that Nudge needs of an application: ask what changed, make it
  // so, and say which versions the page has now.
  async function poll({signal}) {
    const asked = performance.now();
    const [delta, now] = await Promise.all([
      api.changes(model.version, model.run, signal),
      api.countChanges(counter, signal),
    ]);
    const took = performance.now() - asked;

    const {run, version: before} = model;
    const foreign = model.take(delta).filter((event) => event.writer !== api.writer);
    board.render(foreign);
    if (model.run !== run) restarted();
    if (foreign.length > 0) {
      // The age is the server's; the way here took no longer than the request.
      strip.staleness(Math.max(...foreign.map((event) => event.age_ms)) + took);
      tell(foreign.map((event) => describe(event, model)).join('. '));
    }
    const counted = now.version !== counter;
    if (counted) tell(`The counter is at ${now.version}`);
    counter = now.version;
    strip.counter(counter, counted);
    strip.polled(counted || model.version !== before);
    return {versions: {42: model.version, counter}};
  }

  listCommands(byId('commands'), settings, tell);
  if (!inFrame) offerWindows({besideButton: byId('beside'), link: byId('open-window'), stage: byId('stage')});

  const [{createNudge}, {inspect}] = await Promise.all([import('/nudge.js'), import('/nudge.inspect.js')]);
  nudge = createNudge({
    projects: {42: model.version, counter},
    poll,
    fast: settings.fast_ms,
    getToken: api.token,
  });
  window.nudge = nudge; // for tests and the curious
  strip.follow(nudge);
  inspect(nudge); // in the corner of each window
}

start().catch((error) => complain(new Error(`The page could not start: ${error.message.replace(/\.$/, '')}. Reload it.`)));

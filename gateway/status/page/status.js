// The status page of one gateway. It follows the gateway by the gateway's own stream, and polls when that breaks.

import {Charts, count, Past} from './charts.js';
import {createNudge} from './nudge.js';

const byId = (id) => document.getElementById(id);
const here = new URL('status', location.href);
const files = new URL('status/', location.href);

// write changes a text only if it differs: what is said again is not announced again.
function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// fill replaces what is in an element, unless it looks the same: else a selection would be lost with each answer.
function fill(id, children) {
  const element = byId(id);
  const next = make('div', {}, ...children);
  if (element.textContent !== next.textContent || element.childElementCount !== next.childElementCount) element.replaceChildren(...next.childNodes);
}

const pairs = (id, entries) => fill(id, entries.filter(([, value]) => value).map(([term, value]) => make('div', {}, make('dt', {}, term), make('dd', {}, value))));

const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A duration in words, in one unit or two. */
function lasting(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s < 600 && s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} days`;
}

const every = (ms) => (ms % 1000 === 0 || ms > 10_000 ? lasting(ms) : `${ms / 1000} s`);

const sameDay = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const otherDay = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'});

function moment(at, now) {
  const then = new Date(at);
  return (then.toDateString() === new Date(now).toDateString() ? sameDay : otherDay).format(then);
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

const titles = {healthy: 'Push works', degraded: 'Push is in doubt', down: 'Push is down', off: 'Push is switched off'};
const kinds = {push: 'push', flag: 'flag', fleet: 'fleet', reload: 'config', phase: 'process'};

// What to do about news that push missed: from docs/reasons.md.
const missedKinds = {
  publisher: ['Never published', 'publish after each commit: docs/publishing.md'],
  deaf: ['Not heard here', 'check rights and the network to Redis'],
  delivery: ['Not delivered', 'look for a proxy that holds streams back: docs/proxies.md'],
  data: ['Wrong data', 'fix what is published as data'],
  ahead: ['Ahead of the application', 'the log names the project; publish it again with reset'],
  unjudged: ['Not judged', 'see the push reason'],
};

const shadowVerdicts = {collecting: 'Not enough yet', safe: 'Safe to switch', unsafe: 'Not safe'};

let status; // the newest answer
let skew = 0; // the gateway's clock less this one's
let answeredAt = 0;
const past = new Past();
let started; // of the process that the past is of

function showPush(s, now) {
  const state = s.flag.enabled ? s.push : 'off';
  byId('push').dataset.push = state;
  write('push-title', titles[state] ?? s.push);
  document.title = `${state === 'healthy' ? '' : `${titles[state]} · `}${s.node} · Nudge status`;
  if (state === 'off') {
    write('push-since', `nobody gets push; ${setBy(s.flag)}`);
  } else {
    write('push-since', `since ${moment(s.since, now)}, for ${lasting(now - Date.parse(s.since))}`);
  }
  byId('push-why').hidden = state === 'healthy' || state === 'off';
  if (!byId('push-why').hidden) {
    const {means, do: todo} = s.advice ?? {};
    fill('push-reason', [make('code', {}, s.reason), ` ${sentence(means ?? 'see docs/reasons.md')}`]);
    write('push-do', sentence(todo ?? 'see docs/reasons.md'));
    write('push-users', state === 'down'
      ? `Pages still work: they poll every ${every(s.fast_ms)}.`
      : `Pages still get push, and poll every ${every(s.poll_ms)} to be safe.`);
  }
  const notes = [];
  if (s.phase !== 'serving') notes.push('This gateway is leaving: its streams go to the others.');
  if (s.refusing === 'limit') notes.push('New streams are refused: all places are taken. Raise limits.streams, or add gateways.');
  if (s.fleet.lost_streams > 0) notes.push(`A gateway vanished; ${plural(s.fleet.lost_streams, 'stream')} of it ${s.fleet.lost_streams === 1 ? 'is' : 'are'} not back yet.`);
  if (s.reload && !s.reload.applied) notes.push('The configuration on disk was refused; the last good one is in force.');
  for (const key of s.keys ?? []) if (key.error) notes.push(`The keys of ${key.source} cannot be read: ${key.error}`);
  for (const ahead of s.ahead?.slice(0, 3) ?? []) notes.push(`Project ${ahead.project} is stored at ${ahead.stored}, and the application says ${ahead.application}. If it is right: ${ahead.fix}`);
  byId('notes').hidden = notes.length === 0;
  fill('notes', notes.map((note) => make('li', {}, note)));
}

function showFacts(s) {
  write('fact-streams', count(s.fleet.streams));
  write('fact-streams-more', `${count(s.streams)} here, ${plural(s.fleet.instances, 'gateway')}`);
  write('fact-polling', count(s.polling));
  write('fact-polling-more', `of ${plural(s.browsers, 'browser')}`);
  const share = s.budget > 0 ? (100 * s.interval) / s.budget : 0;
  write('fact-budget', s.budget > 0 ? `${count(Math.round(share))} %` : 'no limit');
  write('fact-budget-more', s.budget > 0 ? `${count(Math.ceil(s.interval))} of ${count(s.budget)} polls/s` : `${count(Math.ceil(s.interval))} polls/s`);
  byId('budget').value = Math.min(100, share);
  byId('budget').textContent = `${Math.round(share)} %`;
  write('fact-saved', count(Math.round(s.saved)));
  write('fact-saved-more', `less ${count(s.caused)} for changes, counted`);
  write('m-poll', every(s.poll_ms));
  write('m-fast', every(s.fast_ms));
}

function setBy(flag) {
  if (flag.by !== 'override') return 'set by the configuration';
  return `set by nudge push${flag.fleet.time ? ` at ${moment(flag.fleet.time, Date.now())}` : ''}`;
}

function showFleet(s) {
  const row = (m, push, heard) => make('tr', m.self ? {class: 'self'} : {},
    make('th', {scope: 'row'}, m.node || '–', ' ', make('small', {}, m.instance)),
    make('td', {}, make('span', {class: 'state', 'data-push': push}, push + (m.leaving ? ', leaving' : ''))),
    make('td', {class: 'n'}, count(m.streams)), make('td', {}, m.version || '–'), make('td', {}, heard));
  fill('fleet', [
    ...s.fleet.members.map((m) => row(m, m.push, m.self ? 'this gateway' : `${lasting(m.seen_ms_ago)} ago`)),
    ...s.fleet.vanished.map((m) => row(m, 'vanished', `${lasting(m.seen_ms_ago)} ago; ${count(m.lost_streams ?? 0)} not back`)),
  ]);
}

function showRest(s, now) {
  const {flag, reload, missed} = s;
  pairs('flag', [
    ['Push', flag.enabled ? (flag.percent === 100 ? 'on for all users' : `on for ${flag.percent} % of users`) : 'off'],
    ['Set by', setBy(flag).replace('set by ', '')],
    ['Rollout', s.rollout && `on the way to ${s.rollout.goal} %; the next step waits: ${s.rollout.waits}${Date.parse(s.rollout.next_at) > now ? `, until ${moment(s.rollout.next_at, now)}` : ''}`],
    ['Rollout ended', flag.by === 'override' && flag.fleet.override.why],
    ['Only projects', flag.include.join(' ')],
    ['Not projects', flag.exclude.join(' ')],
  ]);
  pairs('config', reload ? [
    [reload.applied ? 'Reloaded' : 'Refused', moment(reload.at, now)],
    ['Changed', reload.changed.join(', ')],
    [reload.applied ? 'Waits for a restart' : 'Problem', reload.problem],
  ] : [['In force', `since the start, ${moment(s.started, now)}`]]);
  const found = Object.entries(missedKinds).filter(([kind]) => missed[kind] > 0);
  pairs('stale', found.length === 0 ? [['Since the start', 'none']] : found.map(([kind, [name, todo]]) => [name, `${count(missed[kind])}: ${todo}`]));
  const seen = s.shadow;
  byId('shadow-section').hidden = !seen?.polls;
  if (seen?.polls) {
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    pairs('shadow', [
      [shadowVerdicts[seen.verdict] ?? seen.verdict, sentence(seen.text)],
      ['Since', `${moment(seen.since, now)}, ${plural(seen.gateways, 'gateway')}, ${plural(seen.pages, 'page')}`],
      ['Polls saved', `${percent(seen.empty_share)} of ${count(seen.polls)} (${percent(seen.empty_low)} to ${percent(seen.empty_high)})`],
      ['News', seen.news > seen.missed ? `${count(seen.news)}, by push ${(seen.mean_lead_ms / 1000).toFixed(1)} s earlier` : count(seen.news)],
      ['Missed', `${count(seen.missed)}; at most ${percent(seen.missed_at_most)} of news`],
      ['By project', seen.projects.filter((p) => p.missed).map((p) => `${p.project} ${count(p.missed)}`).join(', ')],
      ['Problem', seen.problem],
    ]);
  }
  const refused = Object.entries(s.limited ?? {}).map(([name, n]) => `${name} ${count(n)}`).join(', ');
  pairs('limits', [
    ['Connections', s.connections ? `${count(s.connections.open)} of ${count(s.connections.places)}` : ''],
    ['Projects', count(s.projects)],
    ['Refused since the start', refused || 'nothing'],
    ['Revocations', s.revocations ? count(s.revocations) : ''],
  ]);
  const tops = (id, list, one) => fill(id, list?.length ? list.map((t) => make('li', {}, make('code', {}, t.project), make('span', {}, plural(t.n, one)))) : [make('li', {class: 'quiet'}, 'none')]);
  tops('top-watchers', s.top?.watchers, 'watcher');
  tops('top-advances', s.top?.advances, 'change');
  write('top-since', s.top?.advances.length ? ` since ${moment(s.top.since, now)}` : '');
}

function showChanges(changes, now) {
  fill('changes', changes.map((c) => make('li', {'data-kind': c.kind},
    make('time', {datetime: c.at}, moment(c.at, now)), make('span', {class: 'kind'}, kinds[c.kind] ?? c.kind),
    make('span', {}, c.text, ...(c.reason ? [' ', make('code', {}, c.reason)] : [])))));
}

function show() {
  const now = Date.now() + skew;
  write('node', status.node || 'Nudge');
  write('process', `${status.instance} · Nudge ${status.version} · up ${lasting(now - Date.parse(status.started))}`);
  showPush(status, now);
  showFacts(status);
  showFleet(status);
  showRest(status, now);
}

async function get(url, signal) {
  const response = await fetch(url, {headers: {Accept: 'application/json'}, signal});
  if (!response.ok) throw response;
  return response.json();
}

// poll asks for all that the page shows. Its answer tells the shim what the page has now.
async function poll({signal}) {
  const next = await get(here, signal);
  if (next.started !== started) {
    past.clear();
    started = next.started;
  }
  const history = await get(new URL(`history?after=${past.newest}`, files), signal);
  status = next;
  answeredAt = Date.now();
  skew = Date.parse(next.time) - answeredAt;
  past.add(history);
  show();
  showChanges(history.changes, Date.now() + skew);
  charts.draw();
  return {versions: {status: next.revision}};
}

// follow says how the page follows the gateway, and how old it is.
function follow() {
  const {mode, stream, error, interval} = nudge.getSnapshot();
  const away = error !== null && error !== undefined;
  let state = 'poll';
  let text = `Asks every ${every(interval)}: no stream`;
  if (away) [state, text] = ['away', 'No answer'];
  else if (!status) [state, text] = ['wait', 'Asking the gateway'];
  else if (mode === 'push' || stream === 'proven') [state, text] = ['live', 'Live, by a stream'];
  else if (stream === 'open' || stream === 'connecting') [state, text] = ['live', 'Live'];
  byId('live').dataset.state = state;
  write('live-text', text);
  byId('away').hidden = !away;
  if (away) {
    write('away', answeredAt
      ? `The gateway does not answer since ${moment(answeredAt, Date.now())}. Below is its last answer. Does it run? See its log.`
      : 'The gateway does not answer. Does it run? See its log.');
  }
  document.body.classList.toggle('stale', away);
}

const charts = new Charts(past);
for (const input of document.querySelectorAll('input[name=range]')) {
  input.addEventListener('change', () => {
    charts.range = input.value;
  });
}

const nudge = createNudge({projects: {status: 0}, gateway: here.href, interval: 10_000, immediate: true, poll});
nudge.subscribe(follow);
follow();
setInterval(() => {
  if (status && !document.hidden) showPush(status, Date.now() + skew);
}, 1000);
Object.assign(window, {nudge, past}); // for tests and the curious

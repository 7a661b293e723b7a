// The strip: what Nudge does for this window, live.

import {Minute} from './minute.js';

const find = (id) => document.querySelector(`[data-testid="${id}"]`);
const stillness = matchMedia('(prefers-reduced-motion: reduce)');

const words = {healthy: 'Healthy', degraded: 'Degraded', down: 'Down', off: 'Off', unknown: 'Unknown'};

// What Nudge's reasons mean for a visitor, in a line each.
const reasons = {
  starting: 'Asking the gateway.',
  proving: 'The stream is open; it has yet to show that it delivers.',
  streaming: 'News arrives on the stream; the interval is a safety net.',
  degraded: 'Push works but is not fully trusted yet: polls come closer together.',
  down: 'The gateway hears nothing: polling at the old pace, nothing is lost.',
  uncovered: 'The stream does not serve every project here: polling at the old pace.',
  goodbye: 'The gateway ended the stream and said when to come back.',
  lost: 'The stream broke: polling until it is back.',
  mute: 'Something on the way holds events back: asking for versions instead.',
  unreachable: 'No gateway answers: polling as if there were none.',
  captive: 'Something else answers in the gateway’s place, such as a login page: polling meanwhile.',
  paused: 'This window has paused.',
  crowded: 'Too many windows for the browser’s connections: polling without a stream for some minutes.',
  busy: 'The gateway takes no more streams for now: polling meanwhile.',
  off: 'Switched off by the flag: plain polling at the old pace.',
  denied: 'The gateway refuses these projects: plain polling.',
  token: 'The gateway does not take this page’s token: plain polling.',
  unsupported: 'This browser knows no event streams: asking for versions instead.',
  hidden: 'This window is not shown.',
  stopped: 'This window has stopped polling.',
};

// explain puts a snapshot into a line. on is where the switch stands, if known.
function explain({reason, push, interval, fast}, on) {
  if (reason === 'off' && (on || push !== 'off')) return 'Switched on again: this window follows at its next turn.';
  if (interval > fast && ['goodbye', 'busy', 'lost', 'unreachable'].includes(reason)) {
    return 'The gateway said goodbye; polls stay rare for a minute, until it is back.';
  }
  return reasons[reason] ?? '';
}

// duration writes milliseconds as people read them, in one piece.
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)}\u00a0ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))}\u00a0s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)}\u00a0s`;
  return `${Number((ms / 60_000).toFixed(1))}\u00a0min`;
}

export class Strip {
  constructor({fast, setPush, push, complain}) {
    this.fast = fast;
    this.askPush = push;
    this.complain = complain;
    this.minute = new Minute(fast);
    this.tile = document.getElementById('push-tile');
    this.switch = document.getElementById('push-switch');
    this.switch.addEventListener('click', () => this.toggle(setPush));
    this.busy = 0;
    this.on = undefined; // where the switch stands, as far as this window knows
  }

  // follow shows the instance's snapshots from now on.
  follow(nudge) {
    this.nudge = nudge;
    nudge.subscribe(() => this.render());
    addEventListener('focus', () => this.readSwitch());
    this.readSwitch();
    this.render();
    this.tick();
  }

  render() {
    const snapshot = this.nudge.getSnapshot();
    if (this.tile.dataset.push !== snapshot.push) {
      this.tile.dataset.push = snapshot.push;
      if (this.busy === 0) this.on = undefined;
      this.readSwitch(); // another window may have turned it
    }
    write(find('push-state'), words[snapshot.push] ?? snapshot.push);
    write(find('push-reason'), explain(snapshot, this.on));
    this.tile.dataset.reason = snapshot.reason;

    const interval = find('interval');
    if (interval.dataset.ms !== String(snapshot.interval)) {
      if (interval.dataset.ms) flash(interval.closest('.tile'));
      interval.dataset.ms = snapshot.interval;
      write(interval, duration(snapshot.interval));
    }
    write(find('polls'), String(snapshot.stats.polls));
    this.live();
  }

  // tick keeps the clocks running: finely to look at, coarsely for those who
  // asked for calm.
  tick() {
    if (!document.hidden) this.live();
    setTimeout(() => this.tick(), stillness.matches ? 1000 : 100);
  }

  live() {
    const {nextPollAt, interval, stats, mode} = this.nudge.getSnapshot();
    const now = Date.now();
    const left = nextPollAt === null ? 0 : Math.max(0, nextPollAt - now);
    const next = find('next-poll');
    next.dataset.ms = Math.round(left);
    write(next, mode === 'stopped' ? 'never' : nextPollAt === null || left === 0 ? 'now' : `in ${countdown(left)}`);
    scale('countdown', interval > 0 ? left / interval : 0);

    const plain = Math.max(0, Math.floor((now - stats.startedAt) / this.fast));
    write(find('polls-plain'), String(plain));
    write(document.getElementById('saving'), saving(stats.polls, plain, this.fast));
    scale('ratio', plain > 0 ? stats.polls / plain : 0);
    this.minute.draw(now, stats.startedAt);
  }

  // polled records that a poll has ended, and whether it brought news.
  polled(news) {
    this.minute.add(Date.now(), news);
  }

  staleness(ms) {
    const value = find('staleness');
    value.dataset.ms = Math.round(ms);
    write(value, duration(ms));
    write(document.getElementById('staleness-note'),
      `at most, from commit to here; plain polling: ${duration(this.fast / 2)} on average`);
    flash(value.closest('.tile'));
  }

  counter(value, news) {
    write(find('counter'), String(value));
    if (news) flash(find('counter').closest('.tile'));
  }

  async readSwitch() {
    if (this.busy > 0) return;
    try {
      const on = await this.askPush();
      if (this.busy > 0) return; // turned meanwhile: that answer counts
      this.turn(on);
      this.switch.disabled = false;
    } catch {
      this.switch.disabled = true; // the server is away, or has no switch
    }
  }

  turn(on) {
    this.on = on;
    this.switch.setAttribute('aria-checked', String(on));
    this.render();
  }

  async toggle(setPush) {
    const on = this.switch.getAttribute('aria-checked') !== 'true';
    this.busy++;
    this.turn(on);
    try {
      await setPush(on);
    } catch (error) {
      this.turn(!on);
      this.complain(error);
    } finally {
      this.busy--;
    }
  }
}

function countdown(ms) {
  if (ms < 10_000 && !stillness.matches) return `${(ms / 1000).toFixed(1)}\u00a0s`;
  return duration(Math.ceil(ms / 1000) * 1000);
}

function saving(polls, plain, fast) {
  const share = Math.round((1 - polls / plain) * 100);
  if (plain < 5 || share <= 0) return `plain polling makes one every ${duration(fast)}`;
  return `by plain polling: ${share}\u00a0% fewer`;
}

// write touches the document only where the text differs, so that nothing is
// announced or selected away without need.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function scale(id, share) {
  document.getElementById(id).style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(4)})`;
}

function flash(tile) {
  tile.classList.remove('flash');
  void tile.offsetWidth; // restarts the animation
  tile.classList.add('flash');
}

// The last minute as two lanes of marks: what this window polled, and what
// plain polling would have.

const span = 60_000;

export class Minute {
  constructor(fast) {
    this.fast = fast;
    this.polls = []; // {at, news, mark}, oldest first
    this.plain = new Map(); // poll number → mark
    this.nudgeLane = document.getElementById('lane-nudge');
    this.plainLane = document.getElementById('lane-plain');
  }

  add(at, news) {
    this.polls.push({at, mark: mark(this.nudgeLane, news)});
  }

  draw(now, startedAt) {
    while (this.polls.length > 0 && this.polls[0].at < now - span) this.polls.shift().mark.remove();
    for (const {at, mark} of this.polls) place(mark, at, now);

    const first = Math.max(1, Math.ceil((now - span - startedAt) / this.fast));
    const newest = Math.floor((now - startedAt) / this.fast);
    for (const [n, old] of this.plain) {
      if (n >= first) continue;
      old.remove();
      this.plain.delete(n);
    }
    for (let n = first; n <= newest; n++) {
      if (!this.plain.has(n)) this.plain.set(n, mark(this.plainLane, false));
      place(this.plain.get(n), startedAt + n * this.fast, now);
    }
  }
}

function mark(lane, news) {
  const element = document.createElement('span');
  element.className = news ? 'mark news' : 'mark';
  lane.append(element);
  return element;
}

function place(element, at, now) {
  element.style.left = `${(100 * (1 - (now - at) / span)).toFixed(2)}%`;
}

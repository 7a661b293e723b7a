// What visitors can break, and what happens then, in a line.

import * as api from './api.js';
import {write} from './panel.js';

const labels = { // [where it works, where it is broken]
  redis: ['Stop Redis', 'Start Redis'],
  gateway: ['Stop the gateway', 'Start the gateway'],
  events: ['Swallow events', 'Let events pass'],
  push: ['Turn push off', 'Turn push on'],
  colleague: ['Pause Mia', 'Let Mia work'],
};

const faults = ['redis', 'gateway', 'events', 'push'];

// away are the reasons of a page that has no gateway.
const away = ['lost', 'unreachable', 'mute'];

// broken says what happens while one thing is broken. A line may differ before the page has noticed.
const broken = {
  redis: (asks) => `Redis is stopped, and the gateway says so. Nudge asks ${asks}, as plain polling does. Nothing is lost.`,
  gateway: (asks) => `The gateway is gone. Nudge asks ${asks}, as plain polling does. Nothing is lost.`,
  events: (asks, noticed, rung) => (noticed
    ? `A proxy swallows all events. Nudge noticed by itself${rung === 'versions' ? ', waits for news without a stream' : ''}, and asks ${asks}. Nothing is lost.`
    : 'A proxy swallows all events. The stream looks open; within 4 s its silence gives it away.'),
  push: (asks, noticed) => (noticed
    ? `Push is switched off. Nudge asks ${asks}, as plain polling does. Nothing is lost.`
    : 'Push is switched off. Within 3 s all pages go back to polling, not all at once.'),
};

export class Switches {
  // changed(name, on) is called after the visitor has turned a switch.
  constructor({fast, slow, complain, changed}) {
    this.fast = fast;
    this.slow = slow;
    this.complain = complain;
    this.changed = changed;
    this.on = {};
    this.line = document.getElementById('line');
    this.data = document.getElementById('data');
    this.data.addEventListener('change', () => this.turn('data', this.data.checked));
    for (const name of Object.keys(labels)) {
      this.button(name).addEventListener('click', () => this.turn(name, !this.on[name]));
    }
    addEventListener('focus', () => this.read()); // another window may have turned one
  }

  button(name) {
    return document.getElementById(`switch-${name}`);
  }

  async read() {
    try {
      this.show(await api.switches());
    } catch (error) {
      this.complain(error);
    }
  }

  async turn(name, on) {
    try {
      this.show(await api.turn(name, on));
      this.changed(name, on);
    } catch (error) {
      this.show(this.on);
      this.complain(error);
    }
  }

  show(on) {
    this.on = on;
    for (const [name, [off, back]] of Object.entries(labels)) {
      const button = this.button(name);
      button.disabled = on[name] === undefined;
      button.classList.toggle('broken', on[name] === false);
      write(button.querySelector('span'), on[name] === false ? back : off);
    }
    this.data.checked = Boolean(on.data);
    this.data.disabled = false;
    if (this.snapshot) this.tell(this.snapshot);
  }

  // tell puts the state of push into a line.
  tell(snapshot) {
    this.snapshot = snapshot;
    const {interval, reason, rung} = snapshot;
    const asks = `every ${Math.round(interval / 1000)} s`;
    const down = faults.filter((name) => this.on[name] === false);
    document.body.dataset.state = down.length > 0 ? 'broken' : interval < this.slow ? 'climbing' : 'calm';
    write(this.line, this.sentence(down, asks, interval, reason, rung));
  }

  sentence(down, asks, interval, reason, rung) {
    if (down.length > 1) return `${down.length} things are broken. Nudge asks ${asks}, and nothing is lost.`;
    if (down.length === 1) return broken[down[0]](asks, interval <= this.fast, rung);
    if (interval >= this.slow) return `All is well. Nudge hears of each change at once, and asks ${asks} to be sure.`;
    if (interval > this.fast) return `Push works again. Trust grows step by step: Nudge asks ${asks}, soon every ${Math.round(this.slow / 1000)} s.`;
    if (rung === 'versions') return `Everything works again. Nudge tries a stream again after some minutes, and asks ${asks} until then.`;
    if (away.includes(reason)) return `Everything works again. Nudge looks for the gateway every few seconds, and asks ${asks} until then.`;
    return `Nudge asks ${asks} until push has proved that it delivers.`;
  }
}

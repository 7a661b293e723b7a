// A board with its figures: how often it asks, how many requests that took, and how late it hears of changes. Both panels are
// this, with the same poll. Only what calls the poll differs.

import * as api from './api.js';
import {Board} from './board.js';
import {Lane} from './lane.js';
import {Model} from './model.js';

export class Panel {
  // complain(error) shows what went wrong. arrived(panel, events) is called after changes are shown, with those of others.
  // restarted() is called when another process answers, whose board starts afresh.
  constructor({id, state, slow, complain, arrived, restarted}) {
    this.id = id;
    this.root = document.getElementById(id);
    this.writer = api.newWriter();
    this.model = new Model(state);
    this.began = state.version;
    this.slow = slow;
    this.complain = complain;
    this.arrived = arrived;
    this.restarted = restarted;
    this.requests = 0;
    this.empty = 0; // those of them that found nothing
    this.late = {last: NaN, sum: 0, count: 0}; // of changes by others, in ms
    this.lane = new Lane(this.find('lane'));
    this.board = new Board({root: this.find('columns'), model: this.model, move: (...args) => this.move(...args)});
    this.board.render();
    this.figures();
  }

  find(name) {
    return this.root.querySelector(`[data-testid="${name}"]`);
  }

  // poll asks the application what has changed, and shows it. This is all that Nudge needs of an application.
  async poll(since, signal) {
    this.requests++;
    this.figures();
    const {run, version} = this.model;
    const delta = await api.changes(Math.min(since, version), run, signal);
    const fresh = this.model.take(delta);
    if (this.model.run !== run) {
      this.began = this.model.version;
      this.restarted();
    }
    const news = this.model.version !== version || this.model.run !== run;
    if (!news) this.empty++;
    this.lane.add(news);
    this.show(fresh);
    return this.model.version;
  }

  // apply shows a change that came with its news. It throws if the change does not follow the last one: then Nudge polls.
  apply(event) {
    if (!this.model.apply(event)) throw new Error(`change ${event.version} does not follow ${this.model.version}`);
    this.show([event]);
  }

  // move sends a move of the visitor. The answer has its event; a gap before it means that others were faster.
  async move(story, column, position) {
    try {
      const {event} = await api.move(story, column, position, this.writer);
      if (!event) return;
      const prev = this.model.version;
      if (this.model.apply(event)) this.own?.(event.version, prev);
      else if (event.version > this.model.version) this.ask?.();
      this.show([]);
    } catch (error) {
      this.complain(error);
    }
  }

  // show brings the board and the figures to the model. The lateness of changes by others counts, each board's own does not.
  show(events) {
    const foreign = events.filter((event) => event.writer !== this.writer);
    const notes = new Map();
    for (const event of foreign) {
      const late = api.lateness(event);
      this.late = {last: late, sum: this.late.sum + late, count: this.late.count + 1};
      notes.set(event.story, `${event.writer === 'Mia' ? 'Mia, ' : ''}${seconds(late)} s late`);
    }
    this.board.render(notes);
    this.figures();
    if (foreign.length > 0) flash(this.find('late'));
    this.arrived(this, foreign);
  }

  figures() {
    write(this.find('requests'), String(this.requests));
    write(this.find('empty'), this.requests === 0 ? 'none so far' : `${this.empty || 'none'} empty`);
    const {last, sum, count} = this.late;
    write(this.find('late'), count === 0 ? '–' : seconds(last));
    this.find('late').classList.toggle('long', last >= 1000);
    write(this.find('mean'), count === 0 ? 'waiting for a change' : `average ${seconds(sum / count)}`);
  }

  // pace shows how often the board asks.
  pace(ms) {
    const value = this.find('interval');
    if (value.dataset.ms === String(ms)) return;
    if (value.dataset.ms) flash(value);
    value.dataset.ms = ms;
    write(value, `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`);
    // By powers: from the plain pace to the slowest, which is twenty times as long, each step is seen.
    const share = Math.log(ms / 1000) / Math.log(this.slow / 1000);
    this.find('gauge').style.transform = `scaleX(${Math.min(1, Math.max(0.04, share)).toFixed(3)})`;
    this.root.dataset.pace = ms >= this.slow ? 'slow' : 'quick';
  }

  // count shows how many of all changes the board has.
  count(newest) {
    const all = newest - this.began;
    const here = this.model.version - this.began;
    write(this.find('changes'), all === 0 ? 'no changes yet' : `has ${here} of ${all} changes`);
    this.root.dataset.behind = here < all;
  }
}

// seconds writes milliseconds as people read them. It rounds up: a clock of milliseconds tells no less than one.
export function seconds(ms) {
  if (ms < 990) return (Math.ceil((ms + 1) / 10) / 100).toFixed(2);
  return (ms / 1000).toFixed(ms < 99_500 ? 1 : 0);
}

// write touches the document only where the text differs, so that nothing is announced or selected away without need.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function flash(element) {
  element.classList.remove('flash');
  void element.offsetWidth; // restarts the animation
  element.classList.add('flash');
}

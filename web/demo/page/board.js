// The board as people see and handle it. The document follows the model;
// elements are kept by story, so focus and an open edit survive other
// people's changes.

import * as api from './api.js';
import {Card} from './card.js';
import {letDrag} from './drag.js';

const stillness = matchMedia('(prefers-reduced-motion: reduce)');

export class Board {
  constructor({model, maxTitle, change}) {
    this.model = model;
    this.maxTitle = maxTitle;
    this.change = change;
    this.root = document.getElementById('columns');
    this.lists = new Map(); // column → list element
    this.counts = new Map(); // column → element with the number of stories
    this.cards = new Map(); // story → Card
    for (const column of model.columns) this.addColumn(column);
    this.listenToForm(document.getElementById('add'));
    addEventListener('keydown', (event) => this.shortcut(event));
  }

  addColumn({id, name}) {
    const section = document.createElement('section');
    section.className = 'column';
    section.dataset.testid = 'column';
    section.dataset.column = id;
    const heading = document.createElement('h2');
    heading.id = `column-${id}`;
    heading.textContent = name;
    const count = document.createElement('span');
    count.className = 'number';
    heading.append(' ', count);
    const list = document.createElement('ul');
    list.setAttribute('aria-labelledby', heading.id);
    section.append(heading, list);
    this.root.append(section);
    this.lists.set(id, list);
    this.counts.set(id, count);
    letDrag(section, list, (story, position) => this.move(story, id, position));
  }

  // render brings the document to the model; the stories of events from
  // elsewhere are marked for a moment.
  render(foreign = []) {
    const before = this.positions();
    for (const [id, card] of this.cards) {
      if (this.model.stories.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    for (const {id: column} of this.model.columns) this.fill(column);
    for (const {story} of foreign) this.cards.get(story)?.highlight();
    document.querySelector('[data-testid="version"]').textContent = this.model.version;
    document.getElementById('board-name').textContent = this.model.name;
    this.glide(before);
  }

  fill(column) {
    const list = this.lists.get(column);
    const order = this.model.order.get(column);
    this.counts.get(column).textContent = order.length;
    order.forEach((id, place) => {
      const story = this.model.stories.get(id);
      if (!this.cards.has(id)) this.cards.set(id, new Card(id, this));
      const card = this.cards.get(id);
      card.show(story, this.model);
      if (list.children[place] !== card.element) card.putInto(list, list.children[place] ?? null);
    });
  }

  // move puts a story at a place of a column, as the model counts places.
  async move(id, column, position) {
    const done = await this.change(api.move(id, column, position));
    if (done) this.cards.get(id)?.element.scrollIntoView({block: 'nearest'});
  }

  moveSideways(id, step) {
    const column = this.model.neighbour(this.model.stories.get(id).column, step);
    if (column) this.move(id, column, 0);
  }

  moveUpDown(id, step) {
    const {column} = this.model.stories.get(id);
    const order = this.model.order.get(column);
    const place = order.indexOf(id) + step;
    if (place >= 0 && place < order.length) this.move(id, column, place);
  }

  rename(id, title) {
    return this.change(api.rename(id, title));
  }

  // walk takes the focus to the story above or below, across columns.
  walk(id, step) {
    const all = this.model.columns.flatMap((column) => this.model.order.get(column.id));
    this.cards.get(all[all.indexOf(id) + step])?.element.focus();
  }

  listenToForm(form) {
    const input = form.elements.title;
    input.maxLength = this.maxTitle;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const title = input.value;
      if (!title.trim() || !await this.change(api.add(title))) return;
      if (input.value === title) input.value = ''; // else the next one is being typed
      input.focus();
    });
  }

  shortcut(event) {
    if (event.key.toLowerCase() !== 'n' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest('input, textarea, select, [contenteditable]')) return;
    event.preventDefault();
    document.getElementById('add-title').focus();
  }

  positions() {
    if (stillness.matches) return new Map();
    return new Map([...this.cards].map(([id, card]) => [id, card.element.getBoundingClientRect()]));
  }

  // glide lets each card that changed its place travel there.
  glide(before) {
    for (const [id, from] of before) {
      const element = this.cards.get(id)?.element;
      if (!element) continue;
      const to = element.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (x === 0 && y === 0) continue;
      element.animate(
        [{transform: `translate(${x}px, ${y}px)`}, {transform: 'none'}],
        {duration: 220, easing: 'cubic-bezier(.2,.8,.3,1)'},
      );
    }
  }
}

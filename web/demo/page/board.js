// A board as people see and handle it. The document follows the model; elements are kept by story, so that focus survives
// other people's changes.

import {letDrag} from './drag.js';

const stillness = matchMedia('(prefers-reduced-motion: reduce)');

export class Board {
  // move(story, column, position) sends a move of the visitor.
  constructor({root, model, move}) {
    this.root = root;
    this.model = model;
    this.move = move;
    this.lists = new Map(); // column → list element
    this.counts = new Map(); // column → element with the number of stories
    this.cards = new Map(); // story → {item, card, title, by}
    for (const column of model.columns) this.addColumn(column);
  }

  addColumn({id, name}) {
    const section = element('section', 'column');
    section.dataset.testid = 'column';
    section.dataset.column = id;
    const heading = element('h3', '', name);
    heading.id = `${this.root.id}-${id}`;
    const count = element('span', 'number');
    heading.append(' ', count);
    const list = element('ul');
    list.setAttribute('aria-labelledby', heading.id);
    section.append(heading, list);
    this.root.append(section);
    this.lists.set(id, list);
    this.counts.set(id, count);
    letDrag(section, list, (story, position) => this.move(story, id, position));
  }

  addCard(id) {
    const item = element('li');
    item.draggable = true;
    item.dataset.id = id;
    const card = element('div', 'story');
    card.dataset.testid = 'story';
    card.tabIndex = 0;
    card.setAttribute('role', 'button');
    card.setAttribute('aria-describedby', 'help');
    const title = element('span', 'title');
    const by = element('span', 'by');
    by.setAttribute('aria-hidden', 'true');
    card.append(title, by);
    card.addEventListener('click', () => this.moveOn(id));
    card.addEventListener('keydown', (event) => this.key(event, id));
    item.append(card);
    this.cards.set(id, {item, card, title, by});
  }

  // render brings the document to the model. Stories with a note, a Map of story → text, are marked for a moment.
  render(notes = new Map()) {
    const before = this.positions();
    for (const [id, {item}] of this.cards) {
      if (this.model.stories.has(id)) continue;
      item.remove();
      this.cards.delete(id);
    }
    for (const {id: column} of this.model.columns) this.fill(column);
    for (const [story, text] of notes) this.mark(story, text);
    this.glide(before);
  }

  fill(column) {
    const list = this.lists.get(column);
    const order = this.model.order.get(column);
    this.counts.get(column).textContent = order.length;
    order.forEach((id, place) => {
      if (!this.cards.has(id)) this.addCard(id);
      const {item, card, title} = this.cards.get(id);
      const text = this.model.stories.get(id).title;
      if (title.textContent !== text) title.textContent = text;
      card.dataset.title = text;
      card.setAttribute('aria-label', `${text}: move to ${this.model.columnName(this.next(column))}`);
      if (list.children[place] !== item) putInto(list, item, list.children[place] ?? null);
    });
  }

  // mark shows who moved a story, and how late the change came.
  mark(id, text) {
    const {card, by} = this.cards.get(id) ?? {};
    if (!card) return;
    by.textContent = text;
    card.classList.remove('fresh');
    void card.offsetWidth; // restarts the animation
    card.classList.add('fresh');
  }

  // next is the column where a story goes by a click: to the right, and from the last one to the first.
  next(column) {
    return this.model.neighbour(column, 1) ?? this.model.columns[0].id;
  }

  moveOn(id) {
    this.move(id, this.next(this.model.stories.get(id).column), 0);
  }

  moveSideways(id, step) {
    const column = this.model.neighbour(this.model.stories.get(id).column, step);
    if (column) this.move(id, column, 0);
  }

  // walk takes the focus to the story above or below, across columns.
  walk(id, step) {
    const all = this.model.columns.flatMap((column) => this.model.order.get(column.id));
    this.cards.get(all[all.indexOf(id) + step])?.card.focus();
  }

  key(event, id) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
    const act = {
      'Enter': () => this.moveOn(id),
      ' ': () => this.moveOn(id),
      'ArrowLeft': () => this.moveSideways(id, -1),
      'ArrowRight': () => this.moveSideways(id, 1),
      'ArrowUp': () => this.walk(id, -1),
      'ArrowDown': () => this.walk(id, 1),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  positions() {
    if (stillness.matches || document.hidden) return new Map();
    return new Map([...this.cards].map(([id, {item}]) => [id, item.getBoundingClientRect()]));
  }

  // glide lets each card that changed its place travel there.
  glide(before) {
    for (const [id, from] of before) {
      const item = this.cards.get(id)?.item;
      if (!item) continue;
      const to = item.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (x === 0 && y === 0) continue;
      item.animate(
        [{transform: `translate(${x}px, ${y}px)`}, {transform: 'none'}],
        {duration: 320, easing: 'cubic-bezier(.2,.8,.3,1)'},
      );
    }
  }
}

export function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

// putInto moves an element without losing its focus.
function putInto(list, item, next) {
  if (list.moveBefore && item.isConnected) {
    list.moveBefore(item, next);
    return;
  }
  const focused = item.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(item, next);
  focused?.focus({preventScroll: true});
}

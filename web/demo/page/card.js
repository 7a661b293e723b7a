// One story: its title, its buttons, its keys, and its edit in place.

const icons = {
  back: 'M12 4 6 10l6 6',
  forth: 'm8 4 6 6-6 6',
  edit: 'm4 16 .8-3.4L13 4.4l2.6 2.6-8.2 8.2zM11.4 6l2.6 2.6',
};

export class Card {
  constructor(id, board) {
    this.id = id;
    this.board = board;
    const element = document.createElement('li');
    element.className = 'story';
    element.dataset.testid = 'story';
    element.dataset.id = id;
    element.tabIndex = 0;
    element.draggable = true;
    element.setAttribute('aria-describedby', 'help');
    this.element = element;

    this.title = document.createElement('span');
    this.title.className = 'title';
    this.back = this.button('back', () => board.moveSideways(id, -1));
    this.edit = this.button('edit', () => this.startEdit());
    this.forth = this.button('forth', () => board.moveSideways(id, 1));
    const tools = document.createElement('span');
    tools.className = 'tools';
    tools.append(this.back, this.edit, this.forth);
    element.append(this.title, tools);

    element.addEventListener('keydown', (event) => this.key(event));
    element.addEventListener('dblclick', () => this.startEdit());
  }

  // button makes a tool for the mouse and for touch. It is no stop for the tab
  // key, which has the card and its keys instead.
  button(name, act) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = `tool ${name}`;
    button.tabIndex = -1;
    const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    icon.setAttribute('viewBox', '0 0 20 20');
    icon.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', icons[name]);
    icon.append(path);
    button.append(icon);
    button.addEventListener('click', act);
    return button;
  }

  show({title, column}, model) {
    if (this.title.textContent !== title) this.title.textContent = title;
    this.element.dataset.title = title;
    const left = model.neighbour(column, -1);
    const right = model.neighbour(column, 1);
    this.back.disabled = !left;
    this.forth.disabled = !right;
    this.back.setAttribute('aria-label', left ? `Move to ${model.columnName(left)}: ${title}` : 'First column');
    this.forth.setAttribute('aria-label', right ? `Move to ${model.columnName(right)}: ${title}` : 'Last column');
    this.edit.setAttribute('aria-label', `Rename: ${title}`);
  }

  // putInto moves the element without losing its focus or an edit.
  putInto(list, next) {
    if (list.moveBefore && this.element.isConnected) {
      list.moveBefore(this.element, next);
      return;
    }
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.placing = true;
    list.insertBefore(this.element, next);
    focused?.focus({preventScroll: true});
    this.placing = false;
  }

  highlight() {
    this.element.classList.remove('fresh');
    void this.element.offsetWidth; // restarts the animation
    this.element.classList.add('fresh');
  }

  key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey) return;
    const act = {
      ArrowLeft: () => this.board.moveSideways(this.id, -1),
      ArrowRight: () => this.board.moveSideways(this.id, 1),
      ArrowUp: () => (event.altKey ? this.board.moveUpDown(this.id, -1) : this.board.walk(this.id, -1)),
      ArrowDown: () => (event.altKey ? this.board.moveUpDown(this.id, 1) : this.board.walk(this.id, 1)),
      Enter: () => this.startEdit(),
      F2: () => this.startEdit(),
    }[event.key];
    // Alt with left or right is the browser's own way back and forth.
    if (!act || (event.altKey && /Left|Right/.test(event.key))) return;
    event.preventDefault();
    act();
  }

  startEdit() {
    if (this.input) return;
    const input = document.createElement('textarea');
    input.rows = 1;
    input.enterKeyHint = 'done';
    input.className = 'rename';
    input.value = this.element.dataset.title;
    input.maxLength = this.board.maxTitle;
    input.setAttribute('aria-label', 'New title');
    input.dataset.testid = 'rename';
    input.addEventListener('keydown', (event) => {
      if (event.isComposing || (event.key !== 'Enter' && event.key !== 'Escape')) return;
      event.preventDefault();
      event.stopPropagation(); // else the card would take this Enter for a new edit
      this.endEdit(event.key === 'Enter', true);
    });
    input.addEventListener('beforeinput', (event) => {
      if (event.inputType === 'insertLineBreak') event.preventDefault(); // it wraps, but it is one line
    });
    input.addEventListener('blur', () => {
      // Neither another window's move nor a switch of windows ends an edit.
      if (!this.placing && document.hasFocus()) this.endEdit(true, false);
    });
    this.input = input;
    this.element.draggable = false; // else the mouse could not select text
    this.element.classList.add('editing');
    this.element.prepend(input);
    input.focus();
    input.select();
  }

  async endEdit(keep, focus) {
    const {input} = this;
    if (!input) return;
    this.input = undefined;
    const title = input.value.replace(/\s+/g, ' ').trim();
    const before = this.element.dataset.title;
    const save = keep && title !== '' && title !== before;
    if (save) this.title.textContent = title; // until the answer, which decides
    input.remove();
    this.element.draggable = true;
    this.element.classList.remove('editing');
    if (focus) this.element.focus();
    if (save && !await this.board.rename(this.id, title)) this.title.textContent = this.element.dataset.title;
  }
}

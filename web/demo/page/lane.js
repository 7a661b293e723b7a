// The last minute of a board as a lane of marks, one for each request.

const span = 60_000;

export class Lane {
  constructor(root) {
    this.root = root;
    this.marks = []; // {at, element}, oldest first
  }

  // add marks a request, and whether it brought news.
  add(news) {
    const element = document.createElement('span');
    element.className = news ? 'mark news' : 'mark';
    this.root.append(element);
    this.marks.push({at: Date.now(), element});
    this.draw();
  }

  draw() {
    const now = Date.now();
    while (this.marks[0]?.at < now - span) this.marks.shift().element.remove();
    for (const {at, element} of this.marks) element.style.left = `${(100 * (1 - (now - at) / span)).toFixed(2)}%`;
  }
}

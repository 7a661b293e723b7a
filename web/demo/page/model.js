// The board as this window knows it: a state, and the rules by which the
// server's events change it. The server applies the same events the same way.

export class Model {
  constructor(state) {
    this.reset(state);
  }

  reset(state) {
    this.run = state.run;
    this.version = state.version;
    this.name = state.name;
    this.columns = state.columns;
    this.stories = new Map(state.stories.map((story) => [story.id, {...story}]));
    this.order = new Map(state.columns.map(({id}) => [id, []]));
    for (const story of state.stories) this.order.get(story.column).push(story.id);
  }

  // take applies a poll's answer and returns the events that were new here.
  // What was applied while the poll was under way is passed over.
  take(delta) {
    if (delta.state) {
      const other = delta.state.run !== this.run;
      if (other || delta.state.version > this.version) this.reset(delta.state);
      return [];
    }
    return delta.events.filter((event) => this.apply(event));
  }

  // apply makes the next event so; false if it is not the next one.
  apply(event) {
    if (event.version !== this.version + 1) return false;
    this.version = event.version;
    if (event.kind === 'renamed') {
      this.stories.get(event.story).title = event.title;
      return true;
    }
    if (event.kind === 'added') {
      this.stories.set(event.story, {id: event.story, title: event.title});
    } else {
      const from = this.order.get(this.stories.get(event.story).column);
      from.splice(from.indexOf(event.story), 1);
    }
    this.order.get(event.column).splice(event.position, 0, event.story);
    this.stories.get(event.story).column = event.column;
    return true;
  }

  columnName(id) {
    return this.columns.find((column) => column.id === id).name;
  }

  // neighbour is the column a step to the left (-1) or right (1), if any.
  neighbour(id, step) {
    const i = this.columns.findIndex((column) => column.id === id);
    return this.columns[i + step]?.id;
  }
}

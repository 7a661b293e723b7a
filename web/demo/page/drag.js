// Dragging stories with the mouse.

const type = 'application/x-story';

// letDrag makes a column's stories draggable, and the column take stories from
// any column: drop(story, position) is called with the place in this column,
// counted without the story itself.
export function letDrag(section, list, drop) {
  list.addEventListener('dragstart', (event) => {
    const card = event.target.closest?.('li');
    if (!card) return;
    event.dataTransfer.setData(type, card.dataset.id);
    event.dataTransfer.setData('text/plain', card.textContent);
    event.dataTransfer.effectAllowed = 'move';
    card.classList.add('dragged');
  });
  list.addEventListener('dragend', (event) => event.target.classList?.remove('dragged'));

  section.addEventListener('dragover', (event) => {
    if (!event.dataTransfer.types.includes(type)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'move';
    section.classList.add('target');
  });
  section.addEventListener('dragleave', (event) => {
    if (!section.contains(event.relatedTarget)) section.classList.remove('target');
  });
  section.addEventListener('drop', (event) => {
    section.classList.remove('target');
    const id = event.dataTransfer.getData(type);
    if (!id) return;
    event.preventDefault();
    const others = [...list.children].filter((card) => card.dataset.id !== id);
    const below = others.findIndex((card) => {
      const {top, height} = card.getBoundingClientRect();
      return event.clientY < top + height / 2;
    });
    drop(Number(id), below < 0 ? others.length : below);
  });
}

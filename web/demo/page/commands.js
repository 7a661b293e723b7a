// Command lines to copy.

import {element} from './board.js';

// listCommands shows each command line with a button that copies it; tell says what came of it.
export function listCommands(list, settings, tell) {
  const commands = [
    {text: 'Add a story, as another program of yours would. Both boards show it.', command: settings.add_command},
    {text: 'See all that Nudge sends: a number for each change.', command: settings.watch_command},
  ];
  list.replaceChildren();
  for (const {text, command} of commands) {
    if (!command) continue;
    const item = element('li');
    const line = element('div', 'command');
    const code = element('code', '', command);
    code.tabIndex = 0; // it scrolls
    code.setAttribute('role', 'region');
    code.setAttribute('aria-label', text);
    const copy = element('button', 'button small', 'Copy');
    copy.type = 'button';
    copy.setAttribute('aria-label', `Copy: ${text}`);
    copy.addEventListener('click', async () => {
      const done = await copied(code);
      copy.textContent = done ? 'Copied' : 'Selected';
      tell(done ? 'Copied.' : 'Selected: copy it with the keyboard.');
      setTimeout(() => { copy.textContent = 'Copy'; }, 1600);
    });
    line.append(code, copy);
    item.append(element('p', '', text), line);
    list.append(item);
  }
}

// copied copies an element's text, or selects it where the page may not.
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}

// What surrounds the board: second windows, and command lines to copy.

// offerWindows gives the visitor a second window: beside this one on the
// screen, or below the same roof in a frame.
export function offerWindows({besideButton, link, stage}) {
  link.addEventListener('click', (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // as the visitor wishes
    // Where a window cannot be opened, the link opens a tab.
    if (openBeside(link.href)) event.preventDefault();
  });

  let frame;
  besideButton.addEventListener('click', () => {
    if (frame) {
      frame.remove();
      frame = undefined;
    } else {
      frame = document.createElement('iframe');
      frame.src = '/';
      frame.title = 'Second window';
      frame.className = 'window second';
      frame.dataset.testid = 'second';
      stage.append(frame);
    }
    stage.classList.toggle('double', Boolean(frame));
    besideButton.setAttribute('aria-pressed', String(Boolean(frame)));
  });
}

// openBeside opens a window right of this one, left of it, or, where neither
// side has room, over the right half of the screen.
function openBeside(url) {
  const left = screen.availLeft ?? 0;
  const right = left + screen.availWidth;
  const width = Math.min(window.outerWidth, Math.max(420, Math.floor(screen.availWidth / 2)));
  let x = right - width;
  if (window.screenX + window.outerWidth + width <= right) {
    x = window.screenX + window.outerWidth;
  } else if (window.screenX - width >= left) {
    x = window.screenX - width;
  }
  const features = `popup,left=${x},top=${window.screenY},width=${width},height=${window.innerHeight}`;
  return window.open(url, '_blank', features);
}

// listCommands shows each command line with a button that copies it, in place
// of those shown before.
export function listCommands(list, settings, tell) {
  const commands = [
    {text: 'Add a story through the application: it commits, then publishes.', command: settings.add_command},
    {text: 'Publish a number to the counter project.', command: settings.publish_command},
  ];
  list.replaceChildren();
  for (const {text, command} of commands) {
    if (!command) continue;
    const item = document.createElement('li');
    const note = document.createElement('p');
    note.textContent = text;
    const line = document.createElement('div');
    line.className = 'command';
    const code = document.createElement('code');
    code.textContent = command;
    code.tabIndex = 0;
    const copy = document.createElement('button');
    copy.type = 'button';
    copy.className = 'button small';
    copy.textContent = 'Copy';
    copy.setAttribute('aria-label', `Copy: ${command}`);
    copy.addEventListener('click', async () => {
      const done = await copied(code);
      copy.textContent = done ? 'Copied' : 'Selected';
      tell(done ? 'Copied.' : 'Selected: copy it with the keyboard.');
      setTimeout(() => { copy.textContent = 'Copy'; }, 1600);
    });
    line.append(code, copy);
    item.append(note, line);
    list.append(item);
  }
}

// copied copies an element's text, or selects it where the page may not.
async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}

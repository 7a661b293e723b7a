import { figures, sentences, span, styles, tone } from './inspect-text.js';
import type { Nudge } from '../types.js';

export interface InspectOptions {
  /** What the overlay is put into; it is shown in the corner of the window all the same. Default: the root element. */
  readonly parent?: Node;
  /** Open from the start. */
  readonly open?: boolean;
  /** Tells several instances apart. Default: Nudge. */
  readonly name?: string;
}

/** Places in the corner that are taken, so that two overlays do not cover each other. */
const taken = new Set<number>();

/**
 * Shows what `nudge` does in a small overlay, for those who look into a page; gives the undo. The overlay has a shadow root,
 * needs no leave of a content security policy, only looks, and never throws: where it cannot be shown, as on a server, nothing
 * happens.
 */
export function inspect(nudge: Nudge, options: InspectOptions = {}): () => void {
  const life = new AbortController();
  const { signal } = life;
  const undo = () => life.abort();
  let { open = false, name = 'Nudge' } = options;

  function guarded<A extends unknown[]>(act: (...args: A) => void) {
    return (...args: A) => {
      try {
        if (!signal.aborted) act(...args);
      } catch {
        undo(); // the page goes on, the overlay does not
      }
    };
  }

  function mount() {
    const host = document.createElement('nudge-inspect');
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    root.adoptedStyleSheets = [sheet];

    const section = add(root, 'section');
    const toggle = add(section, 'button');
    const lamp = add(toggle, 'i');
    const summary = add(toggle, 'span');
    const panel = add(section, 'div');
    const sentence = add(panel, 'p');
    const list = add(panel, 'dl');
    const events = add(panel, 'ol');
    const away = add(panel, 'button', 'Put away');
    mark(section, { lang: 'en', dir: 'ltr' });
    mark(panel, { role: 'region', 'aria-label': `Inside ${name}`, tabindex: '0' }); // by which it scrolls
    mark(events, { 'aria-label': 'Last events' });

    let timer: ReturnType<typeof setInterval> | undefined;
    let last = nudge.getSnapshot();
    const cells = Object.keys(figures(last)).map((name) => {
      add(list, 'dt', name);
      return add(list, 'dd');
    });

    function draw() {
      write(summary, `${name}: ${last.mode} · ${last.reason}`);
      lamp.className = tone(last);
      if (!open) return;
      write(sentence, sentences[last.reason]);
      Object.values(figures(last)).forEach((figure, i) => write(cells[i]!, `${figure}`));
    }

    /** Clocks run only where somebody may see them. */
    function turn(opened: boolean) {
      open = opened;
      mark(toggle, { 'aria-expanded': `${open}` });
      panel.hidden = !open;
      clearInterval(timer);
      timer = open && !document.hidden ? setInterval(guarded(draw), 1000) : undefined;
      draw();
    }

    function note(text: string) {
      const item = document.createElement('li');
      add(item, 'time', new Date().toTimeString().slice(0, 8));
      add(item, 'span', text);
      events.prepend(item);
      events.children[20]?.remove();
    }

    function hear(target: EventTarget, type: string, act: (event: any) => void) {
      target.addEventListener(type, guarded(act), { signal });
    }

    const unsubscribe = nudge.subscribe(
      guarded(() => {
        const next = nudge.getSnapshot();
        const changes = (['mode', 'stream', 'reason'] as const).filter((key) => next[key] !== last[key]);
        if (changes.length) note(changes.map((key) => `${key} ${last[key]} → ${next[key]}`).join(', '));
        last = next;
        draw();
      }),
    );
    let place = 0;
    while (taken.has(place)) place++;
    taken.add(place);
    section.style.setProperty('--up', `${12 + place * 38}px`);
    signal.addEventListener('abort', () => {
      unsubscribe();
      clearInterval(timer);
      taken.delete(place);
      host.remove();
    });
    hear(nudge, 'news', ({ detail }) => note(`news ${detail.project}@${detail.version}`));
    hear(nudge, 'poll', ({ detail }) => note(`poll (${detail.reason}) ${detail.failed ? 'failed after' : 'took'} ${span(detail.ms)}`));
    hear(document, 'visibilitychange', () => turn(open));
    hear(toggle, 'click', () => turn(!open));
    hear(away, 'click', undo);
    hear(section, 'keydown', (event) => {
      if (event.key !== 'Escape' || !open) return;
      event.stopPropagation(); // what the page would close by it stays
      turn(false);
      toggle.focus();
    });

    turn(open);
    (options.parent ?? document.documentElement).appendChild(host); // some libraries replace the body
  }

  guarded(mount)();
  return undo;
}

function add<K extends keyof HTMLElementTagNameMap>(parent: Node, tag: K, text = ''): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.appendChild(element);
  return element;
}

/** Leaves what is right alone, for it may be selected. */
function write(element: Element, text: string) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element: Element, attributes: Record<string, string>) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

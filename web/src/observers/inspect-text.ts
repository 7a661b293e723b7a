import type { Reason, Snapshot } from '../types.js';

/** What the inspector says of each reason. */
export const sentences: Record<Reason, string> = {
  starting: 'Nothing is known yet.',
  proving: 'The stream is open and has yet to deliver.',
  streaming: 'All is well.',
  degraded: 'Push works, but is not fully trusted.',
  down: 'The gateway hears nothing from its source.',
  uncovered: 'The stream does not serve all projects.',
  goodbye: 'The gateway ended the stream; it comes back.',
  lost: 'The stream broke; it comes back.',
  cut: 'Something on the way ends streams; they come back.',
  mute: 'Something on the way holds streams back, or blocks them.',
  crowded: 'Streams left no connection for polls; push rests.',
  unreachable: 'No gateway answers.',
  captive: 'Something else answers, perhaps a login page.',
  busy: 'The gateway takes no more streams for now.',
  off: 'Push is switched off.',
  denied: 'The gateway refuses these projects.',
  token: 'The gateway takes no token of this page.',
  unsupported: 'There is no EventSource here.',
  ahead: 'Push names a version that the application does not have.',
  hidden: 'The page is not shown.',
  paused: 'The page asked for a pause.',
  stopped: 'The page stopped it for good.',
};

/** What else it shows, by name. */
export function figures({ stats, versions, ...s }: Snapshot) {
  const now = Date.now();
  return {
    mode: s.mode,
    push: s.push,
    stream: s.stream,
    reason: s.reason,
    rung: s.rung,
    role: s.role,
    ...(s.cut && { 'streams end after': span(s.cut) }),
    interval: span(s.interval),
    fast: span(s.fast),
    'next poll': s.nextPollAt ? `in ${span(s.nextPollAt - now, true)}` : s.mode === 'push' || s.mode === 'poll' ? 'now' : 'none',
    'last event': s.lastEventAt ? `${span(now - s.lastEventAt, true)} ago` : 'none',
    lag: stats.lagMs === null ? 'none' : span(stats.lagMs),
    polls: `${stats.polls}, ${stats.newsPolls} for news, ${stats.failedPolls} failed`,
    saved: stats.saved,
    missed: stats.missed,
    versions: `${Object.entries(versions).map((each) => each.join('@')).join(' ')}, ${s.behind} behind`,
  };
}

// One set of middle tones for the lamp, with contrast enough on light and on dark. All else is in the system's own colours.
export const styles = `
:host{all:initial!important;display:contents!important}
section{position:fixed;right:12px;bottom:var(--up);z-index:2147483647;display:flex;flex-direction:column-reverse;align-items:end;gap:6px;color-scheme:light dark;color:CanvasText;font:13px/1.4 system-ui,sans-serif}
button,div{border:1px solid #767b85;background:Canvas;color:inherit;border-radius:14px;padding:4px 12px;font:inherit}
:focus-visible{outline:2px solid #4a7dff}
i{display:inline-block;width:9px;height:9px;margin-right:7px;border-radius:9px;background:#767b85}
.good{background:#1a8f4f}
.warn{background:#b87000}
.bad{background:#d8403a}
div{width:min(320px,100vw - 50px);max-height:calc(100vh - 80px - var(--up));overflow:auto}
p{margin:6px 0;font-weight:600}
dl,li{display:grid;grid-template-columns:88px 1fr;gap:0 8px;margin:0}
dd{margin:0;overflow-wrap:anywhere}
dt,time{opacity:.75}
ol{margin:8px 0;padding:8px 0;border-top:1px solid #767b85}
@media print{section{display:none}}`;

export function tone({ mode, push }: Snapshot) {
  if (mode === 'push') return push === 'degraded' ? 'warn' : 'good';
  if (mode !== 'poll' || push === 'off') return '';
  return push === 'down' ? 'bad' : 'warn';
}

export function span(ms: number, whole = false) {
  if (ms < 1000 && !whole) return `${Math.round(ms)} ms`;
  const s = Math.max(0, whole ? Math.round(ms / 1000) : Math.round(ms / 100) / 10);
  return s < 120 ? `${s} s` : `${Math.floor(s / 60)} min` + (s % 60 < 1 ? '' : ` ${Math.floor(s % 60)} s`);
}

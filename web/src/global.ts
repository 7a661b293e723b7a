import { createNudge } from './nudge.js';

Object.assign(globalThis, { Nudge: { createNudge } });

/**
 * A plugin for Fastify: `app.register(fastifyPolls, { nudge, identity: ['cookie:sessionId'] })`, before all others.
 * @param {any} app @param {{ nudge: import('./client.js').Nudge, identity: string[] }} options
 */
export function fastifyPolls(app: any, { nudge, identity }: {
    nudge: import("./client.js").Nudge;
    identity: string[];
}): Promise<void>;

/**
 * Says which versions an answer has: before it is sent.
 * @param {{ setHeader?: Function, header?: Function }} response of Node, Express or Fastify
 * @param {Record<string, number | bigint> | [string | number | bigint, number | bigint][]} versions
 */
export function answered(response: {
    setHeader?: Function;
    header?: Function;
}, versions: Record<string, number | bigint> | [string | number | bigint, number | bigint][]): void;
/**
 * Middleware for Express, Connect and node:http that answers 304 to a poll whose client has the stored versions already, before
 * session, database and view. Use it first.
 *
 *     app.use(polls(nudge, { identity: ['cookie:connect.sid', 'header:authorization'] }))
 *
 * identity names the cookies and headers that decide who asks, so that nobody gets the answer of somebody else.
 * @param {Nudge} nudge @param {{ identity: string[] }} options @throws {Invalid}
 */
export function polls(nudge: Nudge, { identity }: {
    identity: string[];
}): (request: Request, response: Response, next: (error?: unknown) => void) => Promise<void>;
export type Request = import("node:http").IncomingMessage & {
    originalUrl?: string;
};
export type Response = import("node:http").ServerResponse;
export type Nudge = import("./client.js").Nudge;

<?php

declare(strict_types=1);

namespace Nudge;

/** Which polls need no application: the rules. PollMiddleware, Laravel\PollMiddleware and PollScript carry them. */
final class Polls
{
    public const HEADER = 'X-Nudge-Version';
    private const PRIVATE = 'private, no-cache';
    /** In Vary: other bytes of the same answer, what identity has, CORS. */
    private const HARMLESS = ['', 'accept-encoding', 'cookie', 'origin'];

    private Pause $pause;
    /** @var array<string, true> */
    private array $said = [];

    /**
     * @param list<string> $identity what tells callers apart, such as ["cookie:PHPSESSID", "header:authorization"]. Nobody gets the
     *     answer of somebody else. A log-in must renew the session.
     * @param ?\Closure(string, string): string $content what counts of a cookie, by its name and value; null: the value
     * @throws Invalid
     */
    public function __construct(private Client $client, private array $identity, private ?\Closure $content = null)
    {
        if ($client->secret === null) {
            throw new Invalid('secret: is not given to the client; pass one, by which the middleware signs validators');
        }
        if ($identity === []) {
            throw new Invalid('identity: is empty; name what tells callers apart, such as ["cookie:PHPSESSID", "header:authorization"]');
        }
        foreach ($identity as $name) {
            if (!is_string($name) || !preg_match('/^(cookie|header):[^\s=;,]+$/D', $name)) {
                throw new Invalid('identity: ' . Checks::shown($name) . '; write cookie:NAME or header:NAME');
            }
        }
        $this->pause = new Pause('polls:' . $client->store->name());
    }

    /** The header of an answer that has these versions, by project. @param array<string|int, int> $versions @throws Invalid */
    public static function answered(array $versions): string
    {
        return Validator::text($versions);
    }

    /**
     * The headers of a 304, or null: the request goes to the application. It never throws.
     *
     * @param string $path as the client sent it; what follows ? does not count
     * @param \Closure(string): string $header the value of a header by its name in lower case; "": none
     * @return ?array<string, string>
     */
    public function unchanged(string $method, string $path, \Closure $header): ?array
    {
        try {
            $sent = in_array($method, ['GET', 'HEAD'], true) ? $header('if-none-match') : '';
            if (!str_contains($sent, 'nudge1.')) {
                return null;
            }
            $who = $this->who($header, []);
            foreach ($who === null ? [] : Validator::signed($this->client->secret, $sent, self::path($path), $who) as $found) {
                $age = time() - $found->time;
                if ($age >= -5 && $age <= $this->client->slow) {
                    return $this->isStored($found->versions) ? ['ETag' => $found->etag, 'Cache-Control' => self::PRIVATE] : null;
                }
            }
        } catch (\Throwable $error) {
            $this->once('unchanged', 'a poll goes to the application: ' . $this->client->reason($error));
        }
        return null;
    }

    /**
     * The headers to set in the application's answer. The caller takes X-Nudge-Version away. It never throws.
     *
     * @param \Closure(string): string $header of the request
     * @param \Closure(string): list<string> $answered the values of a header of the answer, by its name in lower case
     * @return array<string, string>
     */
    public function finish(string $method, string $path, \Closure $header, int $status, \Closure $answered): array
    {
        try {
            return $this->validator($method, self::path($path), $header, $status, $answered);
        } catch (\Throwable $error) {
            $this->once('finish', 'an answer gets no validator: ' . $this->client->reason($error));
            return [];
        }
    }

    private function isStored(array $versions): bool
    {
        if (!$this->pause->allows()) {
            return false;
        }
        try {
            $stored = $this->client->store->get(array_map(strval(...), array_keys($versions)));
        } catch (\Throwable $error) {
            if ($this->pause->failed($this->client->reason($error))) {
                $this->client->log("polls go to the application: {$this->client->reason($error)}; {$this->client->store->advice($error)}");
            }
            return false;
        }
        $this->pause->succeeded();
        return $stored === array_map(strval(...), array_values($versions));
    }

    private function validator(string $method, string $path, \Closure $header, int $status, \Closure $answered): array
    {
        $said = implode(',', $answered(strtolower(self::HEADER)));
        $control = strtolower(implode(',', $answered('cache-control')));
        $directives = array_map(static fn (string $part) => trim(explode('=', $part)[0]), explode(',', $control));
        if ($said === '' || $method !== 'GET' || $status !== 200 || in_array('no-store', $directives, true)) {
            return [];
        }
        $versions = Validator::versions($said);
        $names = array_map(static fn (string $name) => strtolower(trim($name)), explode(',', implode(',', $answered('vary'))));
        $others = array_filter($names, fn (string $name) => !in_array($name, self::HARMLESS, true) && !in_array("header:$name", array_map(strtolower(...), $this->identity), true));
        $problem = match (true) {
            $versions === null => 'is not used; write it as 42=124, 43=9, with 64 projects at most',
            array_intersect($directives, ['public', 's-maxage']) !== [] => 'is not used beside Cache-Control: public or s-maxage, which is for everybody; write private, no-cache',
            $answered('etag') !== [] => 'is not used beside an ETag of the application; remove that, or let the middleware run inside of what sets it',
            // A browser that has JSON of a path sends its validator also when it navigates there.
            $others !== [] => 'is not used beside Vary: ' . reset($others) . '; add header:' . reset($others) . ' to identity',
            default => null,
        };
        if ($problem !== null) {
            $this->once($problem, "$path: " . self::HEADER . " $problem");
            return [];
        }
        $who = $this->who($header, self::set($answered('set-cookie')));
        if ($who === null) {
            return [];
        }
        $headers = ['ETag' => Validator::etag($this->client->secret, time(), $versions, $path, $who)];
        return $control === '' ? $headers + ['Cache-Control' => self::PRIVATE] : $headers;
    }

    /** Who the caller is after the answer, which may set cookies. null: the request has two cookies of one name. */
    private function who(\Closure $header, array $set): ?string
    {
        $cookies = [];
        foreach (explode(';', $header('cookie')) as $part) {
            [$name, $value] = explode('=', trim($part), 2) + [1 => ''];
            $cookies[$name][] = $value;
        }
        $values = [];
        foreach ($this->identity as $name) {
            [$kind, $key] = explode(':', $name, 2);
            if ($kind === 'header') {
                $values[] = [$name, $header(strtolower($key))];
                continue;
            }
            if (!isset($set[$key]) && count($cookies[$key] ?? []) > 1) {
                return null;
            }
            $value = $set[$key] ?? $cookies[$key][0] ?? '';
            $values[] = [$name, $this->content === null || $value === '' ? $value : ($this->content)($key, $value)];
        }
        return Validator::identity($values);
    }

    /** What the browser has of each cookie after these Set-Cookie headers; "": none. */
    private static function set(array $headers): array
    {
        $set = [];
        foreach ($headers as $header) {
            $parts = array_map(trim(...), explode(';', $header));
            [$name, $value] = explode('=', array_shift($parts), 2) + [1 => ''];
            $attributes = [];
            foreach ($parts as $part) {
                [$key, $text] = explode('=', $part, 2) + [1 => ''];
                $attributes[strtolower(trim($key))] = trim($text);
            }
            $ends = isset($attributes['max-age']) ? (int) $attributes['max-age'] <= 0 : isset($attributes['expires']) && strtotime($attributes['expires']) <= time();
            $set[trim($name)] = $ends ? '' : trim($value);
        }
        return $set;
    }

    private static function path(string $sent): string
    {
        return explode('?', $sent, 2)[0];
    }

    /** Logs it once for this object, and with APCu once an hour for all processes of a server. */
    private function once(string $about, string $text): void
    {
        $shared = function_exists('apcu_enabled') && apcu_enabled();
        if (!isset($this->said[$about]) && (!$shared || apcu_add("nudge:said:$about", true, 3600))) {
            $this->client->log($text);
        }
        $this->said[$about] = true;
    }
}

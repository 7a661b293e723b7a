<?php

declare(strict_types=1);

namespace Nudge;

/** Polls of scripts without a framework: what PollMiddleware does, with $_SERVER and header(). */
final class PollScript
{
    /**
     * Call it first of all, before session_start(). A poll that would find nothing is answered 304 and the script ends. Else the
     * answer gets its validator when PHP sends the headers, if the script has said which versions it has:
     * header('X-Nudge-Version: ' . Polls::answered([42 => 124])). It uses header_register_callback, of which PHP has one.
     *
     * @param list<string> $identity what tells callers apart, such as ["cookie:PHPSESSID", "header:authorization"]
     * @throws Invalid
     */
    public static function begin(Client $client, array $identity): void
    {
        $polls = new Polls($client, $identity);
        [$method, $path] = [$_SERVER['REQUEST_METHOD'] ?? '', $_SERVER['REQUEST_URI'] ?? ''];
        $headers = array_change_key_case(getallheaders());
        // Servers keep these credentials apart, and the script may read them there.
        $headers['authorization'] ??= $_SERVER['REDIRECT_HTTP_AUTHORIZATION'] ?? json_encode([$_SERVER['PHP_AUTH_USER'] ?? '', $_SERVER['PHP_AUTH_PW'] ?? '']);
        $header = static fn (string $name): string => (string) ($headers[$name] ?? '');
        $unchanged = $polls->unchanged($method, $path, $header);
        if ($unchanged !== null) {
            http_response_code(304);
            self::send($unchanged);
            exit;
        }
        header_register_callback(static function () use ($polls, $method, $path, $header): void {
            $answered = self::answered();
            if (!isset($answered[strtolower(Polls::HEADER)])) {
                return;
            }
            header_remove(Polls::HEADER);
            // session_start() says this of every answer, unless session_cache_limiter() says otherwise: it is not about this one.
            $limited = session_cache_limiter() === 'nocache' && ($answered['cache-control'] ?? []) === ['no-store, no-cache, must-revalidate'];
            if ($limited) {
                unset($answered['cache-control']);
            }
            $set = $polls->finish($method, $path, $header, (int) http_response_code(), static fn (string $name): array => $answered[$name] ?? []);
            if ($limited && $set !== []) {
                header_remove('Pragma');
                header_remove('Expires');
            }
            self::send($set);
        });
    }

    /** The headers of the answer so far, by name in lower case. @return array<string, list<string>> */
    private static function answered(): array
    {
        $all = [];
        foreach (headers_list() as $line) {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $all[strtolower($name)][] = trim($value);
        }
        return $all;
    }

    /** @param array<string, string> $headers */
    private static function send(array $headers): void
    {
        foreach ($headers as $name => $value) {
            header("$name: $value");
        }
    }
}

<?php

declare(strict_types=1);

namespace Nudge\Laravel;

use Illuminate\Contracts\Encryption\DecryptException;
use Illuminate\Contracts\Encryption\Encrypter;
use Nudge\Polls;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;

/** Answers 304 to polls whose versions are those in Redis, before session and route. The service provider lets it be the first. */
final class PollMiddleware
{
    public function __construct(private Polls $polls)
    {
    }

    public function handle(Request $request, \Closure $next): mixed
    {
        $path = (string) $request->server->get('REQUEST_URI', '');
        $header = static fn (string $name): string => implode(', ', array_map(strval(...), $request->headers->all($name)));
        $unchanged = $this->polls->unchanged($request->getMethod(), $path, $header);
        if ($unchanged !== null) {
            return new Response('', 304, $unchanged);
        }
        $response = $next($request);
        if (!$response instanceof Response || !$response->headers->has(Polls::HEADER)) {
            return $response;
        }
        $answered = static fn (string $name): array => array_map(strval(...), $name === 'set-cookie' ? $response->headers->getCookies() : $response->headers->all($name));
        $headers = $this->polls->finish($request->getMethod(), $path, $header, $response->getStatusCode(), $answered);
        $response->headers->remove(Polls::HEADER);
        foreach ($headers as $name => $value) {
            $response->headers->set($name, $value);
        }
        return $response;
    }

    /** What counts of a cookie that Laravel encrypts anew in each answer: its content, or no validator would live until the next poll. */
    public static function content(Encrypter $encrypter): \Closure
    {
        return static function (string $name, string $value) use ($encrypter): string {
            try {
                return (string) $encrypter->decrypt(rawurldecode($value), false);
            } catch (DecryptException) {
                return $value;
            }
        };
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\MiddlewareInterface;
use Psr\Http\Server\RequestHandlerInterface;

/** PSR-15: answers 304 to polls whose versions are those in Redis, before the handler is called. Let it be the outermost. */
final class PollMiddleware implements MiddlewareInterface
{
    private Polls $polls;

    /** @param list<string> $identity what tells callers apart, such as ["cookie:PHPSESSID", "header:authorization"] */
    public function __construct(Client $client, private ResponseFactoryInterface $responses, array $identity)
    {
        $this->polls = new Polls($client, $identity);
    }

    public function process(ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface
    {
        $sent = $request->getServerParams()['REQUEST_URI'] ?? '';
        $path = is_string($sent) && str_starts_with($sent, '/') ? $sent : $request->getUri()->getPath();
        $header = static fn (string $name): string => $request->getHeaderLine($name);
        $unchanged = $this->polls->unchanged($request->getMethod(), $path, $header);
        if ($unchanged !== null) {
            return self::with($this->responses->createResponse(304), $unchanged);
        }
        $response = $handler->handle($request);
        if (!$response->hasHeader(Polls::HEADER)) {
            return $response;
        }
        $headers = $this->polls->finish($request->getMethod(), $path, $header, $response->getStatusCode(), static fn (string $name): array => $response->getHeader($name));
        return self::with($response->withoutHeader(Polls::HEADER), $headers);
    }

    private static function with(ResponseInterface $response, array $headers): ResponseInterface
    {
        foreach ($headers as $name => $value) {
            $response = $response->withHeader($name, $value);
        }
        return $response;
    }
}

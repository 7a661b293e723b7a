<?php

// The driver of the conformance suite: one JSON object a line in, one a line out. See clients/conformance.

declare(strict_types=1);

use Nudge\{Client, Outbox, PollMiddleware, Relay, Validator};
use Nyholm\Psr7\{Factory\Psr17Factory, Response, ServerRequest};
use Psr\Http\Message\{ResponseInterface, ServerRequestInterface};

require __DIR__ . '/../tests/load.php';

final class Kept extends Psr\Log\AbstractLogger
{
    public array $lines = [];

    public function log($level, $message, array $context = []): void
    {
        $this->lines[] = $message;
    }
}

/** The application behind the middleware. */
final class Application implements Psr\Http\Server\RequestHandlerInterface
{
    public array $versions = [];
    private int $calls = 0;

    public function handle(ServerRequestInterface $request): ResponseInterface
    {
        $project = explode('/', $request->getUri()->getPath())[2] ?? '';
        $version = $this->versions[$project] ?? 0;
        $response = new Response(200, ['Content-Type' => 'application/json', 'X-Nudge-Version' => "$project=$version"], json_encode(['version' => $version, 'calls' => ++$this->calls]));
        parse_str($request->getUri()->getQuery(), $query);
        return isset($query['login']) ? $response->withHeader('Set-Cookie', "sid={$query['login']}; Path=/") : $response;
    }
}

$kept = new Kept();
$client = new Client(getenv('REDIS_URL'), secret: getenv('NUDGE_SECRET'), logger: $kept);
$application = new Application();
$polls = new PollMiddleware($client, new Psr17Factory(), ['cookie:sid']);
$listener = null;

$database = static function (): PDO {
    $db = new PDO('sqlite:' . getenv('OUTBOX_DB'));
    if ($db->query("SELECT 1 FROM sqlite_master WHERE name = 'nudge_outbox'")->fetchAll() === []) {
        $db->exec(Outbox::schema('sqlite'));
    }
    return $db;
};
$relay = new Relay($database, $client);
$extras = static fn (stdClass $asked): array => [$asked->project, $asked->version, $asked->prev ?? null, $asked->writer ?? null, $asked->data ?? null, $asked->reset ?? false];

$do = [
    'publish' => fn ($asked) => ['announced' => $client->publish(...$extras($asked))],
    'publish_or_raise' => fn ($asked) => ['announced' => $client->publishOrThrow(...$extras($asked))],
    'publish_many' => fn ($asked) => ['announced' => $client->publishMany($asked->news)],
    'token' => fn ($asked) => ['token' => $client->tokenFor($asked->user, $asked->projects, $asked->ttl ?? 3600)],
    'fork_publish' => function ($asked) use ($client): array {
        $child = pcntl_fork();
        if ($child === 0) {
            $announced = $client->publish($asked->project, $asked->version);
            posix_kill(getmypid(), $announced ? SIGKILL : SIGTERM); // no destructors: they would be the parent's
        }
        pcntl_waitpid($child, $status);
        return ['announced' => pcntl_wtermsig($status) === SIGKILL];
    },
    'threads' => function ($asked) use ($client): array { // PHP has no threads: what workers of FPM do, one after the other
        $announced = 0;
        for ($version = $asked->from; $version <= $asked->to; $version++) {
            $announced += $client->publish($asked->project, $version) ? 1 : 0;
        }
        return ['announced' => $announced];
    },
    'validator' => function ($asked) use ($client): array {
        $identity = array_map(null, array_keys((array) $asked->identity), array_values((array) $asked->identity));
        return ['etag' => Validator::etag($client->secret, $asked->time, (array) $asked->versions, $asked->path, Validator::identity($identity))];
    },
    'outbox_add' => function ($asked) use ($database): array {
        $db = $database();
        $db->beginTransaction();
        foreach ($asked->rows as [$project, $version]) {
            Outbox::add($db, $project, $version);
        }
        ($asked->rollback ?? false) ? $db->rollBack() : $db->commit();
        return [];
    },
    'relay_once' => fn () => ['rows' => $relay->runOnce()],
    'serve' => function () use (&$listener): array {
        $listener = stream_socket_server('tcp://127.0.0.1:0');
        return ['url' => 'http://' . stream_socket_get_name($listener, false)];
    },
    'set_version' => function ($asked) use ($application): array {
        $application->versions[$asked->project] = $asked->version;
        return [];
    },
    'logged' => fn () => ['lines' => $kept->lines],
];

/** Reads one request of a connection, answers it, and closes. */
$answer = function ($connection) use ($polls, $application): void {
    $head = '';
    while (!str_contains($head, "\r\n\r\n") && ($line = fgets($connection)) !== false) {
        $head .= $line;
    }
    if ($head === '') {
        return;
    }
    $lines = explode("\r\n", trim($head));
    [$method, $target] = explode(' ', array_shift($lines));
    $request = new ServerRequest($method, $target, serverParams: ['REQUEST_URI' => $target]);
    foreach ($lines as $line) {
        $request = $request->withAddedHeader(...array_map(trim(...), explode(':', $line, 2)));
    }
    $response = $polls->process($request, $application);
    $body = $response->getStatusCode() === 304 ? '' : (string) $response->getBody();
    $text = "HTTP/1.1 {$response->getStatusCode()} {$response->getReasonPhrase()}\r\nConnection: close\r\n";
    $text .= $response->getStatusCode() === 304 ? '' : 'Content-Length: ' . strlen($body) . "\r\n";
    foreach ($response->getHeaders() as $name => $values) {
        foreach ($values as $value) {
            $text .= "$name: $value\r\n";
        }
    }
    fwrite($connection, "$text\r\n" . ($method === 'HEAD' ? '' : $body));
};

stream_set_blocking(STDIN, false);
for ($waiting = ''; !feof(STDIN);) {
    $ready = array_filter([STDIN, $listener]);
    $none = null;
    stream_select($ready, $none, $none, null);
    if ($listener !== null && in_array($listener, $ready, true)) {
        $connection = stream_socket_accept($listener);
        $answer($connection);
        fclose($connection);
    }
    $lines = explode("\n", $waiting . stream_get_contents(STDIN));
    $waiting = array_pop($lines);
    foreach ($lines as $line) {
        $asked = json_decode($line);
        try {
            $said = isset($do[$asked->do]) ? $do[$asked->do]($asked) : ['unsupported' => true];
        } catch (Throwable $error) {
            $said = ['error' => $error->getMessage()];
        }
        fwrite(STDOUT, json_encode((object) $said, JSON_THROW_ON_ERROR) . "\n");
    }
}

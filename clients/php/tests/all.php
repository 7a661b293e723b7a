<?php

declare(strict_types=1);

use Nudge\{Client, Invalid, Outbox, Pause, PollMiddleware, Polls, PublishFailed, Relay};
use Nudge\Testing\FakeClient;
use Nyholm\Psr7\{Factory\Psr17Factory, Response, ServerRequest};
use Psr\Http\Message\{ResponseInterface, ServerRequestInterface};

require __DIR__ . '/load.php';
require __DIR__ . '/check.php';

const TIMEOUT = 30.0; // seconds for a Redis that works: the machine may be busy
const SECRET = 'a secret of the tests that has 32 bytes';

function redis(): Redis
{
    $redis = new Redis();
    ['host' => $host, 'port' => $port] = parse_url(getenv('REDIS_URL'));
    $redis->connect($host, $port);
    return $redis;
}

/** What is stored. A read has 0.1 s, which a busy machine may miss: then it is done again. */
function stored(Client $client, array $projects): array
{
    for ($end = microtime(true) + TIMEOUT; microtime(true) < $end;) {
        try {
            return $client->store->get($projects);
        } catch (RedisException $error) {
            // again
        }
    }
    throw $error;
}

/** The middleware with an application that gives this answer. */
function poll(Client $client, ResponseInterface $answer, array $headers = [], string $method = 'GET', array $identity = ['cookie:sid']): ResponseInterface
{
    $handler = new class ($answer) implements Psr\Http\Server\RequestHandlerInterface {
        public function __construct(private ResponseInterface $answer)
        {
        }

        public function handle(ServerRequestInterface $request): ResponseInterface
        {
            return $this->answer;
        }
    };
    return (new PollMiddleware($client, new Psr17Factory(), $identity))->process(new ServerRequest($method, '/p?since=1', $headers), $handler);
}

function memory(): PDO
{
    $db = new PDO('sqlite::memory:');
    $db->exec(Outbox::schema('sqlite'));
    return $db;
}

redis()->flushAll();
Check::run([
    'options that are wrong name option and fix' => function (): void {
        $url = 'redis://127.0.0.1';
        $wrong = [
            'redis: ' => [null], 'redis: has no host' => [[]], 'prefix: ' => [$url, 'a:'], 'expire: ' => [$url, 'nudge', -1], 'timeout: ' => [$url, 'nudge', 0, 0.0],
            'is no number of a database' => ["$url/x"], 'the URL cannot be read' => ['http://hunter2@host'],
        ];
        foreach ($wrong as $text => $options) {
            $said = Check::thrown(Invalid::class, fn () => new Client(...$options));
            Check::has($text, $said);
            Check::has(';', $said);
            Check::same(false, str_contains($said, 'hunter2'), $said);
        }
        Check::has('32 at least', Check::thrown(Invalid::class, fn () => new Client($url, secret: 'short')));
        Check::has('white space', Check::thrown(Invalid::class, fn () => new Client($url, secret: SECRET . "\n")));
        Check::has('not base64', Check::thrown(Invalid::class, fn () => new Client($url, secret: 'base64:äöü')));
        Check::same(str_repeat("\xff", 32), (new Client($url, secret: 'base64:' . base64_encode(str_repeat("\xff", 32))))->secret);
        Check::has('not connected', Check::thrown(Invalid::class, fn () => new Client(new Redis())));
    },
    'a prefix, a serializer and a compression of the connection have no effect' => function (): void {
        $theirs = redis();
        $theirs->setOption(Redis::OPT_PREFIX, 'laravel_database_');
        $theirs->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
        $own = function () {
            $redis = redis();
            $redis->setOption(Redis::OPT_PREFIX, 'laravel_database_');
            $redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
            return $redis;
        };
        foreach (['a' => $theirs, 'b' => $own] as $project => $redis) {
            $client = new Client($redis, timeout: TIMEOUT, logger: $log = new Lines());
            Check::same(true, $client->publish($project, 5), implode($log->lines));
            Check::same(2, $client->publishMany([[$project, 6], ["$project$project", 1]]));
            Check::same('6', redis()->get("nudge:{{$project}}"), $project);
            Check::same(['6', null], stored($client, [$project, 'none']));
        }
        Check::same('laravel_database_', $theirs->getOption(Redis::OPT_PREFIX));
    },
    'a connection that was closed meanwhile costs no publish' => function (): void {
        $client = new Client(getenv('REDIS_URL'), timeout: TIMEOUT, logger: $log = new Lines());
        $client->publish('closed', 1);
        redis()->rawCommand('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        Check::same(true, $client->publish('closed', 2), implode($log->lines));
    },
    'the child of a fork has a connection of its own' => function (): void {
        $made = 0;
        $client = new Client(function () use (&$made): Redis {
            $made++;
            return redis();
        }, timeout: TIMEOUT);
        $client->publish('fork', 1);
        if (($child = pcntl_fork()) === 0) {
            $client->publish('fork', 2);
            posix_kill(getmypid(), $made === 2 ? SIGTERM : SIGKILL); // no destructors: they would be the parent's
        }
        pcntl_waitpid($child, $status);
        Check::same(SIGTERM, pcntl_wtermsig($status));
        Check::same([true, 1], [$client->publish('fork', 3), $made]);
    },
    'a connection that the application keeps for the next request is not taken' => function (): void {
        $theirs = new Redis();
        ['host' => $host, 'port' => $port] = parse_url(getenv('REDIS_URL'));
        $theirs->pconnect($host, $port);
        $theirs->select(3);
        unset($theirs);
        (new Client(getenv('REDIS_URL'), timeout: TIMEOUT))->publish('kept', 1);
        Check::same('1', redis()->get('nudge:{kept}'));
    },
    'a Unix socket' => function (): void {
        $socket = redis()->config('GET', 'unixsocket')['unixsocket'];
        if ($socket === '') {
            return; // a server that somebody else has started
        }
        $theirs = new Redis();
        $theirs->connect($socket);
        foreach (["unix://$socket", ['host' => $socket, 'port' => 0], $theirs] as $version => $redis) {
            Check::same(true, (new Client($redis, timeout: TIMEOUT))->publish('socket', $version));
        }
    },
    'prefix and expire' => function (): void {
        (new Client(getenv('REDIS_URL'), timeout: TIMEOUT, prefix: 'app:n', expire: 60))->publish('expire', 1);
        $ttl = redis()->ttl('app:n:{expire}');
        Check::same(true, $ttl > 50 && $ttl <= 60, "$ttl");
    },
    'a password is used, and is in no log' => function (): void {
        redis()->rawCommand('ACL', 'SETUSER', 'ann', 'on', '>hunter2@', '~*', '&*', '+@all');
        $url = str_replace('redis://', 'redis://ann:hunter2%40@', getenv('REDIS_URL'));
        Check::same(true, (new Client($url, timeout: TIMEOUT))->publish('password', 1));
        $wrong = new Client(str_replace('hunter2', 'hunter2-wrong', $url), timeout: TIMEOUT, logger: $log = new Lines());
        Check::same(false, $wrong->publish('password', 2));
        Check::has('check user and password of Redis; pages find the change at their next poll', implode($log->lines));
        Check::same(false, str_contains(implode($log->lines), 'hunter2'), implode($log->lines));
    },
    'what one project breaks keeps no other from being published' => function (): void {
        $client = new Client(getenv('REDIS_URL'), timeout: TIMEOUT, logger: $log = new Lines());
        Check::same(2, $client->publishMany([['one', 1], ['größe', 1], ['two', 1.5], 'three', [[], 1], ['four', 1]]));
        Check::same(4, count($log->lines), implode("\n", $log->lines));
    },
    'extras that break a rule are left out, or thrown' => function (): void {
        $client = new Client(getenv('REDIS_URL'), timeout: TIMEOUT, logger: $log = new Lines());
        Check::same(true, $client->publish('extras', 1, writer: str_repeat('x', 129), data: ['a' => 1]));
        Check::same(2, count($log->lines));
        Check::has('data: needs prev', Check::thrown(Invalid::class, fn () => $client->publishOrThrow('extras', 2, data: 1)));
        Check::same(true, $client->publish('extras', 3, prev: 2, data: ["\xff"]));
        Check::has('not JSON', $log->lines[2]);
        Check::same(true, $client->publish('extras', 4, reset: [], traceparent: []));
        Check::has('reset: is neither', $log->lines[3]);
    },
    'Redis is away' => function (): void {
        $client = new Client('redis://127.0.0.1:1', logger: $log = new Lines());
        Check::same([false, false, 0], [$client->publish('away', 1), $client->publish('away', 2), $client->publishMany([['a', 1], ['b', 2]])]);
        Check::has('publish away@1 failed: Connection refused; check that Redis runs', $log->lines[0]);
        Check::has('less than a second ago', $log->lines[1]);
        Check::has('a@1, b@2', $log->lines[2]);
        Check::has('publish away@3: Connection refused', Check::thrown(PublishFailed::class, fn () => $client->publishOrThrow('away', 3)));
    },
    'a Redis that never answers is waited for until the time is over, and polls reach the application' => function (): void {
        $silent = stream_socket_server('tcp://127.0.0.1:0'); // the kernel takes connections, and nobody reads them
        $client = new Client('redis://' . stream_socket_get_name($silent, false), secret: SECRET, timeout: 0.05, logger: $log = new Lines());
        Check::same(false, $client->publish('silent', 1));
        Check::has('publish silent@1 failed: ', $log->lines[0]);
        Check::thrown(RedisException::class, fn () => $client->store->get(['silent']));
        $answer = new Response(200, ['X-Nudge-Version' => 'silent=1']);
        $etag = poll($client, $answer)->getHeaderLine('ETag');
        Check::same([true, 200], [$etag !== '', poll($client, $answer, ['If-None-Match' => $etag])->getStatusCode()]);
    },
    'a logger that fails breaks nothing' => function (): void {
        $logger = new class () extends Psr\Log\AbstractLogger {
            public function log($level, $message, array $context = []): void
            {
                throw new RuntimeException('disk full');
            }
        };
        Check::same(false, (new Client('redis://127.0.0.1:1', logger: $logger))->publish('away', 1));
    },
    'processes share a pause' => function (): void {
        Check::same(true, apcu_enabled(), 'php -d apc.enable_cli=1');
        [$a, $b] = [new Pause('shared'), new Pause('shared')];
        Check::same([true, true], [$a->allows(), $a->failed('away')]);
        Check::same(false, $b->allows());
        Check::same('away', $b->error);
        $a->succeeded();
        Check::same(true, (new Pause('shared'))->allows());
    },
    'tokens' => function (): void {
        $client = new Client('redis://127.0.0.1', secret: SECRET, issuer: 'https://a', audience: null);
        [$head, $body, $mac] = explode('.', $client->tokenFor(7, ['x' => 42, 'y' => 'team-*'], 60, claims: ['name' => 'Größe']));
        $claims = json_decode(base64_decode(strtr($body, '-_', '+/')), true);
        Check::same(['7', ['42', 'team-*'], 60, 'https://a', 'Größe'], [$claims['sub'], $claims['subscribe'], $claims['exp'] - $claims['iat'], $claims['iss'], $claims['name']]);
        Check::same(false, isset($claims['aud']) || isset($claims['publish']));
        Check::same(rtrim(strtr(base64_encode(hash_hmac('sha256', "$head.$body", SECRET, true)), '+/', '-_'), '='), $mac);
        foreach ([['', []], [1.5, []], ["\xff", []], [7, ['a b']], [7, [], 0], [7, [], 60, [], ['sub' => 'x']], [7, [], 60, [], ['x' => "\xff"]]] as $wrong) {
            Check::has(';', Check::thrown(Invalid::class, fn () => $client->tokenFor(...$wrong)));
        }
    },
    'answers that get no validator' => function (): void {
        $fake = new FakeClient(logger: $log = new Lines());
        $with = fn (array $more, array $cookies = [], string $method = 'GET', int $status = 200) => poll($fake, new Response($status, $more + ['X-Nudge-Version' => '42=1']), $cookies, $method);
        Check::same('private, no-cache', $with([])->getHeaderLine('Cache-Control'));
        Check::same('private, max-age=0', $with(['Cache-Control' => 'private, max-age=0'])->getHeaderLine('Cache-Control'));
        Check::same(true, $with(['Vary' => 'Accept-Encoding, Origin'])->hasHeader('ETag'));
        $without = [
            $with(['Cache-Control' => 'no-store']), $with(['Cache-Control' => 'public']), $with(['Cache-Control' => 's-maxage=1']), $with(['X-Nudge-Version' => 'x']),
            $with(['Vary' => 'Accept']), $with([], [], 'POST'), $with([], [], 'GET', 201), $with([], ['Cookie' => 'sid=a; sid=b']),
        ];
        foreach ($without as $i => $answer) {
            Check::same([false, false], [$answer->hasHeader('ETag'), $answer->hasHeader('X-Nudge-Version')], "$i");
        }
        Check::same('"mine"', $with(['ETag' => '"mine"'])->getHeaderLine('ETag'));
        Check::same(4, count($log->lines), implode("\n", $log->lines)); // each kind once
        $many = implode(',', array_map(fn (int $n) => "p$n=1", range(1, 65)));
        Check::same(false, $with(['X-Nudge-Version' => $many])->hasHeader('ETag'));
    },
    'whose answer it is' => function (): void {
        $fake = new FakeClient();
        $fake->publish('42', 124);
        $answer = new Response(200, ['X-Nudge-Version' => '42=124']);
        $status = fn (ResponseInterface $first, string $cookie) => poll($fake, $answer, ['Cookie' => $cookie, 'If-None-Match' => $first->getHeaderLine('ETag')])->getStatusCode();
        $ann = poll($fake, $answer, ['Cookie' => 'a=b; sid=ann']);
        Check::same([304, 200, 200], [$status($ann, 'sid=ann'), $status($ann, 'sid=bob'), $status($ann, '')]);
        $out = poll($fake, $answer->withHeader('Set-Cookie', 'sid=x; expires=Thu, 01 Jan 1970 00:00:00 GMT'), ['Cookie' => 'sid=ann']);
        Check::same([200, 304], [$status($out, 'sid=ann'), $status($out, '')]);
        $in = poll($fake, $answer->withHeader('Set-Cookie', 'sid=bob; Max-Age=60; Path=/'), ['Cookie' => 'sid=ann']);
        Check::same([304, 200], [$status($in, 'sid=bob'), $status($in, 'sid=ann')]);
        $fake->fail();
        Check::same(200, $status($ann, 'sid=ann'));
        Check::has('identity: ', Check::thrown(Invalid::class, fn () => new Polls($fake, [])));
        Check::has('identity: ', Check::thrown(Invalid::class, fn () => new Polls($fake, ['sid'])));
    },
    'the outbox' => function (): void {
        $db = memory();
        $fake = new FakeClient(logger: $log = new Lines());
        $relay = new Relay(fn () => $db, $fake);
        $db->beginTransaction();
        Outbox::add($db, 42, 1);
        Outbox::add($db, '42', 3);
        Outbox::add($db, '42', 2);
        $db->commit();
        $fake->fail();
        Check::same([1, 2, 4], [$relay->step(), $relay->step(), $relay->step()]);
        Check::same(1, count($log->lines));
        $fake->fail(null);
        Check::same([1, [['42', 3]], 0], [$relay->step(), $fake->published(), $relay->runOnce()]);
        Check::has('works again', $log->lines[1]);
        $none = new Relay(fn () => new PDO('sqlite::memory:'), $fake);
        $none->step();
        Check::has('no such table: nudge_outbox; make the table: ', $log->lines[2]);
        $db->exec("INSERT INTO nudge_outbox (project, version) VALUES ('größe', 1), ('43', -1), ('44', 1)");
        Check::same([3, 0], [$relay->runOnce(), $relay->runOnce()]); // what can never be published holds up nothing
        Check::same(['44', 1], $fake->published()[1]);
        Check::thrown(Invalid::class, fn () => Outbox::add($db, 'a b', 1));
        Check::has('pgsql, mysql, sqlite', Check::thrown(Invalid::class, fn () => Outbox::schema('oracle')));
    },
]);

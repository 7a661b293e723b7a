<?php

declare(strict_types=1);

namespace Nudge;

/**
 * One server, or a Cluster, by phpredis. Its connections are its own, with bounded time-outs, and commands go by rawCommand: so a
 * prefix, serializer or compression of the application's connection has no effect. A prefix would move the news to where no
 * gateway listens.
 *
 * @internal
 */
final class RedisStore implements Store
{
    private const POLL = 0.1; // seconds that a poll may wait

    private \Redis|\RedisCluster|null $connection = null;
    private int $pid = 0;
    /** @var array{host: string, port: int, auth: list<string>, database: int}|null null: the application's function connects */
    private ?array $server;
    private static ?string $script = null;

    public function __construct(
        #[\SensitiveParameter] private string|array|\Redis|\Closure $redis,
        private string $prefix,
        private float $timeout,
        private int $expire,
    ) {
        $this->server = match (true) {
            $redis instanceof \Closure => null,
            $redis instanceof \Redis => self::ofConnection($redis),
            is_string($redis) => self::ofUrl($redis),
            isset($redis['url']) => self::ofUrl($redis['url']),
            default => self::ofParts($redis),
        };
        if (!$redis instanceof \Closure) {
            $this->redis = ''; // the password is kept once
        }
    }

    public function publish(array $news): array
    {
        return $this->ask($this->timeout, function (\Redis|\RedisCluster $redis) use ($news): array {
            $results = array_fill(0, count($news), false);
            if (count($news) > 1 && $redis instanceof \Redis) {
                $redis->multi(\Redis::PIPELINE);
                foreach ($news as $one) {
                    $redis->rawCommand(...$this->call('EVALSHA', $one));
                }
                $results = $redis->exec();
            }
            // What failed is asked again alone: its error is known then, and twice does no harm.
            return array_map(fn ($result, News $one) => is_int($result) ? $result === 1 : $this->publishOne($redis, $one), $results, $news);
        });
    }

    private function publishOne(\Redis|\RedisCluster $redis, News $one): bool|\Throwable
    {
        $key = $this->key($one->project);
        $redis->clearLastError();
        $result = $this->raw($redis, $key, $this->call('EVALSHA', $one));
        if (!is_int($result) && str_starts_with((string) $redis->getLastError(), 'NOSCRIPT')) {
            $redis->clearLastError();
            $result = $this->raw($redis, $key, $this->call('EVAL', $one));
        }
        return is_int($result) ? $result === 1 : new \RedisException($redis->getLastError() ?? 'no answer that can be read');
    }

    public function get(array $projects): array
    {
        $keys = array_map($this->key(...), $projects);
        $stored = $this->ask(min(self::POLL, $this->timeout), fn (\Redis|\RedisCluster $redis) => $redis instanceof \Redis
            ? $redis->rawCommand('MGET', ...$keys)
            : array_map(fn (string $key) => $redis->rawCommand($key, 'GET', $key), $keys));
        return array_map(static fn ($text) => is_string($text) ? $text : null, is_array($stored) ? $stored : []);
    }

    public function name(): string
    {
        if ($this->server === null) {
            $function = new \ReflectionFunction($this->redis);
            return $function->getFileName() . ':' . $function->getStartLine();
        }
        return "{$this->server['host']}:{$this->server['port']}:" . crc32(serialize($this->server));
    }

    public function hide(string $text): string
    {
        foreach ($this->server['auth'] ?? [] as $secret) {
            $text = str_replace($secret, '…', $text);
        }
        return preg_replace('~//[^/\s@]*@~', '//…@', $text) ?? '';
    }

    public function advice(\Throwable $error): string
    {
        $text = $error->getMessage();
        return match (true) {
            (bool) preg_match('/NOAUTH|WRONGPASS|AUTH/', $text) => 'check user and password of Redis',
            str_contains($text, 'NOPERM') => 'give the user of Redis the rights in docs/publishing.md',
            str_contains($text, 'DB index') => 'name a database that the server has',
            str_contains($text, 'READONLY') => 'connect to the master',
            str_contains($text, 'OOM') => 'give Redis more memory',
            default => 'check that Redis runs and can be reached',
        };
    }

    public function close(): void
    {
        try {
            $this->connection?->close();
        } catch (\Throwable) {
            // it was broken
        }
        $this->connection = null;
    }

    /** Calls with a connection, which is closed if it fails: a late answer must not be taken for the next one. */
    private function ask(float $timeout, callable $call): mixed
    {
        if ($this->pid !== getmypid()) { // the child of a fork must not use the parent's
            [$this->connection, $this->pid] = [null, getmypid()];
        }
        try {
            $this->connection ??= $this->connect($timeout);
            $this->connection->setOption(\Redis::OPT_READ_TIMEOUT, $timeout);
            return $call($this->connection);
        } catch (\Throwable $error) {
            $this->close();
            throw $error;
        }
    }

    private function connect(float $timeout): \Redis|\RedisCluster
    {
        if ($this->server === null) {
            $made = ($this->redis)();
            if (!$made instanceof \Redis && !$made instanceof \RedisCluster) {
                throw new Invalid('redis: the function returned ' . get_debug_type($made) . '; return a new Redis or RedisCluster');
            }
            return $made;
        }
        $redis = new \Redis();
        ['host' => $host, 'port' => $port, 'auth' => $auth, 'database' => $database] = $this->server;
        // No pconnect: phpredis shares such a connection with the application, and with it database number and user. The failure is
        // thrown; @ is for the warnings beside it, which frameworks make exceptions of.
        @$redis->connect($host, $port, $timeout, null, 0, $timeout);
        $redis->setOption(\Redis::OPT_MAX_RETRIES, 1);
        if ($auth !== [] && $redis->auth(count($auth) > 1 ? $auth : $auth[0]) !== true) {
            throw new \RedisException($redis->getLastError() ?? 'WRONGPASS the password is refused');
        }
        if ($database !== 0 && $redis->select($database) !== true) {
            throw new \RedisException($redis->getLastError() ?? "database $database cannot be selected");
        }
        return $redis;
    }

    private function raw(\Redis|\RedisCluster $redis, string $key, array $command): mixed
    {
        return $redis instanceof \Redis ? $redis->rawCommand(...$command) : $redis->rawCommand($key, ...$command);
    }

    private function call(string $command, News $one): array
    {
        self::$script ??= (string) file_get_contents(__DIR__ . '/publish.lua');
        $script = $command === 'EVAL' ? self::$script : sha1(self::$script);
        return [$command, $script, '1', $this->key($one->project), (string) $one->version, $one->message, $one->reset ? '1' : '0', (string) $this->expire];
    }

    private function key(string $project): string
    {
        return "$this->prefix:{{$project}}";
    }

    private static function ofConnection(\Redis $redis): array
    {
        $host = $redis->isConnected() ? $redis->getHost() : false;
        if (!is_string($host)) {
            throw new Invalid('redis: the connection is not connected, so its address is not known; pass a URL, or connect it first');
        }
        $auth = $redis->getAuth();
        return ['host' => $host, 'port' => (int) $redis->getPort(), 'auth' => array_values(array_filter((array) $auth, is_string(...))), 'database' => (int) $redis->getDbNum()];
    }

    private static function ofUrl(#[\SensitiveParameter] string $url): array
    {
        if (str_starts_with($url, 'unix:///')) { // PHP reads no host in it, and so nothing
            return self::ofParts(['host' => substr($url, 7)]);
        }
        $parts = parse_url($url);
        if (!is_array($parts) || !in_array($parts['scheme'] ?? '', ['redis', 'rediss', 'tls', 'tcp'], true)) {
            throw new Invalid('redis: the URL cannot be read; write redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path, with %XX for special characters in the password');
        }
        $database = ltrim($parts['path'] ?? '', '/');
        if (!ctype_digit($database) && $database !== '') {
            throw new Invalid("redis: /$database of the URL is no number of a database; write /0");
        }
        return self::ofParts([
            'scheme' => $parts['scheme'], 'host' => trim($parts['host'] ?? '', '[]'), 'port' => $parts['port'] ?? 6379, 'database' => (int) $database,
            'username' => rawurldecode($parts['user'] ?? ''), 'password' => rawurldecode($parts['pass'] ?? ''),
        ]);
    }

    /** As Laravel's configuration has them. */
    private static function ofParts(#[\SensitiveParameter] array $parts): array
    {
        $host = $parts['host'] ?? '';
        if (!is_string($host) || $host === '') {
            throw new Invalid('redis: has no host; write redis://127.0.0.1:6379/0, or host, port, password, database');
        }
        $tls = in_array($parts['scheme'] ?? '', ['rediss', 'tls'], true) && !str_contains($host, '://');
        $password = (string) ($parts['password'] ?? '');
        $auth = $password === '' ? [] : array_values(array_filter([(string) ($parts['username'] ?? ''), $password], static fn ($text) => $text !== ''));
        return ['host' => $tls ? "tls://$host" : $host, 'port' => str_starts_with($host, '/') ? 0 : (int) ($parts['port'] ?? 6379), 'auth' => $auth, 'database' => (int) ($parts['database'] ?? 0)];
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/** The client of an application: publishes after commits, signs tokens. Making it connects to nothing. */
class Client
{
    private const CLAIMS = ['sub', 'subscribe', 'publish', 'iat', 'exp', 'iss', 'aud'];

    /** @internal */
    public readonly Store $store;
    /** @internal the bytes of the secret; null: none */
    public readonly ?string $secret;
    private Pause $pause;

    /**
     * @param string|array<string, mixed>|\Redis|\Closure $redis a URL; an array with host, port, username, password, database, scheme;
     *     a connected Redis, whose address and password it takes; or a function that makes a new Redis or RedisCluster
     * @param string $prefix redis.prefix of the gateways
     * @param int $expire seconds until keys expire; 0: never
     * @param float $timeout seconds for a connection, and for an answer
     * @param ?\Psr\Log\LoggerInterface $logger where failures are logged; null: error_log
     * @param ?string $secret auth.secret of the gateways, for tokens and the poll middleware
     * @param ?string $audience auth.audience of the gateways
     * @param int|float $slow poll.slow of the gateways, in seconds
     * @throws Invalid if an option breaks a rule; the text names option and fix
     */
    public function __construct(
        #[\SensitiveParameter] string|array|\Redis|\Closure|null $redis = null,
        string $prefix = 'nudge',
        int $expire = 0,
        float $timeout = 1.0,
        protected ?\Psr\Log\LoggerInterface $logger = null,
        #[\SensitiveParameter] ?string $secret = null,
        private ?string $issuer = null,
        private ?string $audience = 'nudge',
        public readonly int|float $slow = 300,
    ) {
        Checks::prefix($prefix);
        Checks::seconds('timeout', $timeout);
        Checks::seconds('slow', $slow);
        if ($expire !== 0) {
            Checks::seconds('expire', $expire);
        }
        $this->secret = $secret === null ? null : Checks::secret($secret);
        $this->store = $this->open($redis, $prefix, $timeout, $expire);
        $this->pause = new Pause('publish:' . $this->store->name());
    }

    protected function open(#[\SensitiveParameter] string|array|\Redis|\Closure|null $redis, string $prefix, float $timeout, int $expire): Store
    {
        if ($redis === null) {
            throw new Invalid('redis: is not given; pass a URL such as redis://127.0.0.1:6379/0');
        }
        return new RedisStore($redis, $prefix, $timeout, $expire);
    }

    /**
     * Publishes that a project is now at a version. Call it after the commit.
     *
     * true: stored and announced. false: Redis has the same version or a newer one, or it failed. It never throws: a failure is one
     * line in the log, and pages find the change at their next poll. After a failure, calls fail at once for a second. An extra
     * that breaks a rule is left out, with a line in the log.
     *
     * @param string|int $project
     * @param int $version
     * @param ?int $prev the version that the change was made upon
     * @param ?string $writer a tag of the tab that made the change
     * @param mixed $data the change itself, as JSON
     * @param bool $reset the version may go down: the project was restored from a backup
     * @param ?string $traceparent the trace (W3C) in which the publisher works
     */
    public function publish($project, $version, $prev = null, $writer = null, $data = null, $reset = false, $traceparent = null): bool
    {
        try {
            $news = News::of($project, $version, $prev, $writer, $data, $reset, $traceparent);
            foreach ($news->dropped as $problem) {
                $this->log("publish $news->project@$news->version without what breaks a rule: $problem");
            }
            return $this->announce([$news]) === 1;
        } catch (\Throwable $error) {
            $this->logFailure(self::mark($project, $version), $error);
            return false;
        }
    }

    /**
     * Publishes several in one round trip, and returns how many were announced. It never throws.
     *
     * @param iterable<array{string|int, int}> $versions pairs of project and version
     */
    public function publishMany(iterable $versions): int
    {
        $announced = 0;
        $news = [];
        foreach ($versions as $pair) {
            try {
                $news[] = News::of(...array_pad(array_slice(array_values((array) $pair), 0, 2), 2, null));
            } catch (\Throwable $error) {
                $this->logFailure(self::mark(...array_pad(array_slice(array_values((array) $pair), 0, 2), 2, null)), $error);
            }
        }
        foreach (array_chunk($news, 1000) as $part) {
            try {
                $announced += $this->announce($part);
            } catch (\Throwable $error) {
                $names = implode(', ', array_map(static fn (News $n) => "$n->project@$n->version", array_slice($part, 0, 10)));
                $this->logFailure($names . (count($part) > 10 ? ' and ' . (count($part) - 10) . ' more' : ''), $error);
            }
        }
        return $announced;
    }

    /**
     * As publish, for scripts and relays: throws PublishFailed if Redis failed, and Invalid for what breaks a rule. It asks Redis
     * each time, also within the second after a failure.
     *
     * @param string|int $project
     * @param int $version
     */
    public function publishOrThrow($project, $version, $prev = null, $writer = null, $data = null, bool $reset = false, ?string $traceparent = null): bool
    {
        $news = News::of($project, $version, $prev, $writer, $data, $reset, $traceparent);
        if ($news->dropped !== []) {
            throw new Invalid($news->dropped[0]);
        }
        try {
            $result = $this->ask([$news])[0];
        } catch (\Throwable $result) {
        }
        if ($result instanceof \Throwable) {
            throw new PublishFailed("publish $news->project@$news->version: {$this->reason($result)}; {$this->store->advice($result)}");
        }
        return $result;
    }

    /**
     * A token (JWT, HS256) with which the pages of a user may watch projects: ids, and prefixes such as team-*.
     *
     * @param string|int $user
     * @param list<string|int> $projects
     * @param int $ttl seconds until it expires
     * @param list<string|int> $publish what its bearer may publish over HTTP; never for browsers
     * @param array<string, mixed> $claims more claims
     * @throws Invalid for a wrong argument
     */
    public function tokenFor($user, array $projects, int $ttl = 3600, array $publish = [], array $claims = []): string
    {
        if ($this->secret === null) {
            throw new Invalid('secret: is not given to the client; pass auth.secret of the gateways');
        }
        if ((!is_int($user) && !is_string($user)) || $user === '' || !mb_check_encoding((string) $user, 'UTF-8')) {
            throw new Invalid('user: ' . Checks::shown($user) . " is neither text nor an integer; pass the user's id");
        }
        if ($ttl < 1 || $ttl > 366 * 86400) {
            throw new Invalid("ttl: $ttl is not from 1 to " . 366 * 86400 . ' seconds; write such as 3600');
        }
        foreach (array_intersect(self::CLAIMS, array_keys($claims)) as $name) {
            throw new Invalid("claims: $name is a claim that tokenFor writes itself; remove it");
        }
        $body = ['sub' => (string) $user, 'subscribe' => array_map(Checks::pattern(...), array_values($projects))];
        $body += $publish === [] ? [] : ['publish' => array_map(Checks::pattern(...), array_values($publish))];
        $body += ['iat' => time(), 'exp' => time() + $ttl];
        $body += array_filter(['iss' => $this->issuer, 'aud' => $this->audience], static fn ($text) => $text !== null) + $claims;
        try {
            $text = json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
        } catch (\JsonException) {
            throw new Invalid('claims: are not JSON in UTF-8; pass text, numbers and arrays');
        }
        $head = Checks::base64url('{"alg":"HS256","typ":"JWT"}') . '.' . Checks::base64url($text);
        return $head . '.' . Checks::base64url(hash_hmac('sha256', $head, $this->secret, true));
    }

    /** Closes the connection. The client connects again if it is used. */
    public function close(): void
    {
        $this->store->close();
    }

    /** @internal Writes a line to the log. It never throws: the change is committed all the same. */
    public function log(string $text): void
    {
        try {
            $this->logger === null ? error_log("nudge: $text") : $this->logger->warning("nudge: $text");
        } catch (\Throwable) {
        }
    }

    /** @internal */
    public function reason(\Throwable $error): string
    {
        return $this->store->hide(trim((string) preg_replace('/\s+/', ' ', $error->getMessage())) ?: $error::class);
    }

    /** Publishes with the pause, and logs what Redis refused. Returns how many were announced; throws if Redis failed. */
    private function announce(array $news): int
    {
        if (!$this->pause->allows()) {
            throw new PublishFailed("Redis failed less than a second ago: {$this->pause->error}");
        }
        $results = $this->ask($news);
        foreach ($results as $i => $result) {
            if ($result instanceof \Throwable) {
                $this->logFailure("{$news[$i]->project}@{$news[$i]->version}", $result);
            }
        }
        return count(array_filter($results, static fn ($result) => $result === true));
    }

    private function ask(array $news): array
    {
        try {
            $results = $this->store->publish($news);
        } catch (\Throwable $error) {
            $this->pause->failed($this->reason($error));
            throw $error;
        }
        $this->pause->succeeded();
        return $results;
    }

    private function logFailure(string $what, \Throwable $error): void
    {
        $fix = $error instanceof Invalid || $error instanceof PublishFailed ? '' : '; ' . $this->store->advice($error);
        $this->log("publish $what failed: {$this->reason($error)}$fix; pages find the change at their next poll");
    }

    private static function mark(mixed $project, mixed $version): string
    {
        return (is_string($project) && preg_match('/^[\x21-\x7e]{1,128}$/D', $project) ? $project : Checks::shown($project)) . '@' . Checks::shown($version);
    }
}

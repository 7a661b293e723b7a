<?php

declare(strict_types=1);

namespace Nudge\Testing;

use Nudge\Client;
use Nudge\Store;

/**
 * A client for the tests of an application: it records what is published, and has no Redis. Rules, tokens and the middleware are
 * those of the real one.
 */
final class FakeClient extends Client
{
    private MemoryStore $memory;

    public function __construct(string $secret = 'the secret of a fake, which has 32 bytes or more', ?\Psr\Log\LoggerInterface $logger = null)
    {
        parent::__construct(secret: $secret, logger: $logger);
    }

    protected function open(string|array|\Redis|\Closure|null $redis, string $prefix, float $timeout, int $expire): Store
    {
        return $this->memory = new MemoryStore();
    }

    /** What was announced, in order: [["42", 124]]. @return list<array{string, int}> */
    public function published(): array
    {
        return $this->memory->published;
    }

    /** Forgets what was published, and versions. */
    public function clear(): void
    {
        [$this->memory->published, $this->memory->versions] = [[], []];
    }

    /** Lets Redis be away from now on, or back with null. */
    public function fail(?string $why = 'Redis is away'): void
    {
        $this->memory->failure = $why;
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/**
 * Where versions are kept: Redis, or memory in the tests of an application.
 *
 * @internal
 */
interface Store
{
    /**
     * Runs the script for each: announced, stale, or what Redis said. Throws if Redis cannot be asked.
     *
     * @param list<News> $news
     * @return list<bool|\Throwable>
     */
    public function publish(array $news): array;

    /**
     * What the keys hold; null: nothing that can be read. Waits 100 ms at most.
     *
     * @param list<string> $projects
     * @return list<?string>
     */
    public function get(array $projects): array;

    /** Names it for processes that share a pause. It has no password. */
    public function name(): string;

    /** The text without passwords. */
    public function hide(string $text): string;

    /** What to do about a failure. */
    public function advice(\Throwable $error): string;

    public function close(): void;
}

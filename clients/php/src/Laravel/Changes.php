<?php

declare(strict_types=1);

namespace Nudge\Laravel;

use Illuminate\Contracts\Container\Container;
use Illuminate\Database\DatabaseManager;
use Nudge\Checks;
use Nudge\Client;

/**
 * What transactions that are open have changed.
 *
 * @internal
 */
final class Changes
{
    /** @var array<string, \WeakMap<Change, true>> by connection. Laravel alone holds a change: it drops what is rolled back */
    private array $open = [];

    public function __construct(private Container $app)
    {
    }

    public function changed(string|int $project, int $version, ?string $connection): void
    {
        $change = new Change(Checks::project($project), Checks::version($version));
        $db = $this->app->make(DatabaseManager::class)->connection($connection);
        $name = (string) $db->getName();
        $this->open[$name] ??= new \WeakMap();
        $this->open[$name][$change] = true;
        $db->afterCommit(fn () => $this->committed($name, $change));
    }

    /** Publishes all of the transaction at its first callback; the others find nothing left. */
    private function committed(string $name, Change $change): void
    {
        if (!isset($this->open[$name][$change])) {
            return;
        }
        $versions = [];
        foreach ($this->open[$name] as $one => $_) {
            $versions[$one->project] = max($one->version, $versions[$one->project] ?? 0);
        }
        unset($this->open[$name]);
        // One by one would be a round trip each. It never throws.
        $this->app->make(Client::class)->publishMany(array_map(null, array_keys($versions), array_values($versions)));
    }
}

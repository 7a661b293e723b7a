<?php

declare(strict_types=1);

namespace Nudge\Testing;

use Nudge\News;
use Nudge\Store;

/** @internal */
final class MemoryStore implements Store
{
    /** @var list<array{string, int}> */
    public array $published = [];
    /** @var array<string|int, int> */
    public array $versions = [];
    public ?string $failure = null;

    public function publish(array $news): array
    {
        $this->ask();
        return array_map(function (News $one): bool {
            if (!$one->reset && $one->version <= ($this->versions[$one->project] ?? -1)) {
                return false;
            }
            $this->versions[$one->project] = $one->version;
            $this->published[] = [$one->project, $one->version];
            return true;
        }, $news);
    }

    public function get(array $projects): array
    {
        $this->ask();
        return array_map(fn (string $project) => isset($this->versions[$project]) ? (string) $this->versions[$project] : null, $projects);
    }

    public function name(): string
    {
        return 'memory:' . spl_object_id($this);
    }

    public function hide(string $text): string
    {
        return $text;
    }

    public function advice(\Throwable $error): string
    {
        return 'the test wants it';
    }

    public function close(): void
    {
    }

    private function ask(): void
    {
        if ($this->failure !== null) {
            throw new \RuntimeException($this->failure);
        }
    }
}

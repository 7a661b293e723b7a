<?php

declare(strict_types=1);

namespace Nudge\Laravel;

/** @internal */
final class Change
{
    public function __construct(public readonly string $project, public readonly int $version)
    {
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/**
 * A pause after a failure: nobody asks Redis for a second, then one call tries again. With APCu all processes of a server
 * share it, which matters where each request begins with nothing (PHP-FPM).
 *
 * @internal
 */
final class Pause
{
    public string $error = ''; // the last failure; "": the last call succeeded
    private float $until = 0;
    private ?string $shared;

    public function __construct(string $name)
    {
        $this->shared = function_exists('apcu_enabled') && apcu_enabled() ? "nudge:pause:$name" : null;
    }

    /** Whether the caller may ask Redis now. It then calls succeeded or failed. */
    public function allows(): bool
    {
        $said = $this->shared === null ? false : apcu_fetch($this->shared);
        if (is_array($said) && $said[0] > $this->until) {
            [$this->until, $this->error] = $said;
        }
        if ($this->error === '') {
            return true;
        }
        if (microtime(true) < $this->until) {
            return false;
        }
        $this->set($this->error); // the others wait for this try
        return true;
    }

    public function succeeded(): void
    {
        if ($this->error === '') {
            return;
        }
        [$this->error, $this->until] = ['', 0];
        if ($this->shared !== null) {
            apcu_delete($this->shared);
        }
    }

    /** Begins a pause, and tells whether the call before had succeeded. */
    public function failed(string $error): bool
    {
        $first = $this->error === '';
        $this->set($error);
        return $first;
    }

    private function set(string $error): void
    {
        $this->error = $error;
        $this->until = microtime(true) + 1;
        if ($this->shared !== null) {
            apcu_store($this->shared, [$this->until, $error], 60);
        }
    }
}

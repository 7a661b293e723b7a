<?php

// Runs tests: each is a function by its name. REDIS_URL is a Redis that may be emptied.

declare(strict_types=1);

final class Check
{
    /** @param array<string, Closure> $tests */
    public static function run(array $tests): never
    {
        set_error_handler(static fn (int $level, string $text, string $file, int $line) => error_reporting() & $level ? throw new ErrorException($text, 0, $level, $file, $line) : false);
        $failed = 0;
        foreach ($tests as $name => $test) {
            try {
                $test();
            } catch (Throwable $error) {
                $failed++;
                echo "FAILED: $name: {$error->getMessage()}\n{$error->getTraceAsString()}\n";
            }
        }
        echo count($tests) . " tests, $failed failures\n";
        exit($failed > 0 ? 1 : 0);
    }

    public static function same(mixed $want, mixed $got, string $what = ''): void
    {
        if ($want !== $got) {
            throw new RuntimeException("$what: got " . var_export($got, true) . ', want ' . var_export($want, true));
        }
    }

    public static function has(string $part, string $text): void
    {
        if (!str_contains($text, $part)) {
            throw new RuntimeException("\"$text\" has no \"$part\"");
        }
    }

    /** The text of what is thrown. */
    public static function thrown(string $class, Closure $call): string
    {
        try {
            $call();
        } catch (Throwable $error) {
            self::same($class, $error::class, $error->getMessage());
            return $error->getMessage();
        }
        throw new RuntimeException("no $class");
    }
}

/** Keeps what is logged. */
final class Lines extends Psr\Log\AbstractLogger
{
    public array $lines = [];

    public function log($level, $message, array $context = []): void
    {
        $this->lines[] = $message;
    }
}

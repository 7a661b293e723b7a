<?php

declare(strict_types=1);

namespace Nudge;

/**
 * One checked advance of a project, with the message that publish.lua announces: the bare version, or JSON if there is more
 * to say.
 *
 * @internal
 */
final class News
{
    private const JSON = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;

    private const TIMED = 10; // one version in so many carries the time, by which gateways measure how long news takes

    /** @param list<string> $dropped which extras break a rule: they are left out, since the version alone is news */
    private function __construct(
        public readonly string $project,
        public readonly int $version,
        public readonly string $message,
        public readonly bool $reset,
        public readonly array $dropped,
    ) {
    }

    /** @throws Invalid if project or version break a rule */
    public static function of(mixed $project, mixed $version, mixed $prev = null, mixed $writer = null, mixed $data = null, mixed $reset = false, mixed $traceparent = null): self
    {
        $project = Checks::project($project);
        $said = ['version' => Checks::version($version)];
        $dropped = [];
        if ($prev !== null) {
            try {
                $said['prev'] = Checks::version($prev, 'prev');
            } catch (Invalid $error) {
                $dropped[] = $error->getMessage();
            }
        }
        if ($writer !== null && $writer !== '') {
            if (is_string($writer) && strlen($writer) <= 128 && mb_check_encoding($writer, 'UTF-8')) {
                $said['writer'] = $writer;
            } else {
                $dropped[] = 'writer: is no text of at most 128 bytes; pass a short tag of the tab';
            }
        }
        if ($data !== null) {
            $problem = self::problem($data, isset($said['prev']));
            if ($problem === null) {
                $said['data'] = $data;
            } else {
                $dropped[] = $problem;
            }
        }
        if (!is_bool($reset)) {
            $dropped[] = 'reset: is neither true nor false; pass true for a project that was restored from a backup';
            $reset = false;
        }
        if ($reset) {
            $said['reset'] = true;
        }
        if (is_string($traceparent) && preg_match('/^[\x21-\x7e]+$/D', $traceparent)) {
            $said['traceparent'] = $traceparent;
        }
        if ($said['version'] % self::TIMED === 0) {
            $said['sent_ms'] = (int) (microtime(true) * 1000);
        }
        $message = count($said) === 1 ? (string) $version : json_encode($said, self::JSON);
        return new self($project, $version, $message, $reset, $dropped);
    }

    private static function problem(mixed $data, bool $prev): ?string
    {
        if (!$prev) {
            return 'data: needs prev; pass the version that the change was made upon';
        }
        try {
            $size = strlen(json_encode($data, self::JSON));
        } catch (\Throwable) {
            return 'data: is not JSON in UTF-8; pass arrays, text, numbers, true, false';
        }
        return $size > 8 << 10 ? "data: has $size bytes and may have 8192; publish without it, pages then poll" : null;
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/**
 * What projects, versions and options must be. Each error names the thing and the fix.
 *
 * @internal
 */
final class Checks
{
    public const LARGEST = 2 ** 53 - 1;

    /** The id of a project, which may be text or an integer. */
    public static function project(mixed $value): string
    {
        if (!is_int($value) && !is_string($value)) {
            throw new Invalid('project: ' . self::shown($value) . " is neither text nor an integer; pass the project's id");
        }
        if (!preg_match('/^[A-Za-z0-9._~:-]{1,128}$/D', (string) $value)) {
            throw new Invalid('project: ' . self::shown($value) . ' is not 1 to 128 of A-Z a-z 0-9 . _ ~ : -; write an id of other characters as hex or base64url');
        }
        return (string) $value;
    }

    public static function version(mixed $value, string $name = 'version'): int
    {
        if (!is_int($value)) {
            throw new Invalid("$name: " . self::shown($value) . ' is no integer; pass an int');
        }
        if ($value < 0 || $value > self::LARGEST) {
            throw new Invalid("$name: $value is not from 0 to 2^53-1; use a counter that grows by one with each change");
        }
        return $value;
    }

    /** An entry of a token: a project, a prefix such as team-*, or * for all. */
    public static function pattern(mixed $value): string
    {
        if (is_string($value) && str_ends_with($value, '*')) {
            return $value === '*' ? $value : self::project(substr($value, 0, -1)) . '*';
        }
        return self::project($value);
    }

    public static function prefix(string $value): string
    {
        if (!preg_match('/^[A-Za-z0-9._~:-]{0,63}[A-Za-z0-9._~-]$/D', $value)) {
            throw new Invalid('prefix: ' . self::shown($value) . ' is no prefix; write redis.prefix of the gateways: 1 to 64 of A-Z a-z 0-9 . _ ~ : - that do not end with a colon');
        }
        return $value;
    }

    public static function seconds(string $name, int|float $value): void
    {
        if (!($value > 0 && $value < 10 ** 10)) {
            throw new Invalid("$name: $value is no number of seconds above 0; write one, such as 60");
        }
    }

    /** The bytes of a secret. Text that begins with base64: is decoded, as the gateway does. No error shows the secret. */
    public static function secret(#[\SensitiveParameter] string $value): string
    {
        $key = $value;
        if (str_starts_with($value, 'base64:')) {
            $key = base64_decode(strtr(rtrim(substr($value, 7), '='), '-_', '+/'), true);
            if ($key === false) {
                throw new Invalid('secret: is not base64 after base64:; write what openssl rand -base64 32 prints, or remove base64: if the gateway has the text');
            }
        } elseif (mb_check_encoding($value, 'UTF-8') && trim($value) !== $value) {
            throw new Invalid('secret: has white space or a line break around it; remove it, as the gateway wants none');
        }
        if (strlen($key) < 32) {
            throw new Invalid('secret: has ' . strlen($key) . ' bytes and needs 32 at least; make one with openssl rand -hex 32');
        }
        return $key;
    }

    /** The value for one line of a log. */
    public static function shown(mixed $value): string
    {
        $text = is_scalar($value) || $value === null
            ? (string) json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE)
            : get_debug_type($value);
        return mb_strlen($text) > 100 ? mb_substr($text, 0, 100) . '…' : $text;
    }

    public static function base64url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/**
 * The validator of a poll's answer: W/"nudge1.TIME.VERSIONS.MAC". It says when the application really answered, which versions
 * the answer has, and for whom and which path it is. Only who has the secret can make one.
 *
 * @internal
 */
final class Validator
{
    /** @param array<string|int, int> $versions by project */
    private function __construct(public readonly int $time, public readonly array $versions, public readonly string $etag)
    {
    }

    /** 42=124,43=9, sorted. @throws Invalid for what is no project or no version */
    public static function text(array $versions): string
    {
        $parts = [];
        foreach ($versions as $project => $version) {
            $parts[Checks::project($project)] = Checks::project($project) . '=' . Checks::version($version);
        }
        uksort($parts, static fn ($a, $b) => strcmp((string) $a, (string) $b));
        return implode(',', $parts);
    }

    /**
     * The versions by project, or null if the text has none, more than 64, one twice, or anything else.
     *
     * @return ?array<string|int, int>
     */
    public static function versions(string $text): ?array
    {
        $found = [];
        foreach (explode(',', $text) as $part) {
            if (!preg_match('/^([A-Za-z0-9._~:-]{1,128})=(0|[1-9][0-9]{0,15})$/D', trim($part), $match) || (int) $match[2] > Checks::LARGEST || isset($found[$match[1]])) {
                return null;
            }
            $found[$match[1]] = (int) $match[2];
        }
        return count($found) <= 64 ? $found : null;
    }

    /** Who asks. @param list<array{string, string}> $values names that tell callers apart, with what the request has for each */
    public static function identity(array $values): string
    {
        $text = implode('', array_map(static fn (array $pair) => "$pair[0]=$pair[1]\n", $values));
        return Checks::base64url(hash('sha256', $text, true));
    }

    /** @param string $path as the client sent it, without the query */
    public static function etag(#[\SensitiveParameter] string $secret, int $time, array $versions, string $path, string $identity): string
    {
        $encoded = Checks::base64url(self::text($versions));
        return "W/\"nudge1.$time.$encoded." . self::mac($secret, (string) $time, $encoded, $path, $identity) . '"';
    }

    /**
     * Those of our validators in If-None-Match that are for this path and identity. Proxies append to them (-gzip).
     *
     * @return list<self>
     */
    public static function signed(#[\SensitiveParameter] string $secret, string $header, string $path, string $identity): array
    {
        $found = [];
        preg_match_all('/nudge1\.([0-9]{1,12})\.([A-Za-z0-9_-]{1,12000})\.([A-Za-z0-9_-]{22})/', $header, $matches, PREG_SET_ORDER);
        foreach ($matches ?: [] as [$all, $time, $encoded, $mac]) {
            if (!hash_equals(self::mac($secret, $time, $encoded, $path, $identity), $mac)) {
                continue;
            }
            $versions = self::versions((string) base64_decode(strtr($encoded, '-_', '+/')));
            if ($versions !== null) {
                $found[] = new self((int) $time, $versions, "W/\"$all\"");
            }
        }
        return $found;
    }

    private static function mac(#[\SensitiveParameter] string $secret, string $time, string $versions, string $path, string $identity): string
    {
        return substr(Checks::base64url(hash_hmac('sha256', "nudge poll validator\n$time\n$versions\n$path\n$identity", $secret, true)), 0, 22);
    }
}

<?php

declare(strict_types=1);

namespace Nudge;

/** The outbox: a hint that is committed together with the change, for who cannot lose one. Relay publishes it. */
final class Outbox
{
    private const TABLES = [
        'pgsql' => 'id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP',
        'mysql' => 'id bigint AUTO_INCREMENT PRIMARY KEY, project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP',
        'sqlite' => 'id integer PRIMARY KEY AUTOINCREMENT, project varchar(128) NOT NULL, version bigint NOT NULL, created_at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP',
    ];

    /** The statement that makes the table. @param string $driver of PDO: pgsql, mysql or sqlite @throws Invalid */
    public static function schema(string $driver): string
    {
        $columns = self::TABLES[$driver] ?? throw new Invalid('driver: ' . Checks::shown($driver) . ' is none of pgsql, mysql, sqlite; write one of them');
        return "CREATE TABLE nudge_outbox ($columns)";
    }

    /**
     * Adds a hint in the transaction of the caller, who commits.
     *
     * @throws Invalid for what is no project or no version
     */
    public static function add(\PDO $db, string|int $project, int $version): void
    {
        $row = [Checks::project($project), Checks::version($version)];
        $insert = $db->prepare('INSERT INTO nudge_outbox (project, version) VALUES (?, ?)');
        if ($insert === false || !$insert->execute($row)) {
            throw new \RuntimeException('nudge_outbox: the row was not added: ' . implode(' ', $db->errorInfo()));
        }
    }
}

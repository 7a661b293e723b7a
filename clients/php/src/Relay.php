<?php

declare(strict_types=1);

namespace Nudge;

/** Publishes what is in the outbox of a database, at least once. Any number of relays may run. */
final class Relay
{
    private const MOST = 100;

    private ?\PDO $db = null;
    private int $wait = 0; // seconds, since the last call failed; 0: it did not

    /** @param \Closure(): \PDO $connect makes a connection, which is used until it fails */
    public function __construct(private \Closure $connect, private Client $client)
    {
    }

    /**
     * Publishes up to 100 rows, the highest version of each project, and returns how many rows. On an error nothing is deleted, and it
     * is thrown.
     */
    public function runOnce(): int
    {
        try {
            $this->db ??= $this->connect();
            return $this->take($this->db);
        } catch (\Throwable $error) {
            $this->db = null; // which rolls back
            throw $error;
        }
    }

    /** Publishes until stop returns true. After a failure it waits, 1 s at first, 30 s at last. @param \Closure(): bool $stop */
    public function run(\Closure $stop): void
    {
        while (!$stop()) {
            for ($end = microtime(true) + $this->step(); !$stop() && microtime(true) < $end;) {
                usleep(100_000);
            }
        }
    }

    /** One pass of run. Returns the seconds to wait before the next. */
    public function step(): int
    {
        try {
            $rows = $this->runOnce();
        } catch (\Throwable $error) {
            if ($this->wait === 0) {
                $this->client->log('relay: ' . self::line($this->client->reason($error)) . "; rows stay in nudge_outbox, and the relay tries again");
            }
            return $this->wait = min(max(1, $this->wait * 2), 30);
        }
        if ($this->wait > 0) {
            $this->client->log('relay: works again');
        }
        $this->wait = 0;
        return $rows === self::MOST ? 0 : 1;
    }

    /** The error with the fix if the table is missing. @internal */
    public static function line(string $error): string
    {
        $missing = str_contains($error, 'nudge_outbox') && preg_match('/exist|no such table/', $error);
        return $error . ($missing ? '; make the table: Nudge\\Outbox::schema, or artisan migrate' : '');
    }

    private function connect(): \PDO
    {
        $db = ($this->connect)();
        $db->setAttribute(\PDO::ATTR_ERRMODE, \PDO::ERRMODE_EXCEPTION);
        if ($db->getAttribute(\PDO::ATTR_DRIVER_NAME) === 'mysql') { // else it locks gaps, and several relays deadlock
            $db->exec('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
        }
        return $db;
    }

    private function take(\PDO $db): int
    {
        // SQLite has no locks on rows, and one on the database would make writers wait for Redis: two relays may publish twice there.
        $locks = $db->getAttribute(\PDO::ATTR_DRIVER_NAME) !== 'sqlite';
        if ($locks) {
            $db->beginTransaction();
        }
        $rows = $db->query('SELECT id, project, version FROM nudge_outbox ORDER BY id LIMIT ' . self::MOST . ($locks ? ' FOR UPDATE SKIP LOCKED' : ''))->fetchAll(\PDO::FETCH_NUM);
        $newest = [];
        foreach ($rows as [, $project, $version]) {
            $newest[$project] = max((int) $version, $newest[$project] ?? -1);
        }
        foreach ($newest as $project => $version) {
            try {
                $this->client->publishOrThrow($project, $version);
            } catch (Invalid $error) { // written by somebody else; it can never be published, and must not hold up the others
                $this->client->log("relay: a row of nudge_outbox is dropped: {$error->getMessage()}");
            }
        }
        // One by one: for many ids MySQL may read the whole table, and then waits for the rows of other relays.
        $delete = $rows === [] ? null : $db->prepare('DELETE FROM nudge_outbox WHERE id = ?');
        foreach ($rows as [$id]) {
            $delete->execute([$id]);
        }
        if ($locks) {
            $db->commit();
        }
        return count($rows);
    }
}

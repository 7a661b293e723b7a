<?php

declare(strict_types=1);

namespace Nudge\Laravel;

use Illuminate\Console\Command;
use Illuminate\Database\DatabaseManager;
use Nudge\Client;
use Nudge\Relay;

/** @internal */
final class RelayCommand extends Command
{
    protected $signature = 'nudge:relay {--database= : the connection of the database} {--once : publish what there is, and end}';
    protected $description = 'Publishes what is in the table nudge_outbox';

    public function handle(Client $client, DatabaseManager $databases): int
    {
        $failed = false;
        $relay = new Relay(function () use ($databases, &$failed): \PDO {
            if ($failed) { // the connection may be broken
                $databases->purge($this->option('database'));
            }
            $failed = true;
            return $databases->connection($this->option('database'))->getPdo();
        }, $client);
        if ($this->option('once')) {
            for ($total = 0; ($rows = $relay->runOnce()) > 0;) {
                $total += $rows;
            }
            $this->line($total === 1 ? '1 row' : "$total rows");
            return 0;
        }
        $stop = false;
        if (function_exists('pcntl_async_signals')) {
            pcntl_async_signals(true);
            foreach ([SIGTERM, SIGINT] as $signal) {
                pcntl_signal($signal, static function () use (&$stop): void {
                    $stop = true;
                });
            }
        }
        $relay->run(static function () use (&$stop): bool {
            return $stop;
        });
        return 0;
    }
}

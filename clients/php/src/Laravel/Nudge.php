<?php

declare(strict_types=1);

namespace Nudge\Laravel;

use Nudge\Client;
use Nudge\Polls;
use Nudge\Testing\FakeClient;
use Symfony\Component\HttpFoundation\Response;

/** What an application in Laravel calls. */
final class Nudge
{
    /** The client, as config/nudge.php has it. */
    public static function client(): Client
    {
        return app(Client::class);
    }

    /**
     * Says, in a transaction, that a project is at a version. It is published after the commit, each project once, with its highest
     * version; not at all if the transaction, or the savepoint, is rolled back. Without a transaction it is published at once.
     *
     * @param ?string $connection of the database; null: the default one
     * @throws \Nudge\Invalid for what is no project or no version
     */
    public static function changed(string|int $project, int $version, ?string $connection = null): void
    {
        app(Changes::class)->changed($project, $version, $connection);
    }

    /** Says which versions an answer has, and returns it. @param array<string|int, int> $versions by project */
    public static function answered(Response $response, array $versions): Response
    {
        $response->headers->set(Polls::HEADER, Polls::answered($versions));
        return $response;
    }

    /** For tests: records what is published from now on, and needs no Redis. */
    public static function fake(): FakeClient
    {
        app()->instance(Client::class, $fake = new FakeClient());
        app()->forgetInstance(PollMiddleware::class); // it may have the client of before
        return $fake;
    }
}

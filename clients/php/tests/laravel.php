<?php

// The package in Laravel, which it joins by its service provider.

declare(strict_types=1);

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\{Artisan, DB, Route};
use Nudge\{Client, Invalid, Outbox};
use Nudge\Laravel\Nudge;
use Symfony\Component\HttpFoundation\{Cookie, Response};

require __DIR__ . '/laravel_app.php';
require __DIR__ . '/check.php';

const SECRET = 'a secret of the tests that has 32 bytes';

$app = laravel(['secret' => SECRET, 'redis' => 'redis://127.0.0.1:1'], ':memory:');
$calls = 0;
Route::get('/poll', function () use (&$calls) {
    $calls++;
    return Nudge::answered(response('rows'), [42 => 124]);
});
Route::get('/login', function () {
    session()->migrate(true);
    return Nudge::answered(response('rows'), [42 => 124]);
});

function get(string $path, array $headers = []): Response
{
    $request = Request::create($path);
    $request->headers->add($headers);
    foreach (explode('; ', $headers['Cookie'] ?? '') as $pair) { // PHP itself decodes what is in the header
        [$name, $value] = explode('=', $pair, 2) + [1 => ''];
        $request->cookies->set($name, rawurldecode($value));
    }
    return app(Kernel::class)->handle($request);
}

function session_of(Response $response): string
{
    $cookies = array_filter($response->headers->getCookies(), fn (Cookie $cookie) => $cookie->getName() === 'laravel_session');
    return explode(';', (string) reset($cookies))[0];
}

Check::run([
    'each project once after the commit, with its highest version' => function (): void {
        $fake = Nudge::fake();
        DB::transaction(function () use ($fake): void {
            Nudge::changed(42, 124);
            Nudge::changed('42', 126);
            Nudge::changed(42, 125);
            DB::transaction(fn () => Nudge::changed(43, 7));
            Check::same([], $fake->published());
        });
        Check::same([['42', 126], ['43', 7]], $fake->published());
        Nudge::changed(44, 1);
        Check::same(['44', 1], $fake->published()[2]);
    },
    'nothing of what is rolled back' => function (): void {
        $fake = Nudge::fake();
        try {
            DB::transaction(function (): void {
                Nudge::changed(42, 1);
                throw new LogicException();
            });
        } catch (LogicException) {
        }
        DB::transaction(function (): void {
            Nudge::changed(42, 2);
            try {
                DB::transaction(function (): void {
                    Nudge::changed(42, 9);
                    Nudge::changed(43, 9);
                    throw new LogicException();
                });
            } catch (LogicException) {
            }
        });
        Check::same([['42', 2]], $fake->published());
    },
    'two databases' => function (): void {
        $fake = Nudge::fake();
        DB::transaction(function () use ($fake): void {
            DB::connection('other')->transaction(fn () => Nudge::changed('other', 1, 'other'));
            Nudge::changed('main', 1);
            Check::same([['other', 1]], $fake->published());
        });
        Check::same([['other', 1], ['main', 1]], $fake->published());
    },
    'a wrong project is seen before the commit' => function (): void {
        Nudge::fake();
        Check::has('project: ', Check::thrown(Invalid::class, fn () => Nudge::changed('a b', 1)));
    },
    'Redis that is away breaks no transaction' => function (): void {
        app()->forgetInstance(Client::class);
        Check::same(1, DB::transaction(function (): int {
            Nudge::changed(42, 1);
            return 1;
        }));
    },
    'a poll with nothing new does not reach the session' => function () use (&$calls): void {
        $fake = Nudge::fake();
        $fake->publish(42, 124);
        $first = get('/poll');
        $mine = session_of($first);
        Check::same([200, 'private, no-cache', false], [$first->getStatusCode(), implode(', ', array_reverse(explode(', ', $first->headers->get('Cache-Control')))), $first->headers->has('X-Nudge-Version')]);
        $calls = 0;
        $again = get('/poll', ['Cookie' => $mine, 'If-None-Match' => $first->headers->get('ETag')]);
        Check::same([304, 0, [], $first->headers->get('ETag')], [$again->getStatusCode(), $calls, $again->headers->getCookies(), $again->headers->get('ETag')]);
        // Laravel encrypts the cookie anew in each answer; it is the same session.
        $other = session_of(get('/poll', ['Cookie' => $mine]));
        Check::same(true, $other !== $mine);
        Check::same(304, get('/poll', ['Cookie' => $other, 'If-None-Match' => $first->headers->get('ETag')])->getStatusCode());
        // A log-in renews the session.
        $in = session_of(get('/login', ['Cookie' => $mine]));
        Check::same(200, get('/poll', ['Cookie' => $in, 'If-None-Match' => $first->headers->get('ETag')])->getStatusCode());
        Check::same(200, get('/poll', ['If-None-Match' => $first->headers->get('ETag')])->getStatusCode());
        $fake->publish(42, 125);
        Check::same(200, get('/poll', ['Cookie' => $mine, 'If-None-Match' => $first->headers->get('ETag')])->getStatusCode());
    },
    'migration and relay' => function (): void {
        $fake = Nudge::fake();
        (require __DIR__ . '/../migrations/2026_11_27_000000_create_nudge_outbox.php')->up();
        DB::transaction(fn () => Outbox::add(DB::connection()->getPdo(), 42, 124));
        Check::same(0, Artisan::call('nudge:relay', ['--once' => true]));
        Check::same(["1 row\n", [['42', 124]]], [Artisan::output(), $fake->published()]);
    },
]);

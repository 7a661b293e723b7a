<?php

// What an application has in bootstrap/, config/ and app/Http/Kernel.php, as small as Laravel allows it.

declare(strict_types=1);

use Illuminate\Config\Repository;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Bootstrap\{BootProviders, RegisterFacades, RegisterProviders};
use Illuminate\Foundation\Http\Kernel;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\{DB, Facade};

error_reporting(E_ALL & ~E_DEPRECATED); // of Laravel 8 on PHP 8.2
require 'Illuminate/autoload.php';
require_once __DIR__ . '/load.php';

final class TestKernel extends Kernel
{
    protected $bootstrappers = [RegisterFacades::class, RegisterProviders::class, BootProviders::class];
    protected $middleware = [
        Illuminate\Cookie\Middleware\EncryptCookies::class,
        Illuminate\Cookie\Middleware\AddQueuedCookiesToResponse::class,
        Illuminate\Session\Middleware\StartSession::class,
    ];
}

/** @param ?array<string, mixed> $nudge its options; null: Composer has not brought the package */
function laravel(?array $nudge, string $database): Application
{
    $dir = sys_get_temp_dir() . '/nudge-laravel-' . getmypid();
    foreach (['bootstrap/cache', 'storage/framework/views', 'database'] as $folder) {
        is_dir("$dir/$folder") || mkdir("$dir/$folder", 0o700, true);
    }
    register_shutdown_function(static fn () => (new Illuminate\Filesystem\Filesystem())->deleteDirectory($dir));
    file_put_contents("$dir/composer.json", '{}');
    $app = new Application($dir);
    $app->instance('config', new Repository([
        'app' => [
            'name' => 'test', 'env' => 'production', 'debug' => false, 'key' => str_repeat('k', 32), 'cipher' => 'AES-256-CBC', 'locale' => 'en', 'fallback_locale' => 'en',
            'providers' => [
                Illuminate\Cookie\CookieServiceProvider::class, Illuminate\Database\DatabaseServiceProvider::class, Illuminate\Encryption\EncryptionServiceProvider::class,
                Illuminate\Filesystem\FilesystemServiceProvider::class, Illuminate\Foundation\Providers\FoundationServiceProvider::class,
                Illuminate\Session\SessionServiceProvider::class, Illuminate\Translation\TranslationServiceProvider::class, Illuminate\View\ViewServiceProvider::class, Illuminate\Cache\CacheServiceProvider::class,
                ...$nudge === null ? [] : [Nudge\Laravel\NudgeServiceProvider::class],
            ],
        ],
        'database' => ['default' => 'main', 'connections' => ['main' => ['driver' => 'sqlite', 'database' => $database, 'prefix' => ''], 'other' => ['driver' => 'sqlite', 'database' => ':memory:', 'prefix' => '']]],
        'session' => ['driver' => 'array', 'cookie' => 'laravel_session', 'lottery' => [0, 1], 'lifetime' => 120, 'path' => '/', 'domain' => null, 'secure' => false, 'same_site' => 'lax', 'expire_on_close' => false],
        'view' => ['paths' => [], 'compiled' => "$dir/storage/framework/views"],
        'cache' => ['default' => 'array', 'stores' => ['array' => ['driver' => 'array']]],
        'logging' => ['default' => 'stderr', 'channels' => ['stderr' => ['driver' => 'monolog', 'handler' => Monolog\Handler\StreamHandler::class, 'with' => ['stream' => 'php://stderr']]]],
        'nudge' => $nudge ?? [],
    ]));
    $app->instance('env', 'production');
    $app->singleton(HttpKernel::class, TestKernel::class);
    $app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
    $app->singleton(Illuminate\Contracts\Console\Kernel::class, Illuminate\Foundation\Console\Kernel::class);
    Facade::clearResolvedInstances();
    $app->make(HttpKernel::class)->bootstrap();
    DB::statement('CREATE TABLE IF NOT EXISTS projects (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0)');
    DB::statement('CREATE TABLE IF NOT EXISTS stories (id integer PRIMARY KEY, project_id bigint, title text, version bigint)');
    DB::table('projects')->insertOrIgnore(['id' => 1]);
    return $app;
}

/** Answers the request of php -S, or of FPM. */
function serve(Application $app): void
{
    $app['router']->getRoutes()->refreshNameLookups();
    $kernel = $app->make(HttpKernel::class);
    $response = $kernel->handle($request = Request::capture());
    $response->send();
    $kernel->terminate($request, $response);
}

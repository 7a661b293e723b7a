<?php

declare(strict_types=1);

namespace Nudge\Laravel;

use Illuminate\Contracts\Encryption\Encrypter;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Contracts\Http\Kernel;
use Illuminate\Support\ServiceProvider;
use Nudge\Client;
use Nudge\Polls;

/** Laravel finds it by composer.json. It puts the poll middleware before all others; config/nudge.php has the options. */
final class NudgeServiceProvider extends ServiceProvider
{
    private const CONFIG = __DIR__ . '/../../config/nudge.php';

    public function register(): void
    {
        $this->mergeConfigFrom(self::CONFIG, 'nudge');
        $this->app->singleton(Client::class, static function (Application $app): Client {
            $config = $app['config'];
            $redis = $config['nudge.redis'] ?: $config['database.redis.' . $config['nudge.connection']];
            return new Client(
                redis: $redis,
                prefix: $config['nudge.prefix'],
                expire: (int) $config['nudge.expire'],
                timeout: (float) $config['nudge.timeout'],
                logger: $app['log'],
                secret: $config['nudge.secret'] ?: null,
                issuer: $config['nudge.issuer'],
                audience: $config['nudge.audience'],
                slow: (float) $config['nudge.slow'],
            );
        });
        $this->app->singleton(Changes::class, static fn (Application $app) => new Changes($app));
        $this->app->bind(Polls::class, static function (Application $app): Polls {
            $identity = $app['config']['nudge.identity'] ?: ['cookie:' . $app['config']['session.cookie'], 'header:authorization'];
            return new Polls($app->make(Client::class), $identity, PollMiddleware::content($app->make(Encrypter::class)));
        });
        $this->app->singleton(PollMiddleware::class);
    }

    public function boot(): void
    {
        if ($this->app->runningInConsole()) {
            $this->commands([RelayCommand::class]);
            $this->publishes([self::CONFIG => $this->app->configPath('nudge.php')], 'nudge-config');
            $this->publishes([__DIR__ . '/../../migrations' => $this->app->databasePath('migrations')], 'nudge-migrations');
        }
        if ($this->app['config']['nudge.middleware'] && $this->app['config']['nudge.secret'] && $this->app->bound(Kernel::class)) {
            $kernel = $this->app->make(Kernel::class);
            if (method_exists($kernel, 'prependMiddleware')) {
                $kernel->prependMiddleware(PollMiddleware::class);
            }
        }
    }
}

<?php

// What tests, driver and example load where Composer has not been: the package, and Debian's libraries.

declare(strict_types=1);

namespace {
    require_once __DIR__ . '/../autoload.php';
    foreach (['Nyholm/Psr7', 'Psr/Log'] as $library) {
        require_once "$library/autoload.php";
    }
}

namespace Psr\Http\Server {
    use Psr\Http\Message\{ResponseInterface, ServerRequestInterface};

    // Debian does not have these two as PHP.
    if (!interface_exists(MiddlewareInterface::class)) {
        interface RequestHandlerInterface
        {
            public function handle(ServerRequestInterface $request): ResponseInterface;
        }
        interface MiddlewareInterface
        {
            public function process(ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface;
        }
    }
}

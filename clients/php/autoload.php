<?php

// Loads the classes where Composer does not.
spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/src/' . strtr(substr($class, 6), '\\', '/') . '.php';
    if (str_starts_with($class, 'Nudge\\') && is_file($file)) {
        require $file;
    }
});

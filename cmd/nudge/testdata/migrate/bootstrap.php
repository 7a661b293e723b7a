<?php

// What a new application in Laravel has in bootstrap/ and config/, for docs/migrate/app.php. The package is found as Composer's
// discovery finds it: once it is installed.

require __DIR__ . '/../../../../clients/php/tests/laravel_app.php';

function application(): Illuminate\Foundation\Application
{
    touch('app.sqlite');
    $app = laravel(is_file('installed') ? [] : null, getcwd() . '/app.sqlite');
    foreach (range(2, 8) as $id) {
        Illuminate\Support\Facades\DB::table('projects')->insertOrIgnore(['id' => $id]);
    }
    return $app;
}

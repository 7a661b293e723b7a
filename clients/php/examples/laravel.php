<?php

// An application in Laravel in one file: php -S 127.0.0.1:8000 examples/laravel.php. Environment: REDIS_URL,
// NUDGE_AUTH_SECRET, DATABASE (a file). In an application with its folders, composer adds the provider, and config/nudge.php
// the options.

use Illuminate\Http\Request;
use Illuminate\Support\Facades\{DB, Route};
use Nudge\Laravel\Nudge;

require __DIR__ . '/../tests/laravel_app.php';

$app = laravel(['redis' => getenv('REDIS_URL'), 'secret' => getenv('NUDGE_AUTH_SECRET')], getenv('DATABASE'));

Route::get('/nudge-token', fn () => Nudge::client()->tokenFor(1, [1]));

Route::get('/projects/{id}/changes', function (Request $request, int $id) { // the poll
    [$version, $stories] = DB::transaction(fn () => [ // the version first, so that it is never newer than the rows
        (int) DB::table('projects')->where('id', $id)->value('version'),
        DB::table('stories')->where('project_id', $id)->where('version', '>', (int) $request->query('since'))->pluck('title'),
    ]);
    return Nudge::answered(response()->json(['version' => $version, 'stories' => $stories]), [$id => $version]);
});

Route::post('/projects/{id}/stories', function (Request $request, int $id) {
    DB::transaction(function () use ($request, $id) {
        DB::table('projects')->where('id', $id)->increment('version');
        $version = (int) DB::table('projects')->where('id', $id)->value('version');
        DB::table('stories')->insert(['project_id' => $id, 'title' => $request->input('title'), 'version' => $version]);
        Nudge::changed($id, $version); // published after the commit
        abort_if($request->input('title') === 'rolled back', 500);
    });
    return response('', 201);
});

serve($app);

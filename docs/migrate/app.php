<?php

// Stories of projects, which pages poll: the application in Laravel that laravel.md takes from polling to push. In one file: its
// bootstrap is what a new application has in bootstrap/ and config/.

use Illuminate\Http\Request;
use Illuminate\Support\Facades\{DB, Route};

require __DIR__ . '/bootstrap.php';

$app = application();

Route::get('/projects/{id}/stories', function (int $id) { // polled
    [$version, $stories] = DB::transaction(fn () => [
        (int) DB::table('projects')->where('id', $id)->value('version'),
        DB::table('stories')->where('project_id', $id)->pluck('title'),
    ]);
    return response()->json(['version' => $version, 'stories' => $stories]);
});

Route::get('/projects/{id}/newest', function (int $id) { // polled
    [$version, $newest] = DB::transaction(fn () => [
        (int) DB::table('projects')->where('id', $id)->value('version'),
        DB::table('stories')->where('project_id', $id)->orderByDesc('id')->value('title'),
    ]);
    return response()->json(['version' => $version, 'newest' => $newest], 200, ['Cache-Control' => 'no-store']);
});

Route::post('/projects/{id}/stories', function (Request $request, int $id) {
    DB::transaction(function () use ($request, $id) {
        DB::table('projects')->where('id', $id)->increment('version');
        $version = (int) DB::table('projects')->where('id', $id)->value('version');
        DB::table('stories')->insert(['project_id' => $id, 'title' => $request->input('title'), 'version' => $version]);
        abort_if($request->input('title') === 'refused', 422);
    });
    return response('', 201);
});

serve($app);

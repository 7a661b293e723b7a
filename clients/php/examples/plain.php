<?php

// An application without a framework: php -S 127.0.0.1:8000 examples/plain.php. Environment: REDIS_URL, NUDGE_AUTH_SECRET,
// DATABASE (a file).

use Nudge\{Client, Polls, PollScript};

require __DIR__ . '/../autoload.php'; // in an application vendor/autoload.php, of Composer

$nudge = new Client(getenv('REDIS_URL'), secret: getenv('NUDGE_AUTH_SECRET'));
PollScript::begin($nudge, ['cookie:PHPSESSID', 'header:authorization']); // first of all
session_start();

$db = new PDO('sqlite:' . getenv('DATABASE'));
$db->exec('CREATE TABLE IF NOT EXISTS projects (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS stories (project integer, title text);
    INSERT OR IGNORE INTO projects (id) VALUES (1)');
$ask = function (string $sql, mixed ...$values) use ($db): PDOStatement {
    $query = $db->prepare($sql);
    $query->execute($values);
    return $query;
};

preg_match('~^(/nudge-token)|/projects/(\d+)/(changes|stories)~', $_SERVER['REQUEST_URI'], $path);
[, , $id, $what] = $path + [1 => '', '', 'token'];

if ($what === 'token') {
    echo $nudge->tokenFor('ann', [1]);
} elseif ($what === 'changes') { // the poll: the version first, then the rows
    $version = (int) $ask('SELECT version FROM projects WHERE id = ?', $id)->fetchColumn();
    $stories = $ask('SELECT title FROM stories WHERE project = ?', $id)->fetchAll(PDO::FETCH_COLUMN);
    header('X-Nudge-Version: ' . Polls::answered([$id => $version]));
    header('Content-Type: application/json');
    echo json_encode(['version' => $version, 'stories' => $stories]);
} else {
    $db->beginTransaction();
    $ask('INSERT INTO stories VALUES (?, ?)', $id, $_POST['title']);
    $ask('UPDATE projects SET version = version + 1 WHERE id = ?', $id);
    $version = (int) $ask('SELECT version FROM projects WHERE id = ?', $id)->fetchColumn();
    if ($_POST['title'] === 'rolled back') {
        $db->rollBack();
        http_response_code(422);
        exit;
    }
    $db->commit();
    $nudge->publish($id, $version); // after the commit; never throws
    http_response_code(201);
}

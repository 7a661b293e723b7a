<?php

return [
    // A URL of Redis. Without one: the connection of config/database.php that is named below, without its prefix.
    'redis' => env('NUDGE_REDIS_URL'),
    'connection' => 'default',
    // auth.secret of the gateways, for tokens and the poll middleware.
    'secret' => env('NUDGE_AUTH_SECRET'),
    'issuer' => null,
    'audience' => 'nudge',
    // As the gateways have them: redis.prefix, and poll.slow in seconds.
    'prefix' => 'nudge',
    'slow' => 300,
    // Seconds until keys expire; 0: never.
    'expire' => 0,
    // Seconds for a connection to Redis, and for an answer.
    'timeout' => 1,
    // Whether polls are answered 304 where Redis has the versions that the page has.
    'middleware' => true,
    // What tells callers apart; null: the cookie of the session, and the header authorization.
    'identity' => null,
];

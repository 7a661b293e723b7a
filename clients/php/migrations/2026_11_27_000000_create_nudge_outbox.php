<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;
use Nudge\Outbox;

return new class () extends Migration {
    public function up(): void
    {
        DB::statement(Outbox::schema(DB::connection()->getDriverName()));
    }

    public function down(): void
    {
        Schema::drop('nudge_outbox');
    }
};
